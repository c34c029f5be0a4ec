"""Regions that people draw in Label Studio: brush and polygons, in percent of the image."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from alkit.interfaces import Export, Item
from alkit.labeling import encode_rle

from ..boxes import Box, boxes_of, numbers
from ..regions import Shape, as_size, regions_of
from .brush import decode_brush, encode_brush

BRUSH, POLYGON, BOX = "brush", "polygon", "box"
KNOWN = {"brushlabels": BRUSH, "polygonlabels": POLYGON, "rectanglelabels": BOX}
"""The types of regions that alkit reads, with the name of the control in its own configuration."""
CROWD = "crowd"
DRAWN = frozenset({"rle", "points", "x", "vertices"})
"""What the value of a result has if it is a region."""


def size_of(result: Mapping[str, Any]) -> tuple[int, int]:
    """Return the height and width of the image that a region was drawn on.

    Raises:
        ValueError: it does not say, or the image was rotated.
    """
    size = as_size(result.get("original_height"), result.get("original_width"))
    if size is None:
        raise ValueError("has a region without original_width and original_height")
    if result.get("image_rotation"):
        raise ValueError(
            f"has a region on an image that was rotated by {result['image_rotation']} degrees; turn it back "
            "in Label Studio and draw the region again"
        )
    return size


def drawn(results: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any], str]]:
    """Yield each region, its value and its label.

    Raises:
        ValueError: a region is of a type that alkit does not read, or has not exactly one label.
    """
    for result in results:
        value, kind = result.get("value"), str(result.get("type"))
        if not isinstance(value, dict) or not DRAWN & set(value):
            continue
        if kind not in KNOWN:
            raise ValueError(
                f"has a region of type '{kind}'; alkit reads brush, polygons and rectangles with labels: "
                "draw it with one of these"
            )
        labels = value.get(kind)
        if not isinstance(labels, list) or len(labels) != 1 or not str(labels[0]).strip():
            raise ValueError(f"has a region with the labels {labels or []!r:.80}; it should have one")
        yield result, value, str(labels[0])


def upright(value: Mapping[str, Any], name: str, size: tuple[int, int]) -> tuple[float, float, float, float]:
    """Return x, y, width and height of a rectangle in pixels.

    Raises:
        ValueError: it is rotated, or its sides are not numbers.
    """
    rotation = value.get("rotation") or 0
    if rotation:
        raise ValueError(
            f"has a rectangle of '{name}' that is rotated by {rotation:g} degrees; alkit's boxes are "
            "upright: set its rotation to 0, or draw a polygon"
        )
    height, width = size
    sides = numbers(value.get(key) for key in ("x", "y", "width", "height"))
    if sides is None:
        raise ValueError(f"has a rectangle of '{name}' without numbers for x, y, width and height")
    x, y, wide, high = sides
    return x * width / 100, y * height / 100, wide * width / 100, high * height / 100


def shape_of(result: Mapping[str, Any], value: Mapping[str, Any], name: str) -> Shape:
    """Return a region as a part of a mask.

    Raises:
        ValueError: it cannot be understood.
    """
    size = size_of(result)
    if "rle" in value:
        return {"class": name, "rle": encode_rle(decode_brush(value["rle"], size))}
    if "points" in value:
        return {"class": name, "polygon": [_pixels(value["points"], size)]}
    x, y, wide, high = upright(value, name, size)
    return {"class": name, "polygon": [[x, y, x + wide, y, x + wide, y + high, x, y + high]]}


def _pixels(points: Any, size: tuple[int, int]) -> list[float]:
    try:
        return [part for x, y in points for part in (x * size[1] / 100, y * size[0] / 100)]
    except (TypeError, ValueError):
        raise ValueError("has a polygon whose points are not pairs of numbers") from None


def brush_results(export: Export, item: Item) -> list[dict[str, Any]]:
    """Return the brush of each class of the mask that answers an item."""
    return [
        {
            "id": f"alkit-{number}",
            "from_name": BRUSH,
            "to_name": "image",
            "type": "brushlabels",
            "original_width": item.width,
            "original_height": item.height,
            "image_rotation": 0,
            "value": {"format": "rle", "rle": encode_brush(region.covered), "brushlabels": [region.name]},
        }
        for number, region in enumerate(regions_of(export, item), start=1)
    ]


def box_of(result: Mapping[str, Any], value: Mapping[str, Any], name: str) -> Box:
    """Return a region as a box.

    Raises:
        ValueError: it is not an upright rectangle.
    """
    if result.get("type") != "rectanglelabels":
        raise ValueError(
            f"has a region of type '{result.get('type')}'; alkit reads rectangles: draw it as one"
        )
    x, y, width, height = upright(value, name, size_of(result))
    said = result.get("meta")
    words = said.get("text") if isinstance(said, dict) else None
    crowd = isinstance(words, list) and CROWD in words
    return Box(name, x, y, width, height, crowd=crowd)


def box_results(item: Item) -> list[dict[str, Any]]:
    """Return the rectangle of each box that answers an item; the meta information of a crowd says so."""
    found = []
    for number, box in enumerate(boxes_of(item.answer), start=1):
        x, width = (100 * side / item.width for side in (box.x, box.width))
        y, height = (100 * side / item.height for side in (box.y, box.height))
        found.append(
            {
                "id": f"alkit-{number}",
                "from_name": BOX,
                "to_name": "image",
                "type": "rectanglelabels",
                "original_width": item.width,
                "original_height": item.height,
                "image_rotation": 0,
                "value": {
                    "x": x,
                    "y": y,
                    "width": width,
                    "height": height,
                    "rotation": 0,
                    "rectanglelabels": [box.name],
                },
                **({"meta": {"text": [CROWD]}} if box.crowd else {}),
                **({} if box.score is None else {"score": box.score}),
            }
        )
    return found
