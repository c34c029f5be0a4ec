"""Images made from scikit-learn's digits, with labels of other kinds: sets of classes, and numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .demonstration import Demonstration, Made
from .digits import Digits

if TYPE_CHECKING:
    import numpy.typing as npt

SIDE = 8
POOL, TEST = 1200, 400
MOST = 60.0
"""Degrees that a digit is turned by, at most, to either side."""


class DigitSets(Demonstration):
    """Squares of four places, one to three of which hold different digits: the label is their set.

    Digits are the rarer, the larger they are: a 9 is a fifth as frequent as a 0 where one is drawn. Images of
    the pool are made from images in the pool of `digits` only, and test images from its test images.
    """

    dataset = "digit-sets"

    @staticmethod
    def made(*, test: bool) -> Made:
        """Make the images."""
        pixels, names = plain_digits(test=test)
        rng = np.random.default_rng(int(test))
        shares = np.linspace(1, 0.2, 10)
        images = np.zeros((TEST if test else POOL, 2 * SIDE, 2 * SIDE), dtype=np.uint8)
        labels: list[str] = []
        for image in images:
            count = int(rng.integers(1, 4))
            chosen = rng.choice(10, size=count, replace=False, p=shares / shares.sum())
            for digit, place in zip(chosen, rng.permutation(4), strict=False):
                top, left = divmod(int(place), 2)
                drawn = rng.choice(np.flatnonzero(names == digit))
                image[top * SIDE :, left * SIDE :][:SIDE, :SIDE] = pixels[drawn]
            labels.append(";".join(str(digit) for digit in sorted(chosen.tolist())))
        return Made(images, labels, [str(digit) for digit in range(10)])


class DigitAngles(Demonstration):
    """Digits of twice the size, turned by up to 60 degrees to either side: the label is the angle.

    Positive angles are counterclockwise. Images of the pool are made from images in the pool of `digits`
    only, and test images from its test images.
    """

    dataset = "digit-angles"

    @staticmethod
    def made(*, test: bool) -> Made:
        """Make the images."""
        from PIL import Image  # noqa: PLC0415  # only to make the images

        pixels, _ = plain_digits(test=test)
        rng = np.random.default_rng(2 + int(test))
        chosen = rng.permutation(len(pixels))[: TEST if test else POOL]
        angles = np.round(rng.uniform(-MOST, MOST, len(chosen)), 1)
        images = np.empty((len(chosen), 2 * SIDE, 2 * SIDE), dtype=np.uint8)
        for image, index, angle in zip(images, chosen, angles.tolist(), strict=True):
            large = Image.fromarray(pixels[index]).resize((2 * SIDE, 2 * SIDE), Image.Resampling.BILINEAR)
            image[...] = np.asarray(large.rotate(angle, Image.Resampling.BILINEAR))
        return Made(images, [str(angle) for angle in angles.tolist()], ())


def plain_digits(*, test: bool) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Return all images [N, 8, 8] of a part of the digits, and the digits."""
    source = Digits(test=test)
    found = source.answers()
    pixels = np.stack([source.load(key)[1][..., 0] for key in found])
    return pixels, np.array([int(label) for label in found.values()])
