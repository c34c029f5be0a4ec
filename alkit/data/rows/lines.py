"""Rows in JSON Lines: an object per image, with a list of numbers or numbers by class."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from alkit.errors import InvalidRows
from alkit.utils.counts import counted

from .detections import rows_of_scores
from .named_rows import KINDS, NamedRows, checked
from .tables import image_column

if TYPE_CHECKING:
    from .named_rows import Kind


def read_lines(path: Path, kind: Kind) -> NamedRows:
    """Read JSON Lines such as `{"image": "a.jpg", "probabilities": {"cat": 0.7, "dog": 0.3}}`.

    A line without numbers, or with null in their place (an image that could not be read), counts as missing.
    Lines of a detector have `boxes`, a list of objects with a `score`; an image without objects has none.

    Raises:
        InvalidRows: it cannot be read, or a line does not fit.
    """
    listed = _objects(path)
    if kind == "predictions" and (detected := _detected(path, listed)) is not None:
        return detected
    values, names, numbers = list[list[float]](), list[str](), list[int]()
    columns: list[str] | None = None
    left_out = 0
    for number, row in listed:
        where = f"line {number} of '{path}'"
        image, found = image_column(list(row)), next((row[key] for key in KINDS[kind] if key in row), None)
        if image is None:
            raise InvalidRows(f'{where} names no image; write it as {{"image": "PATH", ...}}')
        if found is None:
            left_out += 1
            continue
        if isinstance(found, Mapping):
            columns = list(found) if columns is None else columns
            if set(found) != set(columns):
                odd = sorted(set(found) ^ set(columns))[0]
                raise InvalidRows(f"{where} has other classes than the lines before it: '{odd}'")
            found = [found[name] for name in columns]
        if not isinstance(found, list) or not all(_is_number(value) for value in found):
            raise InvalidRows(f"{where} should have a list of numbers, or numbers by class, as its {kind}")
        if values and len(found) != len(values[0]):
            raise InvalidRows(
                f"{where} has {counted(len(found), 'number')}, and the lines before it {len(values[0]):,}"
            )
        values.append(found)
        names.append(str(row[image]))
        numbers.append(number)
    if not values:
        raise InvalidRows(f"'{path}' holds no {kind}; write them as \"{KINDS[kind][0]}\"")
    return checked(
        NamedRows(
            place=str(path),
            values=np.array(values, dtype=np.float64),
            names=names,
            columns=columns,
            where="line",
            numbers=numbers,
            notes=[f"left out: {counted(left_out, 'line')} without numbers"] if left_out else [],
        ),
        kind,
    )


def _detected(path: Path, rows: Sequence[tuple[int, dict[str, Any]]]) -> NamedRows | None:
    """Return the scores of boxes, if the lines have boxes and no probabilities."""
    if not any("boxes" in row for _, row in rows) or any(
        key in row for _, row in rows for key in KINDS["predictions"]
    ):
        return None
    scores, numbers, left_out = dict[str, list[float]](), list[int](), 0
    for number, row in rows:
        where, image, boxes = f"line {number} of '{path}'", image_column(list(row)), row.get("boxes")
        if image is None:
            raise InvalidRows(f'{where} names no image; write it as {{"image": "PATH", "boxes": [...]}}')
        if str(row[image]) in scores:
            raise InvalidRows(f"{where} is the second one for '{row[image]}'; remove one of them")
        if boxes is None and "boxes" in row:  # it could not be read
            left_out += 1
            continue
        listed = boxes if isinstance(boxes, list) else [None]
        found: list[Any] = [box.get("score") if isinstance(box, dict) else None for box in listed]
        if not all(_is_number(one) and 0 <= one <= 1 for one in found):
            raise InvalidRows(f"{where} should have a list of boxes, each with a score in [0, 1]")
        scores[str(row[image])] = [float(one) for one in found]
        numbers.append(number)
    if not scores:
        raise InvalidRows(f"'{path}' holds no boxes: none of its images could be read")
    found_rows = rows_of_scores(str(path), scores, nameless_is_empty=False, where="line", numbers=numbers)
    notes = [f"left out: {counted(left_out, 'line')} without boxes"] if left_out else []
    return dataclasses.replace(found_rows, notes=[*found_rows.notes, *notes])


def _objects(path: Path) -> list[tuple[int, dict[str, Any]]]:
    rows = []
    try:
        with open(path, encoding="utf-8-sig") as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                try:
                    row = json.loads(line)
                except (ValueError, RecursionError) as error:
                    reason = getattr(error, "msg", error)
                    raise InvalidRows(
                        f"'{path}' cannot be read as JSON Lines: line {number}: {reason}"
                    ) from error
                if not isinstance(row, dict):
                    raise InvalidRows(f"line {number} of '{path}' is not a JSON object")
                rows.append((number, row))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRows(f"'{path}' cannot be read as JSON Lines: {error}") from error
    return rows


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
