"""The records of a benchmark: JSON Lines, one file a cell while it runs, one for all once they are done."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import BenchmarkError
from ..files import write_atomically
from ..ledger import finite
from ..store import sync_folder

RECORDS, CELLS = "records.jsonl", "cells"
Record = dict[str, Any]
# What differs between two runs that computed the same.
OF_THE_RUN = (
    "seconds",
    "cpu_seconds",
    "peak_mb",
    "peak_cuda_mb",
    "date",
    "command",
    "machine",
    "git",
    "versions",
)


def cell_path(results: Path, strategy: str, seed: int) -> Path:
    """Return the file of one cell; names that files cannot have are told apart by a hash."""
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", strategy).strip("-")
    if plain != strategy:
        plain += f"-{hashlib.sha256(strategy.encode()).hexdigest()[:6]}"
    return results / CELLS / f"{plain}--{seed}.jsonl"


def append(path: Path, record: Mapping[str, Any]) -> None:
    """Append one record, on disk when this returns."""
    line = json.dumps(finite(record), ensure_ascii=False, allow_nan=False) + "\n"
    new = not path.exists()
    with open(path, "ab") as file:
        file.write(line.encode())
        file.flush()
        os.fsync(file.fileno())
    if new:
        sync_folder(path.parent)


def read(path: Path, *, mend: bool = False) -> list[Record]:
    """Read a file of records; a last line that was cut short does not count, and is cut off to `mend` it.

    Raises:
        BenchmarkError: another line is damaged.
    """
    if not path.exists():
        return []
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if mend and len(whole) < len(content):
        with open(path, "r+b") as file:
            file.truncate(len(whole))
    records = []
    for number, line in enumerate(whole.splitlines(), 1):
        try:
            records.append(json.loads(line))
        except ValueError as error:
            raise BenchmarkError(f"line {number} of {path} is damaged: {error}; remove the file") from error
    return records


def read_all(results: Path) -> list[Record]:
    """Return the records of all cells: those put together before, and those of cells that ran since.

    A cell that is in both counts once: the file of its own wins.
    """
    by_cell: dict[tuple[str, int], list[Record]] = {}
    for record in read(results / RECORDS):
        by_cell.setdefault((record["strategy"], record["seed"]), []).append(record)
    for path in sorted((results / CELLS).glob("*.jsonl")):
        own = read(path)
        if own:
            by_cell[own[0]["strategy"], own[0]["seed"]] = own
    return [record for key in sorted(by_cell) for record in by_cell[key]]


def cycles_of(records: Iterable[Record]) -> Iterator[Record]:
    """Yield the records of cycles."""
    return (record for record in records if record["kind"] == "cycle")


def put_together(results: Path) -> list[Record]:
    """Write all records into one file, and remove the files of the cells."""
    records = read_all(results)
    lines = [json.dumps(record, ensure_ascii=False, separators=(",", ":")) for record in records]
    write_atomically(results / RECORDS, "".join(f"{line}\n" for line in lines))
    for path in (results / CELLS).glob("*.jsonl"):
        path.unlink()
    with contextlib.suppress(OSError):
        (results / CELLS).rmdir()
    return records


def computed(record: Mapping[str, Any]) -> Record:
    """Return what a record says of what was computed, without time, date and place."""
    return {key: value for key, value in record.items() if key not in OF_THE_RUN}
