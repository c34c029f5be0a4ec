"""A whole benchmark: cells side by side in processes, on one machine or many, that go on after a kill."""

from __future__ import annotations

import dataclasses
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from ..composing import make_strategy, plugin_of
from ..errors import BenchmarkError, CellsFailed, InvalidProtocol
from ..files import write_atomically
from ..progress import Bar, Progress
from . import provenance, records
from .arena import Arena, prepare, warm_up
from .cell import Cell, is_complete, run_cell
from .checks import check_pairing
from .maps import write_map
from .protocol import Entry, Protocol, read_protocol

Backend = Literal["loky", "dask", "sequential"]
PROTOCOL, ARENA, LOCK = "protocol.toml", "arena.json", "suite.lock"
ATTEMPTS = 3  # rounds over the cells that a killed worker left behind
SECONDS_BETWEEN_LOOKS = 1.0


def run_suite(
    protocol: Protocol,
    results: Path,
    *,
    cache: Path | None = None,
    device: str = "auto",
    jobs: int | None = None,
    backend: Backend = "loky",
    scheduler: str | None = None,
    download: bool = False,
    command: str = "",
    progress: Progress,
) -> list[records.Record]:
    """Run all cells that have not been run, and put the records together.

    Args:
        protocol: the comparison.
        results: folder for the records; what is there of the same protocol is gone on with.
        cache: folder for images and embeddings, shared by benchmarks; `cache` beside the results by default.
        device: where cells compute.
        jobs: cells at once; one a core by default, one on a GPU.
        backend: `loky`: processes of this machine; `dask`: a cluster; `sequential`: this process.
        scheduler: address of a dask scheduler; a local cluster is started by default.
        download: allow torchvision to download a data set.
        command: what was typed, for the record.
        progress: where cells, time left and the curves so far are shown.

    Returns:
        All records.

    Raises:
        InvalidProtocol: it does not fit the images or the strategies.
        BenchmarkError: the folder holds another benchmark's records, a cell failed, or a check did.
    """
    from filelock import FileLock, Timeout

    (results / records.CELLS).mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(results / records.CELLS / LOCK, timeout=0):
            return _run_suite(
                protocol,
                results.absolute(),
                cache=(cache or results.parent / "cache").absolute(),
                device=device,
                jobs=jobs,
                backend=backend,
                scheduler=scheduler,
                download=download,
                command=command,
                progress=progress,
            )
    except Timeout:
        raise BenchmarkError(f"another process runs a benchmark in {results}; wait, or name --out") from None


def _run_suite(
    protocol: Protocol,
    results: Path,
    *,
    cache: Path,
    device: str,
    jobs: int | None,
    backend: Backend,
    scheduler: str | None,
    download: bool,
    command: str,
    progress: Progress,
) -> list[records.Record]:
    arena = prepare(protocol, cache, device=device, download=download, progress=progress)
    for note in arena.notes:
        progress.line(note)
    _check_strategies(protocol, arena)
    identity = f"{protocol.fingerprint()}-{arena.fingerprint()}"
    _check_same(records.read_all(results), identity, protocol, arena, results)
    protocol = _joined(protocol, results)
    write_atomically(results / PROTOCOL, protocol.to_toml())
    path = results / records.CELLS / ARENA
    arena.save(path)
    header = {**provenance.header(arena, command), "protocol": identity}
    run = records.begin_run(results)
    done = _complete(records.read_all(results), protocol)
    cells = [
        _cell(results, path, protocol, entry, seed, header, run)
        for entry, seed in protocol.cells
        if (entry.shown, seed) not in done
    ]
    total = len(protocol.cells)
    progress.line(
        f"{protocol.name}: {len(protocol.strategies)} strategies x {len(protocol.seeds)} seeds, {total} cells"
        + (f", {total - len(cells)} of them done before" if len(cells) < total else "")
    )
    if cells:
        warm_up(arena)
        jobs = jobs or (1 if arena.device.startswith("cuda") else os.cpu_count() or 1)
        _run_all(cells, _runner(backend, min(jobs, len(cells)), scheduler, progress), protocol, progress)
    every = records.read_all(results)
    check_pairing(every)
    (results / records.CELLS / records.RUN).unlink()
    path.unlink()  # the arena
    write_map(results, protocol, arena, progress)
    every = records.put_together(results)
    failed = [record for record in every if record["kind"] == "failed"]
    for record in failed:
        progress.line(f"failed: {record['strategy']}, seed {record['seed']}: {record['error']}")
    if failed:
        raise CellsFailed(
            f"{len(failed)} of {total} cells failed; the others are recorded in {results}, and the same "
            "command tries the failed ones again"
        )
    return every


def _check_strategies(protocol: Protocol, arena: Arena) -> None:
    """Refuse a strategy that does not exist, or that the task cannot serve, before anything is trained."""
    from ..selection import check_needs

    spec = arena.task_model().spec
    for entry in protocol.strategies:
        check_needs(make_strategy(entry.name, entry.options), spec)


def _check_same(
    found: Sequence[records.Record], identity: str, protocol: Protocol, arena: Arena, results: Path
) -> None:
    """Refuse to mix records that were made from something else."""
    versions = {entry.shown: _origin(entry)["version"] for entry in protocol.strategies}
    device = arena.device.partition(":")[0]
    for record in found:
        if record["kind"] != "cell":
            continue
        if record["protocol"] != identity:
            reason = "of another protocol, other images or other labels"
        elif record["version"] != versions.get(record["strategy"], record["version"]):
            reason = f"of another version of '{record['strategy']}' ({record['version'][:12]})"
        elif record["machine"]["device"].partition(":")[0] != device:
            reason = f"that were computed on '{record['machine']['device']}', not on '{device}'"
        else:
            continue
        raise BenchmarkError(f"{results} holds records {reason}; name another folder by --out, or remove it")


def _origin(entry: Entry) -> dict[str, str]:
    """Say where a strategy comes from."""
    plugin = plugin_of(make_strategy(entry.name, entry.options))
    return {
        "plugin": entry.name,
        "distribution": plugin.distribution if plugin else "",
        "version": plugin.version if plugin else "",
    }


def _joined(protocol: Protocol, results: Path) -> Protocol:
    """Add the strategies and seeds that the results have already."""
    path = results / PROTOCOL
    if not path.exists():
        return protocol
    before = read_protocol(path)
    names = {entry.shown: entry for entry in before.strategies}
    for entry in protocol.strategies:
        if dataclasses.replace(names.get(entry.shown, entry), seeds=entry.seeds) != entry:
            raise InvalidProtocol(
                f"{results} holds '{entry.shown}' with other options; give this one another label"
            )
        names[entry.shown] = entry
    seeds = tuple(dict.fromkeys((*before.seeds, *protocol.seeds)))
    return dataclasses.replace(protocol, strategies=tuple(names.values()), seeds=seeds)


def _complete(found: Sequence[records.Record], protocol: Protocol) -> set[tuple[str, int]]:
    by_cell: dict[tuple[str, int], list[records.Record]] = {}
    for record in found:
        by_cell.setdefault((record["strategy"], record["seed"]), []).append(record)
    return {key for key, cell in by_cell.items() if is_complete(cell, protocol)}


def _cell(
    results: Path,
    arena: Path,
    protocol: Protocol,
    entry: Entry,
    seed: int,
    header: Mapping[str, Any],
    run: str,
) -> Cell:
    return Cell(
        results=results,
        arena=arena,
        protocol=protocol,
        entry=entry,
        seed=seed,
        header={**_origin(entry), **header},
        run=run,
    )


Runner = Callable[[Sequence[Cell]], None]


def _runner(backend: Backend, jobs: int, scheduler: str | None, progress: Progress) -> Runner:
    if backend == "sequential":
        return _one_by_one
    if backend == "loky":
        return lambda cells: _with_loky(cells, jobs)
    from .cluster import with_dask

    return lambda cells: with_dask(cells, jobs, scheduler, progress)


def _one_by_one(cells: Sequence[Cell]) -> None:
    for cell in cells:
        run_cell(cell)


def _with_loky(cells: Sequence[Cell], jobs: int) -> None:
    from joblib import Parallel, delayed

    # A worker takes one cell at a time: cells differ in length, and a killed worker loses one only.
    Parallel(n_jobs=jobs, backend="loky", batch_size=1, pre_dispatch=jobs)(
        delayed(run_cell)(cell) for cell in cells
    )


def _run_all(cells: Sequence[Cell], run: Runner, protocol: Protocol, progress: Progress) -> None:
    """Run cells to their end; where a worker was killed, run what it left behind again."""
    from joblib.externals.loky.process_executor import BrokenProcessPool

    left = list(cells)
    with (
        progress.bar(len(cells) * (protocol.labels.cycles + 1), "cells") as bar,
        _Watcher(cells, bar, progress),
    ):
        for attempt in range(ATTEMPTS):
            try:
                run(left)
            except BrokenProcessPool as error:
                if attempt + 1 == ATTEMPTS:
                    raise BenchmarkError(
                        f"worker processes were killed {ATTEMPTS} times (too little memory?); the same "
                        "command, perhaps with fewer --jobs, goes on"
                    ) from error
                progress.line("a worker process was killed; its cells go on where they were")
            left = [cell for cell in left if not _is_over(cell)]
            if not left:
                return
    raise BenchmarkError(f"{len(left)} cells did not come to their end; the same command goes on with them")


def _is_over(cell: Cell) -> bool:
    done = records.read(cell.path)
    return is_complete(done, cell.protocol) or any(record["kind"] == "failed" for record in done)


class _Watcher:
    """Looks at the files of the cells while they run, and says how far they are and how they do."""

    def __init__(self, cells: Sequence[Cell], bar: Bar, progress: Progress) -> None:
        self.cells, self.bar, self.progress = list(cells), bar, progress
        self.sizes: dict[Path, int] = {}
        self.cycles: dict[Path, int] = {}
        self.over: set[Path] = set()
        self.at_start = 0
        self.started = time.monotonic()
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._look_on, name="alkit-watch", daemon=True)

    def __enter__(self) -> None:
        self._look(quietly=True)
        self.at_start = sum(self.cycles.values())
        self.thread.start()

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join()
        self._look()

    def _look_on(self) -> None:
        while not self.stop.wait(SECONDS_BETWEEN_LOOKS):
            self._look()

    def _look(self, *, quietly: bool = False) -> None:
        for cell in self.cells:
            size = cell.path.stat().st_size if cell.path.exists() else 0
            if size == self.sizes.get(cell.path):
                continue
            self.sizes[cell.path] = size
            try:
                found = records.read(cell.path)
            except BenchmarkError:  # it will say so itself
                continue
            done = [record for record in found if record["kind"] == "cycle"]
            self.bar.update(len(done) - self.cycles.get(cell.path, 0))
            self.cycles[cell.path] = len(done)
            if len(done) == cell.protocol.labels.cycles + 1 and cell.path not in self.over:
                self.over.add(cell.path)
                if not quietly:
                    self._say(cell, done)

    def _say(self, cell: Cell, done: Sequence[records.Record]) -> None:
        values = [next(iter(record["metrics"].values()), float("nan")) for record in done]
        curve = " ".join(f"{value:.3f}" for value in values)
        self.progress.line(
            f"{len(self.over)} of {len(self.cells)} cells, {self._left()}: "
            f"{cell.entry.shown}, seed {cell.seed}: {curve}"
        )

    def _left(self) -> str:
        done = sum(self.cycles.values()) - self.at_start
        total = len(self.cells) * (self.cells[0].protocol.labels.cycles + 1) - self.at_start
        seconds = (time.monotonic() - self.started) * (total - done) / max(done, 1)
        if seconds < 90:
            return f"{seconds:.0f} s left"
        return f"{seconds / 60:.0f} min left" if seconds < 5400 else f"{seconds / 3600:.1f} h left"
