"""Points in the plane as tiny images, to show how strategies that were made for images choose.

A point is an image of one channel, one row and two columns, whose values are its coordinates in 256 steps.
Three classes of very different size: most points belong to the first one, the last one is rare and lies
apart, as in the imbalanced toy example of Kim et al. (Task-Aware Variational
Adversarial Active Learning, CVPR 2021).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alkit.data.sources.arrays import ArraySource

if TYPE_CHECKING:
    import numpy.typing as npt
    from torch import nn


NAME = "toy2d"
CLASSES = ("large", "small", "rare")
# Class number, share of the points, center, standard deviation of both coordinates, all of the unit square.
CLUSTERS = (
    (0, 0.50, (0.30, 0.35), (0.110, 0.100)),
    (0, 0.32, (0.62, 0.68), (0.100, 0.110)),
    (1, 0.13, (0.66, 0.32), (0.090, 0.080)),
    (2, 0.05, (0.24, 0.80), (0.060, 0.060)),
)
POINTS, TEST_POINTS = 2_000, 3_000
HIDDEN = 64
GRID = 64  # points a side of the map of decisions


class ToyPoints(ArraySource):
    """The toy pool, or its test points, in which all classes are equally large."""

    def __init__(self, *, test: bool) -> None:
        points, labels = draw(TEST_POINTS if test else POINTS, balanced=test, seed=int(test))
        names = [CLASSES[label] for label in labels.tolist()]
        super().__init__(f"{NAME}/test" if test else NAME, points[:, None, :], names, CLASSES)


def draw(count: int, *, balanced: bool, seed: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Draw distinct points [n, 2] uint8 with their classes [n], n at most `count`."""
    rng = np.random.default_rng(seed)
    shares = np.array([share for _, share, _, _ in CLUSTERS])
    if balanced:
        sizes = np.zeros(len(CLASSES))
        np.add.at(sizes, [number for number, *_ in CLUSTERS], shares)
        shares = shares / sizes[[number for number, *_ in CLUSTERS]]
    chosen = rng.choice(len(CLUSTERS), size=count, p=shares / shares.sum())
    centers = np.array([center for _, _, center, _ in CLUSTERS])[chosen]
    spreads = np.array([spread for _, _, _, spread in CLUSTERS])[chosen]
    points = np.clip(centers + spreads * rng.standard_normal((count, 2)), 0, 1)
    labels = np.array([number for number, *_ in CLUSTERS])[chosen]
    rounded = np.round(points * 255).astype(np.uint8)
    first = np.sort(np.unique(rounded, axis=0, return_index=True)[1])
    return rounded[first], labels[first]


def grid() -> npt.NDArray[np.uint8]:
    """Return points [GRID * GRID, 2] uint8 all over the square, row by row from below."""
    steps = np.round(np.linspace(0, 255, GRID)).astype(np.uint8)
    across, up = np.meshgrid(steps, steps)
    return np.stack([across.ravel(), up.ravel()], axis=1)


def network(num_classes: int) -> nn.Module:
    """Return a small perceptron for points: two hidden layers."""
    from torch import nn  # noqa: PLC0415  # torch takes seconds to import

    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(2, HIDDEN),
        nn.ReLU(),
        nn.Linear(HIDDEN, HIDDEN),
        nn.ReLU(),
        nn.Linear(HIDDEN, num_classes),
    )
