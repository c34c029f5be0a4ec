"""Boxes in the formats of tools: objects with a class, in pixels or in parts of the image."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from alkit.errors import InvalidOption
from alkit.interfaces import Export
from alkit.labeling import ABSTAIN, UNUSABLE

from .class_sets import NONE
from .reading import number_of

DIGITS = 9


class Box(NamedTuple):
    """An upright box from its upper left corner; `crowd` is around many objects, `score` of a prediction."""

    name: str
    x: float
    y: float
    width: float
    height: float
    crowd: bool = False
    score: float | None = None


def boxes_of(answer: str | None) -> list[Box]:
    """Return the boxes of an answer, in pixels; none if it has no label, or if there is nothing."""
    if answer is None or answer in (NONE, ABSTAIN, UNUSABLE):
        return []
    return [
        Box(
            box["class"],
            float(box["x"]),
            float(box["y"]),
            float(box["width"]),
            float(box["height"]),
            crowd=bool(box.get("crowd")),
            score=box.get("score"),
        )
        for box in json.loads(answer)
    ]


def boxes_text(boxes: Iterable[Box], *, fraction: bool = False) -> str:
    """Return the text of the label with these boxes.

    Args:
        boxes: none of them means that there is nothing.
        fraction: their numbers are parts of the width and the height of the image.
    """
    listed = [_as_json(box) for box in boxes]
    if not listed:
        return NONE
    return json.dumps({"unit": "fraction", "boxes": listed} if fraction else listed, ensure_ascii=False)


def _as_json(box: Box) -> dict[str, Any]:
    found = {"class": box.name, "x": box.x, "y": box.y, "width": box.width, "height": box.height}
    crowd = {"crowd": True} if box.crowd else {}
    return {**found, **crowd, **({} if box.score is None else {"score": box.score})}


def refuse_crowds(export: Export, format: str, others: Sequence[str]) -> None:
    """Refuse images with a crowd, for a format that has no place for it.

    Raises:
        InvalidOption: there is one; the message names it.
    """
    for item in export.items:
        for box in boxes_of(item.answer):
            if box.crowd:
                raise InvalidOption(
                    f"'{item.image}' has a crowd of '{box.name}', for which the format {format} has no "
                    f"place; export as {' or '.join(others)}"
                )


def numbers(values: Iterable[Any]) -> list[float] | None:
    """Return numbers as they are; None if one of them is something else."""
    found = [number_of(each) for each in values]
    known = [each for each in found if each is not None]
    return known if len(known) == len(found) else None
