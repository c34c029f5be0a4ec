"""Tables of text as people and programs write them: the separator and the encoding are found out."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from alkit.errors import InvalidAnswers
from alkit.utils.files import read_regular

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # of Excel and of LibreOffice, new and old
BYTE_ORDER_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
MAX_BYTES = 2**29
MISSING = frozenset({"", "-", "?", "nan", "na", "n/a", "<na>", "#n/a", "#na", "nat", "null", "none", "nil"})
"""How programs write an empty cell, in lower case."""
LONGEST_CELL = 2**20


@dataclass(frozen=True, slots=True)
class Row:
    """A row: the line that it ends on, from 1, and its cells."""

    line: int
    cells: Sequence[str]


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a header.

    Attributes:
        header: names of the columns, without spaces around them.
        rows: all rows with anything in them.
        notes: what had to be found out and is worth saying.
    """

    header: Sequence[str]
    rows: Sequence[Row]
    notes: Sequence[str] = ()


def read_table(path: Path, *, most: int | None = None) -> Table:
    """Read a table: CSV with commas, semicolons, tabs or bars; UTF-8, UTF-16, or else Windows-1252.

    Args:
        path: the file.
        most: rows to read after the header; all if None.

    Raises:
        InvalidAnswers: it cannot be read, or is not text or not a well-formed table.
    """
    text, notes = _decoded(path)
    stream = io.StringIO(text, newline="")
    first, skipped = stream.readline(), 0
    declared = first.strip().lower()
    if declared.startswith("sep=") and len(declared) == 5:  # for Excel
        separator, skipped = declared[-1], 1
    else:
        while first and not first.strip():
            first, skipped = stream.readline(), skipped + 1
        separator = max(SEPARATORS, key=lambda sign: _cells(first, sign))  # commas, if all have as many
    if separator != ",":
        notes = (*notes, f"its cells are separated by {SEPARATORS.get(separator, repr(separator))}")
    previous = csv.field_size_limit(LONGEST_CELL)
    try:
        rows = list(itertools.islice(_rows(text, separator, skipped), None if most is None else most + 1))
    except csv.Error as error:
        raise InvalidAnswers(f"{path} is not a well-formed table: {error}") from error
    finally:
        csv.field_size_limit(previous)
    header = [name.strip() for name in rows[0].cells] if rows else []
    return Table(header, rows[1:], notes)


def is_empty(cell: str) -> bool:
    """Say whether a cell is empty, or holds a program's word for that."""
    return cell.strip().lower() in MISSING


def _rows(text: str, separator: str, skipped: int) -> Iterator[Row]:
    stream = io.StringIO(text, newline="")
    for _ in range(skipped):
        stream.readline()
    reader = csv.reader(stream, delimiter=separator, strict=True)
    for cells in reader:
        if any(cell.strip() for cell in cells):
            yield Row(reader.line_num + skipped, cells)


def _cells(line: str, separator: str) -> int:
    """Return how many cells a line has with a separator."""
    try:
        return len(next(csv.reader([line], delimiter=separator), []))
    except csv.Error:
        return 0


def _decoded(path: Path) -> tuple[str, tuple[str, ...]]:
    try:
        content = read_regular(path, most=MAX_BYTES)
    except FileNotFoundError:
        raise InvalidAnswers(f"there is no file {path}") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InvalidAnswers(f"{path} cannot be read: {reason}") from error
    if content.startswith(WORKBOOKS):
        raise InvalidAnswers(f"{path} is a workbook or an archive, not a text; save it as CSV (UTF-8)")
    encoding = next((name for mark, name in BYTE_ORDER_MARKS if content.startswith(mark)), "")
    zeros = (content[:1000:2].count(0), content[1:1000:2].count(0))
    if not encoding and max(zeros) > len(content[:1000]) // 4:
        encoding = "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"
    try:
        return content.decode(encoding or "utf-8"), ("it is UTF-16",) if "16" in encoding else ()
    except UnicodeDecodeError as error:
        if encoding or 0 in content:
            raise InvalidAnswers(f"{path} is not text: {error}; save it as CSV in UTF-8") from error
        example = content[error.start : error.start + 1].decode("cp1252", "replace")
        line = content[: error.start].count(b"\n") + 1
        note = f"it is not UTF-8, so it was read as Windows-1252 (Latin-1): line {line} has '{example}'"
        return content.decode("cp1252", "replace"), (note,)
