"""Labels that say where objects are: any number of boxes, each with a class."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from alkit.labeling.box_lists import (
    checked_box,
    draw_boxes,
    in_order,
    in_pixels,
    matching_f1,
    read_boxes,
    rounded,
)
from alkit.labeling.given_answer import NOTHING

from .base import ImageFacts, Labels

if TYPE_CHECKING:
    from alkit._typing import Pixels

SAME = 0.5
"""Intersection over union from which two annotators mean one object."""


@dataclass(kw_only=True)
class Boxes(Labels):
    """Any number of boxes per image; none at all is an answer, too: there is no object.

    The value is a list of objects with `class`, `x`, `y`, `width` and `height`, in pixels of the upright
    original, from its upper left corner; `crowd` is true for a box around many objects, and `score` is that
    of a prediction. Coordinates are kept to a thousandth of a pixel, and boxes in the order of their places.
    They are written as JSON, and `none` means no object. Annotators agree if the F1 of their boxes, matched
    by class and an intersection over union of at least 0.5, is at least 0.8.
    """

    kind: ClassVar[str] = "boxes"
    named: ClassVar[bool] = True
    fits_size: ClassVar[bool] = True
    agrees_from: ClassVar[float] = 0.8
    nothing: ClassVar[str] = NOTHING

    def parse(self, text: str, image: ImageFacts) -> Any:
        """Read a JSON list of boxes, or `none`; a box has to be inside the image, if its size is known.

        A box that extends less than a pixel over an edge is cut off there. An object with `boxes` and
        the unit `fraction` has boxes in parts of the image, as some tools write them.
        """
        written = text.strip()
        if written == NOTHING:
            return []
        size = (image.width, image.height)
        listed = in_pixels(written, size) if written.startswith("{") else read_boxes(written)
        found = enumerate(listed, start=1)
        return in_order([checked_box(box, number, size) for number, box in found])

    def text(self, value: Any) -> str:
        """Return the boxes as JSON; `none` if there is no object."""
        return json.dumps(value, ensure_ascii=False) if value else NOTHING

    def names(self, value: Any) -> Sequence[str]:
        """Return the class of every box."""
        return tuple(box["class"] for box in value)

    def declared(self, words: Iterable[str]) -> Sequence[str]:
        """Return the words that are names of classes, and the classes of boxes in the others."""
        names: dict[str, None] = {}
        for word in words:
            boxes = word.startswith("[") or word == NOTHING
            names.update(dict.fromkeys(self.names(self.parse(word, ImageFacts())) if boxes else [word]))
        return tuple(names)

    def can_name(self, name: str) -> bool:
        """Refuse a name that looks like a list of boxes, too."""
        return super().can_name(name) and not name.startswith("[") and name != NOTHING

    def agreement(self, first: Any, second: Any) -> float:
        """Return the F1 of boxes that are matched one to one; 1 if there is no object in either."""
        return matching_f1(first, second, SAME)

    def draw(self, value: Any, pixels: Pixels) -> Pixels | None:
        """Draw the outlines of the boxes in the colors of their classes."""
        if not value:
            return None
        return draw_boxes(value, {name: number for number, name in enumerate(self.classes)}, pixels)

    def effort(self, value: Any) -> Mapping[str, float]:
        """Return how many boxes there are."""
        return {"boxes": len(value)}

    def resized(self, value: Any, before: tuple[int, int], after: tuple[int, int]) -> Any:
        """Scale the boxes."""
        if not all((*before, *after)) or before == after:
            return value
        across, down = (new / old for old, new in zip(before, after, strict=True))
        factor = {"x": across, "y": down, "width": across, "height": down}
        return [
            {key: rounded(part * factor[key]) if key in factor else part for key, part in box.items()}
            for box in value
        ]
