"""Pictures with digits on textured ground, made from scikit-learn's digits: labels are boxes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from .composed_digits import plain_digits
from .demonstration import Demonstration, Made

if TYPE_CHECKING:
    import numpy.typing as npt

SIDE = 64
POOL, TEST = 1200, 300
MOST = 8
SMALLEST, LARGEST = 14, 28
"""Sides of digits in pixels."""
MOST_COVERED = 0.35
"""Share of a digit that a later one may cover."""
TRIES = 20


class DigitBoxes(Demonstration):
    """Pictures of 64 x 64 pixels with one to eight digits of different sizes, some of which overlap.

    Few digits are more frequent than many, and digits are the rarer, the larger they are: a 9 is a fifth as
    frequent as a 0. A box encloses the ink of a digit. Pictures of the pool are made from images in the pool
    of `digits` only, and test pictures from its test images.
    """

    dataset = "digit-boxes"

    @staticmethod
    def made(*, test: bool) -> Made:
        """Make the pictures."""
        pixels, names = plain_digits(test=test)
        rng = np.random.default_rng(4 + int(test))
        shares = np.linspace(1, 0.2, 10)
        by_digit = [np.flatnonzero(names == digit) for digit in range(10)]
        images = np.empty((TEST if test else POOL, SIDE, SIDE), dtype=np.uint8)
        labels: list[str] = []
        for image in images:
            picture = _ground(rng)
            boxes: list[dict[str, Any]] = []
            count = 1 + int(MOST * rng.random() ** 2)
            for digit in rng.choice(10, size=count, p=shares / shares.sum()):
                ink = pixels[rng.choice(by_digit[digit])]
                box = _paste(picture, ink, boxes, rng)
                if box is not None:
                    boxes.append(box | {"class": str(digit)})
            image[...] = picture.clip(0, 255).round()
            labels.append(json.dumps(boxes))
        return Made(images, labels, [str(digit) for digit in range(10)])


def _ground(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return a textured ground: coarse noise, fine noise and a wave, dark to middle grey."""
    coarse = rng.random((5, 5))
    rows = np.linspace(0, 4, SIDE)
    across = np.stack([np.interp(rows, np.arange(5), line) for line in coarse])
    smooth = np.stack([np.interp(rows, np.arange(5), column) for column in across.T], axis=1)
    y, x = np.mgrid[:SIDE, :SIDE]
    wave = np.sin((x * rng.uniform(-1, 1) + y * rng.uniform(-1, 1)) * rng.uniform(0.2, 0.9))
    return 20 + 70 * smooth + 14 * rng.random() * wave + rng.normal(0, 7, (SIDE, SIDE))


def _paste(
    picture: npt.NDArray[np.float64],
    ink: npt.NDArray[np.uint8],
    boxes: list[Any],
    rng: np.random.Generator,
) -> dict[str, int] | None:
    """Add a digit where it covers no other one too much; return the box of its ink, or None."""
    from PIL import Image  # noqa: PLC0415  # only to make the images

    side = int(rng.integers(SMALLEST, LARGEST + 1))
    large = np.asarray(Image.fromarray(ink).resize((side, side), Image.Resampling.BILINEAR)) / 255
    y, x = np.nonzero(large > 0.25)
    left, top, right, bottom = (int(v) for v in (x.min(), y.min(), x.max() + 1, y.max() + 1))
    for _ in range(TRIES):
        column, row = (int(v) for v in rng.integers(0, SIDE - side + 1, size=2))
        box = {"x": column + left, "y": row + top, "width": right - left, "height": bottom - top}
        if all(_covered(other, box) <= MOST_COVERED for other in boxes):
            here = picture[row : row + side, column : column + side]
            here += (rng.uniform(150, 250) - here) * large
            return box
    return None


def _covered(box: dict[str, Any], by: dict[str, int]) -> float:
    """Return the share of a box that another one covers."""
    sides = [
        max(0, min(box[at] + box[long], by[at] + by[long]) - max(box[at], by[at]))
        for at, long in (("x", "width"), ("y", "height"))
    ]
    return sides[0] * sides[1] / (box["width"] * box["height"])
