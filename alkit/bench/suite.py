"""A whole benchmark: cells in parallel processes, on one machine or many, that resume after a kill."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alkit.errors import CellsFailed
from alkit.interfaces.contract import check_needs
from alkit.plugin.executors import open_executor, run_all
from alkit.reporting.wording import listed
from alkit.utils.counts import counted
from alkit.utils.files import write_atomically
from alkit.utils.progress import Progress

from . import common_failure, provenance, records
from .cell import Cell, is_complete, run_cell
from .checks import unpaired
from .embedding_maps import write_map
from .monitor import Monitor
from .prepare import prepare, warm_up
from .protocol import Entry, Protocol
from .resume import (
    check_same,
    complete_cells,
    exclusive_lock,
    merge_protocol,
    origin_of,
    unpack_results,
)
from .shared_data import SharedData, task_options_of
from .upper_bound import participant

if TYPE_CHECKING:
    from alkit.interfaces.executor import Executor

SHARED_DATA = "arena.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteOptions:
    """How a benchmark is run; no option changes a result.

    Attributes:
        cache: folder for images and embeddings, shared by benchmarks; `cache` beside the results by default.
        device: where cells compute.
        executor: name of the executor that runs the cells.
        executor_options: its options; by default it runs one cell per core at once, or one on a GPU.
        download: allow torchvision to download a data set.
        command: the command line, for the records.
        keep_going: try all cells, even if several in a row fail with the same error.
        continue_others: also run what is missing of strategies that only the results have, for all seeds.
    """

    cache: Path | None = None
    device: str = "auto"
    executor: str = "processes"
    executor_options: Mapping[str, Any] = field(default_factory=dict)
    download: bool = False
    command: str = ""
    keep_going: bool = False
    continue_others: bool = True


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
    identity = f"{protocol.fingerprint()}-{shared.fingerprint()}"
    _check(protocol, shared, identity, results)
    named = {entry.shown for entry in protocol.strategies}
    protocol = merge_protocol(protocol, results)
    if unpack_results(results):
        progress.line(f"the compressed records in {results} are unpacked to {records.RECORDS}")
    write_atomically(results / records.PROTOCOL, protocol.to_toml())
    path = results / records.CELLS / SHARED_DATA
    shared.save(path)
    header = {**provenance.header(shared, options.command), "protocol": identity}
    run = records.begin_run(results)
    done = complete_cells(records.read_all(results), protocol)
    wanted = [
        (entry, seed) for entry, seed in protocol.cells if options.continue_others or entry.shown in named
    ]
    cells = [
        _cell(results, path, protocol, entry, seed, header, run)
        for entry, seed in wanted
        if (entry.shown, seed) not in done
    ]
    total, taking_part = len(wanted), {entry.shown for entry, _ in wanted}
    progress.line(
        f"{protocol.name}: {counted(len(taking_part), 'strategy', 'strategies')} x "
        f"{counted(len(protocol.seeds), 'seed')}, {counted(total, 'cell')}"
        + (f", {total - len(cells)} of them already done" if len(cells) < total else "")
        + (f", {begun} begun earlier" if (begun := sum(cell.path.exists() for cell in cells)) else "")
    )
    others = {entry.shown: None for entry, seed in protocol.cells if (entry.shown, seed) not in done}
    if line := _about_others([name for name in others if name not in named], results, options):
        progress.line(line)
    if cells:
        warm_up(shared)
        strategies = len({cell.entry.shown for cell in cells})
        common_failure.watch(results, run, strategies=strategies, keep_going=options.keep_going)
        alone = {"workers": 1} if shared.device.startswith("cuda") else {}
        executor = open_executor(options.executor, {**alone, **options.executor_options})
        _run_all(cells, executor, protocol, progress)
    for (strategy, seed), error in unpaired(records.read_all(results)).items():
        records.write(
            records.cell_path(results, strategy, seed),
            [{"kind": "failed", "strategy": strategy, "seed": seed, "cycle": 0, "error": error}],
        )
    not_tried = common_failure.not_tried(cells)
    shared_error = common_failure.shared_error(cells[0]) if cells else None
    common_failure.forget(results)
    (results / records.CELLS / records.RUN).unlink()
    path.unlink()
    write_map(results, protocol, shared, progress)
    every = records.put_together(results)
    failed = [record for record in every if record["kind"] == "failed" and record["strategy"] in taking_part]
    for record in failed:
        progress.line(f"failed: {record['strategy']}, seed {record['seed']}: {record['error']}")
    if failed:
        raise CellsFailed(
            f"{len(failed)} of {total} cells failed{_what_next(results, not_tried, shared_error)}"
        )
    return every


def _about_others(others: Sequence[str], results: Path, options: SuiteOptions) -> str:
    """Say what becomes of unfinished strategies that only the results have; nothing if there are none."""
    if not others:
        return ""
    if options.continue_others:
        return f"also continues {listed(others)} (from the results in {results})"
    return f"does not continue {listed(others)} (in {results}); to run all strategies, leave out --strategy"


def _what_next(results: Path, not_tried: int, shared_error: str | None) -> str:
    """Return the rest of the sentence that says that cells failed."""
    if not not_tried:
        return f"; the others are recorded in {results}; run the same command again to retry the failed ones"
    return (
        f", {common_failure.IN_A_ROW} in a row with the same error ({shared_error}), so the run ended with "
        f"{counted(not_tried, 'cell')} not tried; run the same command again to continue once the cause is "
        "gone, or with --keep-going to try them all the same"
    )


def _check(protocol: Protocol, shared: SharedData, identity: str, results: Path) -> None:
    """Refuse a strategy that the task cannot support, and records of another benchmark, before training."""
    task = shared.task_model()
    for entry in protocol.strategies:
        check_needs(participant(entry), task.spec)
    check_same(records.read_all(results), identity, protocol, shared, task_options_of(task), results)


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


def _run_all(cells: Sequence[Cell], executor: Executor, protocol: Protocol, progress: Progress) -> None:
    """Run cells to their end; if a worker was killed, run its unfinished cells again."""
    with (
        progress.bar(len(cells) * (protocol.labels.cycles + 1), "cells") as bar,
        Monitor(cells, bar, progress),
    ):
        run_all(executor, run_cell, cells, _is_over, progress)


def _is_over(cell: Cell) -> bool:
    done = records.read(cell.path)
    ended = is_complete(done, cell.protocol) or any(record["kind"] == "failed" for record in done)
    return ended or common_failure.shared_error(cell) is not None
