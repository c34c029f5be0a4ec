"""Masks as regions: the pixels of each class, which tools draw one by one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from alkit.interfaces import Export, Item
from alkit.labeling import BACKGROUND, VOID_NAME

if TYPE_CHECKING:
    import numpy.typing as npt

Shape = dict[str, Any]
"""A part of a mask: its `class`, and `polygon` (lists x, y, x, y, ...) or `rle` as in COCO."""


class Region(NamedTuple):
    """The pixels [H, W] of a class, and its number from 0."""

    name: str
    number: int
    covered: npt.NDArray[np.bool_]


def regions_of(export: Export, item: Item, *, background: bool = False) -> list[Region]:
    """Return the regions of the mask that answers an item.

    Pixels that no region covers are of the class `background` if there is one, else void. So void is a region
    only if there is such a class.

    Args:
        export: where the item is from.
        item: with an answer.
        background: return the region of this class too.
    """
    assert export.mask is not None
    mask = export.mask(item)
    known = BACKGROUND in export.classes
    found = []
    for number in np.unique(mask).tolist():
        void = number >= len(export.classes)
        name = VOID_NAME if void else export.classes[number]
        if known if void else background or name != BACKGROUND:
            found.append(Region(name, number, mask == number))
    return found


def drawable(export: Export) -> list[str]:
    """Return the names that people may give to regions of a mask."""
    known = BACKGROUND in export.classes and VOID_NAME not in export.classes
    return [*export.classes, *([VOID_NAME] if known else [])]


def mask_text(size: tuple[int, int] | None, shapes: Sequence[Shape], *, fraction: bool = False) -> str:
    """Return the text of the mask that is made of shapes, the later over the earlier ones.

    Args:
        size: (H, W) of the image; None if it is unknown.
        shapes: in the order in which they are drawn.
        fraction: points of polygons are parts of the width and the height of the image.
    """
    unit = {"unit": "fraction"} if fraction else {}
    return json.dumps({"size": size, **unit, "shapes": list(shapes)}, ensure_ascii=False)


def as_size(height: Any, width: Any) -> tuple[int, int] | None:
    """Return (H, W) if both are positive integers."""
    sides = [height, width]
    if all(isinstance(side, int) and not isinstance(side, bool) and side > 0 for side in sides):
        return height, width
    return None
