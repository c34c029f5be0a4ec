"""Rows in tables: CSV and Parquet, with a column that names the image."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from alkit.data.columns import MEANINGS, WEAK, plain_name
from alkit.data.text_tables import is_empty, read_table
from alkit.errors import InvalidAnswers, InvalidRows
from alkit.utils.counts import counted
from alkit.utils.extras import need

from .named_rows import CLASS_COLUMN, KINDS, NamedRows, checked

if TYPE_CHECKING:
    from .named_rows import Kind

NOT_ROWS = frozenset(
    {
        *("class", "label", "confidence", "error", "annotator", "time", "prediction", "predicted", "split"),
        *("index", "hash", "rank", "strategy", "cycle", "width", "height", "target", "true_label"),
        *("", "unnamed: 0"),
    }
)
"""Columns of other programs, and of alkit's own lists, that hold no rows."""


def image_column(header: Sequence[str]) -> str | None:
    """Return the column that names the image, the most certain one."""
    plain = {plain_name(name): name for name in header}
    return next((plain[name] for name in (*MEANINGS["image"], *WEAK) if name in plain), None)


def value_columns(header: Sequence[str], image: str | None, kind: Kind) -> list[str]:
    """Return the columns that hold the numbers: `p_CLASS` if there are any, else all that may."""
    marked = [name for name in header if name.startswith(CLASS_COLUMN)]
    if kind == "predictions" and marked:
        return marked
    return [name for name in header if name != image and name.strip().lower() not in NOT_ROWS]


def read_csv(path: Path, kind: Kind) -> NamedRows:
    """Read a table with a column that names the image, and a column a class or dimension.

    A row in which all numbers are empty (an image that could not be read) counts as missing.

    Raises:
        InvalidRows: it cannot be read, or a cell is not a number.
    """
    try:
        table = read_table(path)
    except InvalidAnswers as error:
        raise InvalidRows(str(error)) from error
    header = list(table.header)
    image = image_column(header)
    wanted = value_columns(header, image, kind)
    _check_columns(path, header, wanted, kind)
    places = [header.index(name) for name in wanted]
    at = None if image is None else header.index(image)
    values, names, numbers = list[list[float]](), list[str](), list[int]()
    for row in table.rows:
        if len(row.cells) != len(header):
            raise InvalidRows(
                f"line {row.line} of '{path}' has {counted(len(row.cells), 'field')} and the header "
                f"{len(header)}"
            )
        cells = [row.cells[place] for place in places]
        if all(is_empty(cell) and cell.strip().lower() != "nan" for cell in cells):
            continue
        values.append([_number(cell, path, row.line, name) for cell, name in zip(cells, wanted, strict=True)])
        numbers.append(row.line)
        names.append("" if at is None else row.cells[at])
    left_out = len(table.rows) - len(values)
    notes = [*table.notes, *([f"left out: {counted(left_out, 'row')} without numbers"] if left_out else [])]
    if at is None and left_out:
        raise InvalidRows(
            f"'{path}' has {counted(left_out, 'row')} without numbers and no column that names the image; "
            "add a column 'image'"
        )
    return checked(
        NamedRows(
            place=str(path),
            values=np.array(values, dtype=np.float64).reshape(len(values), len(wanted)),
            names=None if at is None else names,
            columns=_classes(wanted, kind),
            where="line",
            numbers=numbers,
            notes=notes,
        ),
        kind,
    )


def read_parquet(path: Path, kind: Kind) -> NamedRows:
    """Read a Parquet file: the numbers are in one column of lists, or in a column a class or dimension.

    Raises:
        InvalidRows: it cannot be read, or holds no such columns.
        MissingExtra: pyarrow is not installed.
    """
    parquet, types = need("pyarrow.parquet", "parquet"), need("pyarrow.types", "parquet")
    try:
        with parquet.ParquetFile(path) as file:
            schema, header = file.schema_arrow, list(file.schema_arrow.names)
            image = image_column(header)
            others = {name for other, names in KINDS.items() if other != kind for name in names}
            held = [name for name in header if _is_list(schema.field(name).type, types)]
            lists = [name for name in held if name not in others]
            inside = next((name for name in KINDS[kind] if name in lists), None)
            if inside is None and len(lists) == 1:
                inside = lists[0]
            wanted = (
                [inside]
                if inside
                else value_columns([name for name in header if name not in held], image, kind)
            )
            _check_columns(path, header, wanted, kind)
            table = file.read(columns=[name for name in (image, *wanted) if name is not None])
    except InvalidRows:
        raise
    except Exception as error:  # a damaged file may raise almost anything
        raise InvalidRows(f"'{path}' cannot be read as Parquet: {error}") from error
    names = None if image is None else [str(name) for name in table.column(image).to_pylist()]
    columns = [table.column(name) for name in wanted]
    empty = np.logical_and.reduce([column.is_null().to_numpy() for column in columns])
    if empty.any():
        if names is None:
            raise InvalidRows(f"'{path}' has empty rows and no column that names the image; add one: 'image'")
        names = [name for name, none in zip(names, empty, strict=True) if not none]
        columns = [column.filter(np.logical_not(empty)) for column in columns]
    try:
        values = _stacked(columns, inside is not None)
    except (ValueError, TypeError) as error:
        raise InvalidRows(
            f"'{path}' holds {kind} of different lengths, or values that are no numbers"
        ) from error
    return checked(
        NamedRows(
            place=str(path),
            values=values,
            names=names,
            columns=None if inside else _classes(wanted, kind),
            numbers=(np.flatnonzero(~empty) + 1).tolist(),
            notes=[f"left out: {counted(int(empty.sum()), 'row')} without numbers"] if empty.any() else [],
        ),
        kind,
    )


def _stacked(columns: Sequence[Any], lists: bool) -> Any:
    if lists:
        return np.array(columns[0].to_pylist(), dtype=np.float64)
    return np.stack([column.to_numpy().astype(np.float64) for column in columns], axis=1)


def _is_list(kind: Any, types: Any) -> bool:
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _check_columns(path: Path, header: Sequence[str], wanted: Sequence[str], kind: Kind) -> None:
    if wanted:
        return
    more = " (alkit predict writes them with --probabilities)" if "confidence" in header else ""
    wish = "a column with the probabilities of each class" if kind == "predictions" else "columns of numbers"
    raise InvalidRows(f"'{path}' has the columns {', '.join(header) or '(none)'}; {kind} need {wish}{more}")


def _classes(wanted: Sequence[str], kind: Kind) -> list[str] | None:
    return [name.removeprefix(CLASS_COLUMN).strip() for name in wanted] if kind == "predictions" else None


def _number(cell: str, path: Path, line: int, column: str) -> float:
    try:
        return float(cell)
    except ValueError:
        raise InvalidRows(
            f"line {line} of '{path}' has {cell!r} in column '{column}', which is not a number"
        ) from None
