"""A failure that cells have in common: once a few in a row had the same error, the others are not tried."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from . import records

if TYPE_CHECKING:
    from .cell import Cell

IN_A_ROW = 3
SUFFIX = ".ended"


def watch(results: Path, run: str, *, strategies: int, keep_going: bool) -> None:
    """Begin to note how the cells of a run end; without notes, all of them are tried.

    Args:
        results: folder of the results.
        run: the run.
        strategies: how many strategies its cells have.
        keep_going: take no notes.
    """
    forget(results)
    if not keep_going:
        records.append(_notes(results, run), {"strategies": strategies})


def forget(results: Path) -> None:
    """Remove the notes of all runs."""
    for path in (results / records.CELLS).glob(f"*{SUFFIX}"):
        path.unlink()


def note(cell: Cell, error: str | None) -> None:
    """Note that a cell has ended, with an error or without."""
    from filelock import FileLock  # noqa: PLC0415  # filelock is slow to import

    path = _notes(cell.results, cell.run)
    if path.exists():
        with FileLock(path.with_suffix(".lock")):
            records.append(path, {"strategy": cell.entry.shown, "seed": cell.seed, "error": error})


def shared_error(cell: Cell) -> str | None:
    """Return the error that a few cells in a row had in the run of a cell, or None.

    They are of several strategies where the run has several: one that is broken does not stop the others.
    """
    strategies, ended = _read(cell)
    for start in range(len(ended) - IN_A_ROW + 1):
        row = ended[start : start + IN_A_ROW]
        (error, *others) = {one["error"] for one in row}
        enough = strategies == 1 or len({one["strategy"] for one in row}) > 1
        if error is not None and not others and enough:
            return str(error)
    return None


def not_tried(cells: Sequence[Cell]) -> int:
    """Return how many cells of a run were not tried because others failed."""
    if not cells or shared_error(cells[0]) is None:
        return 0
    _, ended = _read(cells[0])
    return len(cells) - len({(one["strategy"], one["seed"]) for one in ended})


def _read(cell: Cell) -> tuple[int, list[records.Record]]:
    """Return the number of strategies of a run, and how its cells have ended."""
    first, *ended = records.read(_notes(cell.results, cell.run)) or [{"strategies": 0}]
    return int(first["strategies"]), ended


def _notes(results: Path, run: str) -> Path:
    return results / records.CELLS / f"{run}{SUFFIX}"
