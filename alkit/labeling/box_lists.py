"""Boxes in an image: how they are written, how two lists of them match, and how they are drawn."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from alkit._typing import Pixels

Box = Mapping[str, Any]
"""`class`, `x` and `y` of the upper left corner, `width`, `height`; `crowd` and `score` where set."""

SIDES = ("x", "y", "width", "height")
KEYS = frozenset({"class", *SIDES, "crowd", "score"})
DIGITS = 3
"""Coordinates are kept to a thousandth of a pixel, so that percentages of tools give the same box again."""
SLACK = 1.0
"""Pixels that a box may extend over the edge of an image, as tools that count pixels from 1 write it."""
LARGEST = sys.float_info.max
FRACTION = "fraction"
"""The unit of boxes that are parts of the width and the height of the image."""
FORM = 'as in [{"class": "cat", "x": 10, "y": 20, "width": 30, "height": 40}], or none'


def read_boxes(text: str) -> list[Any]:
    """Return what a JSON text lists.

    Raises:
        ValueError: it is not a list.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it should be a JSON list of boxes, {FORM}") from error
    if not isinstance(found, list):
        raise ValueError(f"it should be a JSON list of boxes, {FORM}")
    return found


def in_pixels(text: str, size: tuple[int, int]) -> list[Any]:
    """Return the boxes of a JSON object in which they are parts of the image.

    Args:
        text: with `boxes`, and `fraction` as `unit`.
        size: (width, height) of the image.

    Raises:
        ValueError: it is not such an object, or the size is unknown.
    """
    try:
        found = json.loads(text)
        listed = list(found["boxes"]) if found["unit"] == FRACTION else None
    except (ValueError, RecursionError, KeyError, TypeError):
        listed = None
    if listed is None:
        raise ValueError(f"it should be a JSON list of boxes, {FORM}")
    if not all(size):
        raise ValueError("the size of the image is unknown, and its boxes are parts of it")
    return [_scaled(box, size) for box in listed]


def _scaled(box: Any, size: tuple[int, int]) -> Any:
    """Return a box in pixels; as it is if it is not one."""
    if not isinstance(box, Mapping):
        return box
    factors = dict(zip(SIDES, (*size, *size), strict=True))
    return {
        key: value * factors[key] if key in factors and isinstance(value, (int, float)) else value
        for key, value in box.items()
    }


def checked_box(given: Any, number: int, size: tuple[int, int]) -> dict[str, Any]:
    """Return a box as it is kept, cut off at the edges of the image.

    Args:
        given: what JSON holds.
        number: of the box, from 1, for messages.
        size: (width, height) of the image; zeros if unknown.

    Raises:
        ValueError: it is not a box, or not inside the image.
    """
    if not isinstance(given, Mapping) or not {"class", *SIDES} <= given.keys() <= KEYS:
        raise ValueError(f"box {number} should have class, {', '.join(SIDES)}, and possibly crowd and score")
    name = given["class"]
    if not isinstance(name, str) or not name.strip():
        raise ValueError(f"the class of box {number} should be a name")
    x, y, width, height = (_number(given[side], side, number) for side in SIDES)
    if width <= 0 or height <= 0:
        raise ValueError(f"box {number} ('{name}') is {width:g} x {height:g} pixels, which is not a box")
    if max(size):
        x, width = _inside(x, width, size[0], name, number, size)
        y, height = _inside(y, height, size[1], name, number, size)
    sides = zip(SIDES, map(rounded, (x, y, width, height)), strict=True)
    box: dict[str, Any] = {"class": name.strip(), **dict(sides)}
    if min(box["width"], box["height"]) <= 0:
        raise ValueError(f"box {number} ('{name}') is {width:g} x {height:g} pixels, which is too small")
    if not isinstance(given.get("crowd", False), (bool, int)):
        raise ValueError(f"crowd of box {number} should be true or false")
    if given.get("crowd"):
        box["crowd"] = True
    if given.get("score") is not None:
        box["score"] = _number(given["score"], "score", number)
        if not 0 <= box["score"] <= 1:
            raise ValueError(f"the score of box {number} is {box['score']:g}, which is not in [0, 1]")
    return box


def _number(value: Any, name: str, number: int) -> float:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not abs(value) <= LARGEST:  # a whole number of JSON may be too large for a float
        raise ValueError(f"{name} of box {number} should be a finite number, not {value!r}")
    return value


def _inside(
    start: float, length: float, limit: int, name: str, number: int, size: tuple[int, int]
) -> tuple[float, float]:
    end = start + length
    if start < -SLACK or end > limit + SLACK or start >= limit or end <= 0:
        raise ValueError(
            f"box {number} ('{name}') reaches from {start:g} to {end:g}, outside the image of "
            f"{size[0]} x {size[1]} pixels"
        )
    cut = max(start, 0)
    return cut, (length if cut == start and end <= limit else min(end, limit) - cut)


def rounded(value: float) -> float:
    """Return a coordinate as it is kept; a whole number as an integer."""
    near = round(float(value), DIGITS)
    return int(near) if near.is_integer() else near


def in_order(boxes: Sequence[Box]) -> list[dict[str, Any]]:
    """Return boxes in the one order in which they are kept: by place, so that lists have no order."""
    return sorted((dict(box) for box in boxes), key=_place)


def _place(box: Box) -> tuple[Any, ...]:
    crowd, score = bool(box.get("crowd")), box.get("score", 1)
    return (*(box[side] for side in SIDES), crowd, score, box["class"], "score" in box)


def iou(first: Box, second: Box, *, of_first: bool = False) -> float:
    """Return intersection over union of two boxes, or over the first one's area."""
    width = _overlap(first["x"], first["width"], second["x"], second["width"])
    height = _overlap(first["y"], first["height"], second["y"], second["height"])
    own = first["width"] * first["height"]
    whole = own if of_first else own + second["width"] * second["height"] - width * height
    return width * height / whole


def _overlap(start: float, length: float, other: float, others: float) -> float:
    return max(0.0, min(start + length, other + others) - max(start, other))


def matching_f1(first: Sequence[Box], second: Sequence[Box], threshold: float) -> float:
    """Return the F1 of two lists of boxes, matched greedily by IoU, pairs that overlap most first.

    Only boxes of one class match. A box without a partner is left out where a crowd of its class covers at
    least half of it in the other list; crowds themselves do not count.
    """
    one, other = ([box for box in boxes if not box.get("crowd")] for boxes in (first, second))
    pairs = [
        (overlap, i, j)
        for i, box in enumerate(one)
        for j, partner in enumerate(other)
        if box["class"] == partner["class"] and (overlap := iou(box, partner)) >= threshold
    ]
    matched: tuple[set[int], set[int]] = (set(), set())
    for _, i, j in sorted(pairs, key=lambda pair: -pair[0]):
        if i not in matched[0] and j not in matched[1]:
            matched[0].add(i)
            matched[1].add(j)
    counted = _counted(one, matched[0], second) + _counted(other, matched[1], first)
    return 2 * len(matched[0]) / counted if counted else 1.0


def _counted(boxes: Sequence[Box], matched: set[int], others: Sequence[Box]) -> int:
    crowds = [box for box in others if box.get("crowd")]
    return sum(number in matched or not _in_a_crowd(box, crowds) for number, box in enumerate(boxes))


def _in_a_crowd(box: Box, crowds: Sequence[Box]) -> bool:
    return any(box["class"] == crowd["class"] and iou(box, crowd, of_first=True) >= 0.5 for crowd in crowds)


def draw_boxes(boxes: Sequence[Box], numbers: Mapping[str, int], pixels: Pixels) -> Pixels:
    """Draw the outline of each box over an image [H, W, 3] in the color of its class; crowds are dashed.

    Args:
        boxes: in pixels of this image.
        numbers: of the classes, which choose the colors.
        pixels: the image.
    """
    import numpy as np  # noqa: PLC0415  # numpy is slow to import

    from .mask_files import palette  # noqa: PLC0415  # only for drawing

    drawn, (height, width) = np.array(pixels), pixels.shape[:2]
    thick = max(1, round(max(height, width) / 150))
    for box in boxes:
        color = palette()[numbers.get(box["class"], 0) % 255]
        left, right = (int(np.clip(round(v), 0, width)) for v in (box["x"], box["x"] + box["width"]))
        top, bottom = (int(np.clip(round(v), 0, height)) for v in (box["y"], box["y"] + box["height"]))
        area = np.zeros((max(bottom - top, 1), max(right - left, 1)), dtype=bool)
        area[:thick], area[-thick:], area[:, :thick], area[:, -thick:] = True, True, True, True
        if box.get("crowd"):
            rows, columns = np.indices(area.shape)
            area &= ((rows + columns) // (3 * thick)) % 2 == 0
        shown = drawn[top : top + area.shape[0], left : left + area.shape[1]]
        shown[area[: shown.shape[0], : shown.shape[1]]] = color
    return drawn
