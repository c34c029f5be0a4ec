"""Acceptable answers of every kind of labels, for the checks of a task model."""

from __future__ import annotations

from typing import Any

import numpy as np

from alkit.interfaces.labels import Boxes, ClassSet, Labels, Mask, Number
from alkit.labeling.mask_files import VOID
from alkit.utils import seeding

COUNT = 7


def some_answers(labels: Labels, shape: tuple[int, int, int]) -> list[Any]:
    """Return an answer for each of seven images (C, H, W): classes, sets of them, numbers, masks or boxes.

    In the masks, every class is a band that the next image has elsewhere, and a corner is void. Of the boxes,
    some images have none, and one image has a crowd.
    """
    classes = labels.classes
    if isinstance(labels, Mask):
        return [_banded(labels, shape[1:], number) for number in range(COUNT)]
    if isinstance(labels, ClassSet):
        sets = [sorted(classes[: number % (len(classes) + 1)]) for number in range(COUNT)]
        return sets[1:] + sets[:1]
    if isinstance(labels, Number):
        return [_numbers(labels, number) for number in range(COUNT)]
    if isinstance(labels, Boxes):
        return [_boxes(labels, shape[1:], number) for number in range(COUNT)]
    return [classes[number % len(classes)] for number in range(COUNT)]


def _banded(labels: Mask, size: tuple[int, int], number: int) -> str:
    height, width = size
    bands = np.arange(width) * 2 * len(labels.classes) // width
    mask = np.broadcast_to((bands + number) % len(labels.classes), size).astype(np.uint8)
    mask[: max(1, height // 4), : max(1, width // 4)] = VOID
    return labels.of_numbers(mask)


def _boxes(labels: Boxes, size: tuple[int, int], number: int) -> Any:
    """Return none to three boxes, a third of the image wide, each with another class."""
    height, width = size
    sides = {"width": max(1, width // 3), "height": max(1, height // 2)}
    found: list[dict[str, Any]] = [
        {
            "class": labels.classes[(number + place) % len(labels.classes)],
            "x": place * width // 3,
            "y": number % max(1, height // 2),
            **sides,
            **({"crowd": True} if number == COUNT - 1 and place == 0 else {}),
        }
        for place in range(number % 4)
    ]
    return found


def _numbers(labels: Number, number: int) -> Any:
    low, high = (limit if np.isfinite(limit) else end for limit, end in ((labels.low, 0), (labels.high, 1)))
    rng = seeding.numpy_generator(number, "answers")
    found: list[float] = (low + (high - low) * rng.random(labels.count)).tolist()
    return found if labels.count > 1 else found[0]
