"""Answers in a CSV file: `image,label[,annotator][,time][,cost]`."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from alkit.data.columns import Columns, choose_columns
from alkit.data.text_tables import Row, Table, is_empty, read_table
from alkit.errors import InvalidAnswers
from alkit.utils.files import write_atomically

from .given_answer import GivenAnswer, as_index, as_number
from .rejection import Rejection

COLUMNS = ("rank", "index", "image", "score", "strategy", "cycle", "label")
"""The columns of a query's list."""


@dataclass(frozen=True, slots=True)
class TableAnswers:
    """What a table of answers says.

    Attributes:
        answers: the rows with a label.
        rejected: the rows that cannot be understood.
        blank: number of rows without a label: not answered yet.
        notes: what had to be found out: separator, encoding, columns.
    """

    answers: Sequence[GivenAnswer] = ()
    rejected: Sequence[Rejection] = ()
    blank: int = 0
    notes: Sequence[str] = ()


def read_answers(path: Path, columns: Mapping[str, str] | None = None) -> TableAnswers:
    """Read a table of answers with a header: CSV, also with semicolons or tabs.

    A column `index` that only counts the rows (0, 1, 2, ... or 1, 2, 3, ...) beside a column that names
    images is the counter of a data frame, and says nothing.

    Args:
        path: the file.
        columns: names of columns by meaning (`image`, `label`, ...), where they have names of their own.

    Raises:
        InvalidAnswers: it is not such a file.
    """
    table = read_table(path)
    found = choose_columns(table.header, str(path), columns)
    _check(path, table, found)
    notes = [*table.notes, *found.notes]
    if found.images and "index" in found.single and _counts(table, found):
        single = {meaning: place for meaning, place in found.single.items() if meaning != "index"}
        if tuple(table.header) != COLUMNS:
            notes.append("its column 'index' only counts the rows, so it was not used")
        found = Columns(found.images, single)
    answers: list[GivenAnswer] = []
    rejected: list[Rejection] = []
    blank = 0
    for row in table.rows:
        try:
            answer = _answer(row, len(table.header), found)
        except ValueError as error:
            rejected.append(Rejection(row.line, str(error)))
            continue
        if answer is None:
            blank += 1
        else:
            answers.append(answer)
    return TableAnswers(answers, rejected, blank, notes)


def write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV file in UTF-8 that `read_answers` reads back unchanged."""
    lines: list[str] = []
    # A carriage return in a cell is quoted only where lines end with one, which they should not.
    writer = csv.writer(SimpleNamespace(write=lines.append), lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows(rows)
    write_atomically(path, "".join(line.removesuffix("\r\n") + "\n" for line in lines))


def _check(path: Path, table: Table, found: Columns) -> None:
    if not table.header:
        raise InvalidAnswers(f"{path} is empty; it should have the columns image and label")
    missing = [
        name for name, there in (("image", found.names_images), ("label", found.has_labels)) if not there
    ]
    if missing:
        raise InvalidAnswers(
            f"{path} should have the columns image and label, but its first line is "
            f"{', '.join(table.header)}; say which column is which with --columns "
            f"{','.join(f'{name}=COLUMN' for name in missing)}"
        )
    if not table.rows:
        raise InvalidAnswers(f"{path} has a header, but no rows")


def _answer(row: Row, width: int, columns: Columns) -> GivenAnswer | None:
    """Return the answer of a row; None without a label.

    Raises:
        ValueError: it cannot be understood.
    """
    if len(row.cells) > width:
        raise ValueError("has more cells than the header")
    label = _together(row.cells, columns) if columns.several else columns.cell(row.cells, "label")
    if not label.strip():
        return None
    images = [
        row.cells[place] for place in columns.images if place < len(row.cells) and row.cells[place].strip()
    ]
    index_text, hash = columns.cell(row.cells, "index"), columns.cell(row.cells, "hash").strip()
    index = None if is_empty(index_text) else _index(index_text)
    if not images and index is None and not hash:
        raise ValueError("names no image")
    return GivenAnswer(
        row.line,
        images[0] if images else "",
        label,
        _unless_empty(columns.cell(row.cells, "annotator")),
        _unless_empty(columns.cell(row.cells, "time")),
        _cost(columns.cell(row.cells, "cost")),
        "" if is_empty(hash) else hash,
        index,
        tuple(images[1:]),
    )


def _together(cells: Sequence[str], columns: Columns) -> str:
    """Return the label that several columns make: a list of classes, or numbers; empty if all are empty.

    Raises:
        ValueError: a cell says neither that a class applies nor that it does not.
    """
    given = {
        name: cells[place].strip() if place < len(cells) else "" for name, place in columns.several.items()
    }
    if not any(given.values()):
        return ""
    if columns.meaning == "numbers":
        return ";".join(given.values())
    marks = {name: _mark(name, cell) for name, cell in given.items()}
    return json.dumps([f"{mark}{name}" for name, mark in marks.items() if mark is not None])


def _mark(name: str, cell: str) -> str | None:
    """Return nothing if a class applies, `?` if that is unknown, and None if it does not apply."""
    number = as_number(cell)
    word = cell.lower() if number is None else f"{number:g}"
    if word in ("1", "true", "yes", "y", "x"):
        return ""
    if word in ("0", "false", "no", "n"):
        return None
    if word in ("", "-1", "?", "nan"):
        return "?"
    raise ValueError(f"has '{cell}' in column '{name}', which should be 1, 0, or empty if it is unknown")


def _counts(table: Table, columns: Columns) -> bool:
    """Say whether the column `index` only counts the rows."""
    numbers = [as_index(columns.cell(row.cells, "index")) for row in table.rows]
    return any(numbers == list(range(start, start + len(numbers))) for start in (0, 1))


def _index(text: str) -> int:
    index = as_index(text)
    if index is None:
        raise ValueError(f"has the index '{text}', which is not a position in the pool")
    return index


def _unless_empty(text: str) -> str:
    return "" if is_empty(text) else text.strip()


def _cost(text: str) -> float | None:
    if is_empty(text):
        return None
    try:
        cost = float(text.replace(",", ".") if text.count(",") == 1 and "." not in text else text)
    except ValueError:
        cost = math.nan
    if not math.isfinite(cost):
        raise ValueError(f"cost '{text}' is not a number")
    return cost
