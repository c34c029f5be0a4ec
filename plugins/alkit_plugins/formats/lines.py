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
from alkit.interfaces import Export, Format, Reply
from alkit.labeling import REFERENCES, GivenAnswer, read_text, write_atomically


@dataclass(kw_only=True)
class Lines(Format):
    """One line per image; it comes back with `label`, and optionally `annotator`, `time` and `cost`."""

    name: ClassVar[str] = "jsonl"
    extensions: ClassVar[tuple[str, ...]] = (".jsonl", ".ndjson")

    def recognizes(self, path: Path) -> bool:
        """Accept any file with the extension `.jsonl` or `.ndjson`."""
        return path.is_file() and path.suffix.lower() in self.extensions

    def write(self, export: Export, path: Path) -> Sequence[Path]:
        """Write rank, index, hash, path, score, and a label that is null."""
        rows = [
            {
                "rank": item.rank,
                "index": item.index,
                "hash": item.hash,
                "image": item.image,
                "score": item.score,
                "label": item.answer,
            }
            for item in export.items
        ]
        write_atomically(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
        return [path]

    def read(self, path: Path) -> Reply:
        """Read the lines that have a label; index and hash must match, and take precedence over a path."""
        reply = Reply()
        blank = 0
        try:
            lines = read_text(path).decode("utf-8-sig").split("\n")
        except UnicodeDecodeError as error:
            raise InvalidAnswers(f"{path} cannot be read as JSON Lines in UTF-8: {error}") from error
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                answer = _answer(number, json.loads(line))
            except (ValueError, RecursionError) as error:
                reply.reject(number, str(error))
                continue
            if answer is None:
                blank += 1
            else:
                reply.answers.append(answer)
        return Reply(reply.answers, reply.rejected, blank)


def _answer(number: int, row: Any) -> GivenAnswer | None:
    """Return the answer of a line; None if it has no label yet.

    Raises:
        ValueError: it cannot be understood.
    """
    if not isinstance(row, dict):
        raise ValueError("is not a JSON object")
    label = _text(row, "label")
    if not label:
        return None
    index, hash = _text(row, "index").strip(), _text(row, "hash").strip().lower()
    image = index if index and hash else next(filter(None, (_text(row, name) for name in REFERENCES)), "")
    if not image:
        raise ValueError("names no image")
    return GivenAnswer(
        number,
        image,
        label,
        _text(row, "annotator").strip(),
        _text(row, "time").strip(),
        _cost(row.get("cost")),
        hash if index else "",
    )


def _text(row: dict[str, Any], name: str) -> str:
    value = row.get(name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError(f"{name} should be a string")
    return str(value) if str(value).strip() else ""


def _cost(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f"cost {value!r} is not a number")
    return float(value)


@alkit.hookimpl
def alkit_formats() -> list[type[Format]]:
    """Offer JSON Lines."""
    return [Lines]
