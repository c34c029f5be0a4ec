"""The handwritten digits that come with scikit-learn: a demonstration that needs no download."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from . import DIGITS
from .arrays import ArraySource

if TYPE_CHECKING:
    from alkit.data.source import Source


TEST = 500


class Digits(ArraySource):
    """1,797 images of 8 x 8 pixels, grey, 0..16 scaled to 0..255: 1,297 in the pool and 500 to test on.

    The split is fixed: the images are sorted by class, each class in the data set's order, and the 500 lie
    evenly spaced in that line, so that both parts have the same shares of classes. Writers are in both.
    """

    answers_itself = True

    def __init__(self, *, test: bool = False) -> None:
        from sklearn.datasets import load_digits  # noqa: PLC0415  # scikit-learn is slow to import

        digits = load_digits()
        images = np.rint(digits.images * (255 / 16)).astype(np.uint8)
        line = np.argsort(digits.target, kind="stable")
        steps = np.arange(len(line) + 1) * TEST // len(line)
        chosen = np.sort(line[(steps[1:] != steps[:-1]) == test])
        self._test = test
        super().__init__(
            f"{DIGITS}/test" if test else DIGITS,
            images[chosen],
            [str(label) for label in digits.target[chosen].tolist()],
            [str(digit) for digit in range(10)],
            "test/" if test else "train/",
        )

    def test_split(self) -> Source | None:
        """Return the 500 test images."""
        return None if self._test else Digits(test=True)
