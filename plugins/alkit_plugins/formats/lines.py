"""JSON Lines: one object per image with a field `label` to fill in, for scripts."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import alkit
from alkit.errors import InvalidAnswers
from alkit.interfaces import ALL_KINDS, Export, Format, Reply
from alkit.labeling import (
    Columns,
    GivenAnswer,
    as_index,
    choose_columns,
    parse_columns,
    read_text,
    write_atomically,
)

from .class_sets import NONE
from .reading import number_of


@dataclass(kw_only=True)
class Lines(Format):
    """One line per image; it comes back with `label`, and optionally `annotator`, `time` and `cost`."""

    name: ClassVar[str] = "jsonl"
    extensions: ClassVar[tuple[str, ...]] = (".jsonl", ".ndjson")
    kinds: ClassVar[frozenset[str]] = ALL_KINDS

    columns: str = alkit.option("", "keys by meaning, such as image=file,label=species")

    def recognizes(self, path: Path) -> bool:
        """Accept any file with the extension `.jsonl` or `.ndjson`."""
        return path.is_file() and path.suffix.lower() in self.extensions

    def write(self, export: Export, path: Path) -> Sequence[Path]:
        """Write rank, index, hash, path, score, a label that is null, and a note if there is one.

        Boxes are a list of objects. A label that is a copy of another image's has that in `copied_from`.
        """
        rows = [
            {
                "rank": item.rank,
                "index": item.index,
                "hash": item.hash,
                "image": item.image,
                "score": item.score,
                "label": _native(item.answer, self.kind),
                **({"note": item.note} if item.note else {}),
                **({"copied_from": item.copied_from} if item.copied_from else {}),
            }
            for item in export.items
        ]
        write_atomically(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
        return [path]

    def read(self, path: Path) -> Reply:
        """Read the lines that have a label; whatever names the image has to name the same one."""
        reply = Reply()
        blank = 0
        rows: list[tuple[int, dict[str, Any]]] = []
        try:
            lines = read_text(path).decode("utf-8-sig").split("\n")
        except UnicodeDecodeError as error:
            raise InvalidAnswers(f"{path} cannot be read as JSON Lines in UTF-8: {error}") from error
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                reply.reject(number, str(error))
                continue
            if isinstance(row, dict):
                rows.append((number, row))
            else:
                reply.reject(number, "is not a JSON object")
        keys = list(dict.fromkeys(key for _, row in rows for key in row))
        columns = choose_columns(keys, str(path), parse_columns(self.columns))
        if rows and not (columns.names_images and "label" in columns.single):
            raise InvalidAnswers(
                f"the objects in {path} should have image and label, but have {', '.join(keys)}; say "
                "which is which with --columns image=KEY,label=KEY"
            )
        for number, row in rows:
            try:
                answer = _answer(number, [row.get(key) for key in keys], columns, self.kind)
            except ValueError as error:
                reply.reject(number, str(error))
                continue
            if answer is None:
                blank += 1
            else:
                reply.answers.append(answer)
        return Reply(reply.answers, reply.rejected, blank, columns.notes)


def _native(answer: str | None, kind: str) -> Any:
    """Return a label as JSON has it: boxes as objects, others as text."""
    if kind != "boxes" or answer is None or not (answer == NONE or answer.startswith("[")):
        return answer
    return [] if answer == NONE else json.loads(answer)


def _answer(number: int, values: Sequence[Any], columns: Columns, kind: str) -> GivenAnswer | None:
    """Return the answer of a line; None if it has no label yet.

    Raises:
        ValueError: it cannot be understood.
    """

    def value(meaning: str) -> Any:
        place = columns.single.get(meaning)
        return None if place is None else values[place]

    given = value("label")
    if kind in ("classes", "boxes") and isinstance(given, list):
        given = json.dumps(given, ensure_ascii=False)
    label = _text("label", given)
    if not label:
        return None
    images = [text for text in (_text("image", values[place]) for place in columns.images) if text]
    position, hash = _text("index", value("index")).strip(), _text("hash", value("hash")).strip().lower()
    index = as_index(position)
    if position and index is None:
        raise ValueError(f"has the index '{position}', which is not a position in the pool")
    if not images and index is None and not hash:
        raise ValueError("names no image")
    return GivenAnswer(
        number,
        images[0] if images else "",
        label,
        _text("annotator", value("annotator")).strip(),
        _text("time", value("time")).strip(),
        _cost(value("cost")),
        hash,
        index,
        tuple(images[1:]),
    )


def _text(name: str, value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError(f"{name} should be a string")
    return str(value) if str(value).strip() else ""


def _cost(value: Any) -> float | None:
    if value is None:
        return None
    cost = number_of(value)
    if cost is None or not math.isfinite(cost):
        raise ValueError(f"cost {value!r} is not a number")
    return cost


@alkit.hookimpl
def alkit_formats() -> list[type[Format]]:
    """Offer JSON Lines."""
    return [Lines]
