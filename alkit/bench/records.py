"""The records of a benchmark: JSON Lines, one file per cell during the run, one for all afterwards."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from alkit.errors import BenchmarkError
from alkit.utils.files import read_regular, sync_folder, write_atomically
from alkit.utils.json_types import check_type
from alkit.utils.json_values import finite

PROTOCOL, RECORDS, CELLS, RUN = "protocol.toml", "records.jsonl", "cells", "run"
WORK = ".work"
"""Suffix of the folder that a cell resumes from; it is removed when the cell is complete."""
MOST_BYTES = 2**31
Record = dict[str, Any]
NEEDED: dict[str, Any] = {"kind": str, "strategy": str, "seed": int}
NEEDED_OF_CYCLES: dict[str, Any] = {"cycle": int, "labels": int, "metrics": Mapping[str, float | None]}
# Keys that differ between two runs with the same results.
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
    """Return the file of one cell; a hash distinguishes names that files cannot have."""
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", strategy).strip("-")
    if plain != strategy:
        plain += f"-{hashlib.sha256(strategy.encode()).hexdigest()[:6]}"
    return results / CELLS / f"{plain}--{seed}.jsonl"


def append(path: Path, record: Mapping[str, Any]) -> None:
    """Append one record; it is on disk when this returns."""
    line = json.dumps(finite(record), ensure_ascii=False, allow_nan=False) + "\n"
    new = not path.exists()
    with open(path, "ab") as file:
        file.write(line.encode())
        file.flush()
        os.fsync(file.fileno())
    if new:
        sync_folder(path.parent)


def packed_path(path: Path) -> Path:
    """Return where the compressed form of a file of results is."""
    return path.with_name(f"{path.name}.xz")


def unpack(path: Path) -> bool:
    """Replace the compressed form of a file of results, if only that exists; return whether it did.

    The compressed file is removed once the other is on disk. If both exist, it stays: it may hold more.

    Raises:
        BenchmarkError: the compressed file is damaged.
    """
    if path.exists() or (content := read_content(path)) is None:
        return False
    write_atomically(path, content)
    sync_folder(path.parent)
    packed_path(path).unlink()
    return True


def read_content(path: Path) -> bytes | None:
    """Return what a file of results holds: its own content, else that of `path.xz`, else None.

    Raises:
        BenchmarkError: the compressed file is damaged, or this Python cannot read such files.
    """
    if path.exists():
        try:
            return read_regular(path, most=MOST_BYTES)
        except OSError as error:
            raise BenchmarkError(f"{path} cannot be read: {error.strerror or error}") from error
    packed = packed_path(path)
    if not packed.exists():
        return None
    try:
        import lzma  # noqa: PLC0415  # a Python may have been built without it
    except ImportError as error:
        raise BenchmarkError(
            f"{packed} is compressed, and this Python was built without lzma; decompress it with 'xz -d'"
        ) from error
    try:
        return lzma.decompress(read_regular(packed, most=MOST_BYTES))
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise BenchmarkError(f"{packed} is damaged: {error}; restore it from a copy") from error


def read(path: Path, *, repair: bool = False) -> list[Record]:
    """Read a file of records, or its compressed form if only that exists.

    An incomplete last line does not count; `repair` removes it from the file.

    Raises:
        BenchmarkError: another line is damaged.
    """
    if (content := read_content(path)) is None:
        return []
    whole = content[: content.rfind(b"\n") + 1]
    if repair and len(whole) < len(content):
        with open(path, "r+b") as file:
            file.truncate(len(whole))
    records = []
    for number, line in enumerate(whole.splitlines(), 1):
        try:
            records.append(_parsed(line))
        except (ValueError, RecursionError) as error:
            named = path if path.exists() else packed_path(path)
            remedy = (
                "restore it from a copy" if path.name == RECORDS else "remove the file; its cell runs again"
            )
            raise BenchmarkError(f"line {number} of {named} is damaged: {error}; {remedy}") from error
    return records


def _parsed(line: bytes) -> Record:
    record = json.loads(line)
    if not isinstance(record, dict):
        raise ValueError("it is not a JSON object")
    return record


def checked(
    records: list[Record], results: Path, of_cycles: Mapping[str, Any] = NEEDED_OF_CYCLES
) -> list[Record]:
    """Return records that hold what a report needs, those of cycles some more.

    Raises:
        BenchmarkError: one does not; the message names it.
    """
    for number, record in enumerate(records, 1):
        try:
            for key, hint in {**NEEDED, **(of_cycles if record.get("kind") == "cycle" else {})}.items():
                if key not in record:
                    raise ValueError(f"'{key}' is missing")
                check_type(record[key], hint, f"'{key}'")
        except ValueError as error:
            raise BenchmarkError(
                f"record {number} in {results} is damaged: {error}; restore the records from a copy"
            ) from error
    return records


def read_all(results: Path) -> list[Record]:
    """Return the records of all cells: those merged before, and those of cells that ran since.

    A cell that is in both counts once: its own file wins.
    """
    by_cell: dict[tuple[str, int], list[Record]] = {}
    for record in checked(read(results / RECORDS), results, {}):
        by_cell.setdefault((record["strategy"], record["seed"]), []).append(record)
    for path in sorted((results / CELLS).glob("*.jsonl")):
        own = checked(read(path), path, {})
        if own:
            by_cell[own[0]["strategy"], own[0]["seed"]] = own
    return [record for key in sorted(by_cell) for record in by_cell[key]]


def cycles_of(records: Iterable[Record]) -> Iterator[Record]:
    """Yield the records of cycles."""
    return (record for record in records if record["kind"] == "cycle")


def write(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """Write a whole file of records in place of what is there."""
    lines = [json.dumps(record, ensure_ascii=False, separators=(",", ":")) for record in records]
    write_atomically(path, "".join(f"{line}\n" for line in lines))


def put_together(results: Path) -> list[Record]:
    """Merge all records into one file; files of failed and unfinished cells stay, which resume from there."""
    unpack(results / RECORDS)
    records = read_all(results)
    write(results / RECORDS, records)
    for path in (results / CELLS).glob("*.jsonl"):
        failed = any(record["kind"] == "failed" for record in read(path))
        if not failed and not path.with_suffix(WORK).exists():
            path.unlink()
    for path in (results / CELLS).glob("*.lock"):
        path.unlink()
    with contextlib.suppress(OSError):
        (results / CELLS).rmdir()
    return records


def begin_run(results: Path) -> str:
    """Start a run of a suite: the cells of any earlier run stop at their next record."""
    run = secrets.token_hex(8)
    write_atomically(results / CELLS / RUN, run)
    return run


def current_run(results: Path) -> str | None:
    """Return which run the cells belong to, or None."""
    try:
        return (results / CELLS / RUN).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def computed(record: Mapping[str, Any]) -> Record:
    """Return the computed part of a record, without time, date and place."""
    return {key: value for key, value in record.items() if key not in OF_THE_RUN}
