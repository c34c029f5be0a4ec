"""CVAT's shapes: masks, polygons and boxes with their labels, in pixels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple
from xml.sax.saxutils import quoteattr

import numpy as np

from alkit.interfaces import Export, Item
from alkit.labeling import encode_rle

from .boxes import Box
from .regions import Region, Shape, as_size, mask_text, regions_of

if TYPE_CHECKING:
    import numpy.typing as npt

READ = ("mask", "polygon", "box")
CROWD, TRUE = "crowd", "true"
"""The attribute of a box around many objects, and its value."""


class Drawn(NamedTuple):
    """A shape as CVAT writes it: the name of its element, and its attributes."""

    kind: str
    attributes: Mapping[str, str]


def mask_of(image: Mapping[str, str], shapes: Sequence[Drawn]) -> str:
    """Return the text of the mask that the shapes of an image make.

    Raises:
        ValueError: a shape is of a type that has no place in a mask, or cannot be understood.
    """
    size = as_size(*(_integer(image.get(side, "")) for side in ("height", "width")))
    if size is None:
        raise ValueError("has no width and height")
    ordered = sorted(shapes, key=lambda shape: _integer(shape.attributes.get("z_order", "0")) or 0)
    drawn = {_group(shape) for shape in shapes if shape.kind != "box"} - {""}
    own = [shape for shape in ordered if not (shape.kind == "box" and _group(shape) in drawn)]
    return mask_text(size, [_shape(shape, size) for shape in own])


def _group(shape: Drawn) -> str:
    """Return the group of a shape, empty if it has none; the box in a group is around its other shapes."""
    group = shape.attributes.get("group_id", "")
    return "" if group == "0" else group


def _shape(shape: Drawn, size: tuple[int, int]) -> Shape:
    label = shape.attributes.get("label", "")
    if shape.kind == "mask":
        return {"class": label, "rle": encode_rle(_covered(shape.attributes, size))}
    if shape.kind == "polygon":
        points = shape.attributes.get("points", "").split(";")
        try:
            return {"class": label, "polygon": [[float(x) for point in points for x in point.split(",")]]}
        except ValueError:
            raise ValueError(f"has a polygon of '{label}' with points that are not numbers") from None
    if shape.kind == "box":
        left, top, right, bottom = corners_of(shape.attributes)
        return {"class": label, "polygon": [[left, top, right, top, right, bottom, left, bottom]]}
    raise ValueError(f"has a {shape.kind} of '{label}'; alkit reads {', '.join(READ)}: draw one of these")


def box_of(shape: Drawn) -> Box:
    """Return a shape as a box.

    Raises:
        ValueError: it is another shape, or cannot be understood.
    """
    label = shape.attributes.get("label", "")
    if shape.kind != "box":
        raise ValueError(f"has a {shape.kind} of '{label}'; alkit reads boxes: draw it as a rectangle")
    left, top, right, bottom = corners_of(shape.attributes)
    return Box(label, left, top, right - left, bottom - top, crowd=shape.attributes.get(CROWD) == TRUE)


def box_element(box: Box) -> str:
    """Return the XML of a box."""
    corners = zip(
        ("xtl", "ytl", "xbr", "ybr"), (box.x, box.y, box.x + box.width, box.y + box.height), strict=True
    )
    sides = " ".join(f'{side}="{value:.10g}"' for side, value in corners)
    return (
        f'<box label={quoteattr(box.name)} source="manual" occluded="0" {sides} z_order="0">'
        f'<attribute name="{CROWD}">{str(box.crowd).lower()}</attribute></box>'
    )


def corners_of(attributes: Mapping[str, str]) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom of a box.

    Raises:
        ValueError: it is rotated, or they are not numbers.
    """
    label = attributes.get("label", "")
    try:
        rotation = float(attributes.get("rotation", "0"))
        left, top, right, bottom = (float(attributes[side]) for side in ("xtl", "ytl", "xbr", "ybr"))
    except (KeyError, ValueError):
        raise ValueError(f"has a box of '{label}' without numbers for its corners") from None
    if rotation:
        raise ValueError(
            f"has a box of '{label}' that is rotated by {rotation:g} degrees; alkit's boxes are upright: "
            "turn it back, or draw a polygon"
        )
    return left, top, right, bottom


def _covered(attributes: Mapping[str, str], size: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Return the pixels of a mask, whose run lengths go row by row through a part of the image."""
    label = attributes.get("label", "")
    sides = [_integer(attributes.get(side, "")) for side in ("left", "top", "width", "height")]
    runs = [_integer(run) for run in attributes.get("rle", "").split(",")]
    if None in sides or None in runs:
        raise ValueError(f"has a mask of '{label}' whose place or run lengths are not numbers")
    left, top, width, height = (side or 0 for side in sides)
    counts = [run or 0 for run in runs]
    if min(left, top) < 0 or left + width > size[1] or top + height > size[0]:
        raise ValueError(f"has a mask of '{label}' outside the image of {size[1]} x {size[0]}")
    if min(counts) < 0 or sum(counts) != width * height:
        raise ValueError(f"has a mask of '{label}' whose run lengths do not cover {width} x {height} pixels")
    covered = np.zeros(size, dtype=bool)
    values = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    covered[top : top + height, left : left + width] = values.reshape(height, width)
    return covered


def mask_elements(export: Export, item: Item) -> Iterator[str]:
    """Yield the XML of each class in the mask that answers an item."""
    for region in regions_of(export, item):
        yield _element(region)


def _element(region: Region) -> str:
    rows = np.flatnonzero(region.covered.any(axis=1))
    columns = np.flatnonzero(region.covered.any(axis=0))
    part = region.covered[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    runs = encode_rle(part.T)["counts"]  # by columns of the transposed, so row by row
    place = f'left="{columns[0]}" top="{rows[0]}" width="{part.shape[1]}" height="{part.shape[0]}"'
    return (
        f'<mask label={quoteattr(region.name)} source="manual" occluded="0" '
        f'rle="{", ".join(map(str, runs))}" {place} z_order="0"></mask>'
    )


def _integer(text: str) -> int | None:
    try:
        return round(float(text))
    except (ValueError, OverflowError):
        return None
