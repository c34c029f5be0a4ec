"""The handwritten digits that come with scikit-learn: a demonstration that needs no download."""

from __future__ import annotations

import numpy as np

from .demonstration import Demonstration, Made

TEST = 500


class Digits(Demonstration):
    """1,797 images of 8 x 8 pixels, grey, 0..16 scaled to 0..255: 1,297 in the pool and 500 to test on.

    The split is fixed: the images are sorted by class, each class in the data set's order, and the 500 lie
    evenly spaced in that line, so that both parts have the same shares of classes. Writers are in both.
    """

    dataset = "digits"

    @staticmethod
    def made(*, test: bool) -> Made:
        """Choose the images of the pool, or the test images."""
        from sklearn.datasets import load_digits  # noqa: PLC0415  # scikit-learn is slow to import

        digits = load_digits()
        images = np.rint(digits.images * (255 / 16)).astype(np.uint8)
        line = np.argsort(digits.target, kind="stable")
        steps = np.arange(len(line) + 1) * TEST // len(line)
        chosen = np.sort(line[(steps[1:] != steps[:-1]) == test])
        labels = [str(label) for label in digits.target[chosen].tolist()]
        return Made(images[chosen], labels, [str(digit) for digit in range(10)])
