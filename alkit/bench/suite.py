"""A whole benchmark: cells in parallel processes, on one machine or many, that resume after a kill."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alkit.errors import BenchmarkError, CellsFailed
from alkit.interfaces.contract import check_needs
from alkit.utils.files import write_atomically
from alkit.utils.progress import Progress

from . import provenance, records
from .cell import Cell, is_complete
from .checks import unpaired
from .embedding_maps import write_map
from .executors import Backend, Runner, runner_of
from .monitor import Monitor
from .prepare import prepare, warm_up
from .protocol import Entry, Protocol
from .resume import (
    PROTOCOL,
    check_same,
    complete_cells,
    exclusive_lock,
    merge_protocol,
    origin_of,
    unpack_results,
)
from .shared_data import SharedData
from .upper_bound import participant

SHARED_DATA = "arena.json"
ATTEMPTS = 3  # rounds over the cells that a killed worker left unfinished


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteOptions:
    """How a benchmark is run; no option changes a result.

    Attributes:
        cache: folder for images and embeddings, shared by benchmarks; `cache` beside the results by default.
        device: where cells compute.
        jobs: cells at once; by default one per core, or one on a GPU.
        backend: `loky`: processes of this machine; `dask`: a cluster; `sequential`: this process.
        scheduler: address of a dask scheduler; a local cluster is started by default.
        download: allow torchvision to download a data set.
        command: the command line, for the records.
    """

    cache: Path | None = None
    device: str = "auto"
    jobs: int | None = None
    backend: Backend = "loky"
    scheduler: str | None = None
    download: bool = False
    command: str = ""


def run_suite(
    protocol: Protocol, results: Path, options: SuiteOptions | None = None, *, progress: Progress
) -> list[records.Record]:
    """Run all cells that have not been run, and merge the records.

    Args:
        protocol: the comparison.
        results: folder for the records; a run of the same protocol in it is resumed.
        options: how it is run.
        progress: where cells, time left and the curves so far are shown.

    Returns:
        All records.

    Raises:
        InvalidProtocol: it does not fit the images or the strategies.
        BenchmarkError: the folder holds another benchmark's records, a cell failed, or a check did.
    """
    with exclusive_lock(results):
        return _run_suite(protocol, results.absolute(), options or SuiteOptions(), progress)


def _run_suite(
    protocol: Protocol, results: Path, options: SuiteOptions, progress: Progress
) -> list[records.Record]:
    cache = (options.cache or results.parent / "cache").absolute()
    shared = prepare(protocol, cache, device=options.device, download=options.download, progress=progress)
    for note in shared.notes:
        progress.line(note)
    _check_strategies(protocol, shared)
    identity = f"{protocol.fingerprint()}-{shared.fingerprint()}"
    check_same(records.read_all(results), identity, protocol, shared, results)
    protocol = merge_protocol(protocol, results)
    if unpack_results(results):
        progress.line(f"the compressed records in {results} are unpacked to {records.RECORDS}")
    write_atomically(results / PROTOCOL, protocol.to_toml())
    path = results / records.CELLS / SHARED_DATA
    shared.save(path)
    header = {**provenance.header(shared, options.command), "protocol": identity}
    run = records.begin_run(results)
    done = complete_cells(records.read_all(results), protocol)
    cells = [
        _cell(results, path, protocol, entry, seed, header, run)
        for entry, seed in protocol.cells
        if (entry.shown, seed) not in done
    ]
    total = len(protocol.cells)
    progress.line(
        f"{protocol.name}: {len(protocol.strategies)} strategies x {len(protocol.seeds)} seeds, {total} cells"
        + (f", {total - len(cells)} of them already done" if len(cells) < total else "")
    )
    if cells:
        warm_up(shared)
        jobs = options.jobs or (1 if shared.device.startswith("cuda") else os.cpu_count() or 1)
        run_cells = runner_of(options.backend, min(jobs, len(cells)), options.scheduler, progress)
        _run_all(cells, run_cells, protocol, progress)
    for (strategy, seed), error in unpaired(records.read_all(results)).items():
        records.write(
            records.cell_path(results, strategy, seed),
            [{"kind": "failed", "strategy": strategy, "seed": seed, "cycle": 0, "error": error}],
        )
    (results / records.CELLS / records.RUN).unlink()
    path.unlink()
    write_map(results, protocol, shared, progress)
    every = records.put_together(results)
    failed = [record for record in every if record["kind"] == "failed"]
    for record in failed:
        progress.line(f"failed: {record['strategy']}, seed {record['seed']}: {record['error']}")
    if failed:
        raise CellsFailed(
            f"{len(failed)} of {total} cells failed; the others are recorded in {results}; run the same "
            "command again to retry the failed ones"
        )
    return every


def _check_strategies(protocol: Protocol, shared: SharedData) -> None:
    """Refuse a strategy that does not exist, or that the task cannot support, before any training."""
    spec = shared.task_model().spec
    for entry in protocol.strategies:
        check_needs(participant(entry), spec)


def _cell(
    results: Path,
    shared: Path,
    protocol: Protocol,
    entry: Entry,
    seed: int,
    header: Mapping[str, Any],
    run: str,
) -> Cell:
    return Cell(
        results=results,
        shared=shared,
        protocol=protocol,
        entry=entry,
        seed=seed,
        header={**origin_of(entry), **header},
        run=run,
    )


def _run_all(cells: Sequence[Cell], run: Runner, protocol: Protocol, progress: Progress) -> None:
    """Run cells to their end; if a worker was killed, run its unfinished cells again."""
    from joblib.externals.loky.process_executor import BrokenProcessPool  # noqa: PLC0415  # joblib is slow to import

    left = list(cells)
    with (
        progress.bar(len(cells) * (protocol.labels.cycles + 1), "cells") as bar,
        Monitor(cells, bar, progress),
    ):
        for attempt in range(ATTEMPTS):
            try:
                run(left)
            except BrokenProcessPool as error:
                if attempt + 1 == ATTEMPTS:
                    raise BenchmarkError(
                        f"worker processes were killed {ATTEMPTS} times (too little memory?); run the "
                        "same command again, perhaps with fewer --jobs, to resume"
                    ) from error
                progress.line("a worker process was killed; its cells resume where they were")
            left = [cell for cell in left if not _is_over(cell)]
            if not left:
                return
    raise BenchmarkError(f"{len(left)} cells did not finish; run the same command again to resume them")


def _is_over(cell: Cell) -> bool:
    done = records.read(cell.path)
    return is_complete(done, cell.protocol) or any(record["kind"] == "failed" for record in done)
