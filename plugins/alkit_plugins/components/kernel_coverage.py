"""How well some rows cover all others under a Gaussian kernel, and the greedy choice that covers the most.

Bae, Noh and Sutherland, Generalized Coverage for More Robust Low-Budget Active Learning, ECCV 2024. A row's
gain never grows while others are chosen (the coverage is submodular), so old gains are upper bounds, and only
rows whose bound could still win are computed again. The choice is that of the plain greedy algorithm; the
matrix of all pairs is never stored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    import numpy.typing as npt

    from alkit import Indices

    Floats = npt.NDArray[np.float64]


BLOCK = 1024  # rows of a block: 8 MB for the kernel between two
GRAIN = 2.0**-36  # gains closer than this share of all weights are equal, whatever the order of summation
LOOK = 16  # bounds that are brought up to date at once, at first


class KernelCoverage:
    """The weighted coverage of rows: the sum over rows of weight · largest kernel value to a chosen row.

    Everything is float64, in blocks; memory beyond the features is one copy of them and a few blocks.

    Args:
        features: [N, D], on any device.
        radius: the distance at which the kernel exp(-(distance / radius)²) falls to 1/e.
        weights: [N], zero or more; all one by default.
    """

    def __init__(self, features: Tensor, radius: float, weights: Tensor | None = None) -> None:
        self._rows = features.double() / radius
        self._square = self._rows.square().sum(dim=1)
        self._weights = torch.ones_like(self._square) if weights is None else weights.to(self._square)
        self._best = torch.zeros_like(self._square)
        self._total = float(self._weights.sum())
        self._radius = radius

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def covered(self) -> float:
        """The share of the weights that is covered, from 0 to 1."""
        return float(self._weights @ self._best) / self._total if self._total else 1.0

    def cover(self, others: Tensor) -> None:
        """Count rows [n, D] of another matrix, such as labeled images, as chosen."""
        if len(others) == 0:
            return
        for block in (others.double() / self._radius).split(BLOCK):
            square = block.square().sum(dim=1)
            for start in range(0, len(self), BLOCK):
                part = slice(start, start + BLOCK)
                kernel = _kernel(self._rows[part], self._square[part], block, square)
                self._best[part] = torch.maximum(self._best[part], kernel.amax(dim=1))

    def choose(self, row: int) -> None:
        """Count one of the rows as chosen."""
        self.cover(self._rows[row : row + 1] * self._radius)
        self._best[row] = 1.0

    def gains(self, index: Indices) -> Floats:
        """Return how much of all weights each row at `index` would newly cover, [n], in whole grains."""
        rows = torch.from_numpy(index).to(self._rows.device)
        found = torch.zeros(len(index), dtype=torch.float64, device=rows.device)
        for first in range(0, len(index), BLOCK):
            some = rows[first : first + BLOCK]
            for start in range(0, len(self), BLOCK):
                part = slice(start, start + BLOCK)
                kernel = _kernel(self._rows[some], self._square[some], self._rows[part], self._square[part])
                new = kernel.sub_(self._best[part]).clamp_(min=0.0)
                found[first : first + BLOCK] += new @ self._weights[part]
        return self._grained(found)

    def all_gains(self) -> Floats:
        """Return the gain of every row, [N]; each pair of rows is computed once."""
        found = torch.zeros_like(self._best)
        for first in range(0, len(self), BLOCK):
            one = slice(first, first + BLOCK)
            for second in range(first, len(self), BLOCK):
                two = slice(second, second + BLOCK)
                kernel = _kernel(self._rows[one], self._square[one], self._rows[two], self._square[two])
                found[one] += (kernel - self._best[two]).clamp_(min=0.0) @ self._weights[two]
                if second > first:
                    found[two] += (kernel.T - self._best[one]).clamp_(min=0.0) @ self._weights[one]
        return self._grained(found)

    def _grained(self, gains: Tensor) -> Floats:
        return np.rint(gains.cpu().numpy() / (self._total or 1.0) / GRAIN) * GRAIN


def _kernel(first: Tensor, square: Tensor, second: Tensor, other_square: Tensor) -> Tensor:
    """Return the kernel values [n, m] of rows that are divided by the radius."""
    apart = torch.addmm(other_square, first, second.T, alpha=-2.0).add_(square.unsqueeze(1))
    return apart.clamp_(min=0.0).neg_().exp_()


def greedy(coverage: KernelCoverage, n: int, left: Indices | None = None) -> tuple[Indices, Floats]:
    """Choose up to n rows, each time the one with the largest gain; in a tie, the lower row.

    Args:
        coverage: counts the chosen rows.
        n: number of rows.
        left: the rows to choose from; all by default.

    Returns:
        The chosen rows, fewer than n if no other gains anything, and their gains as shares of all weights.
    """
    gains = np.full(len(coverage), -1.0)
    bounds = coverage.all_gains()
    allowed = slice(None) if left is None else left
    gains[allowed] = bounds[allowed]
    chosen: list[int] = []
    found: list[float] = []
    while len(chosen) < n:
        row = _largest(coverage, gains, known=not chosen)
        if gains[row] <= 0.0:
            break
        chosen.append(row)
        found.append(float(gains[row]))
        coverage.choose(row)
        gains[row] = -1.0
    return np.array(chosen, dtype=np.int64), np.array(found)


def _largest(coverage: KernelCoverage, gains: Floats, *, known: bool) -> int:
    """Return the row with the largest gain, bringing bounds in `gains` [N] up to date as far as needed."""
    fresh = np.full(len(gains), known)
    look = LOOK
    while not fresh[row := int(gains.argmax())]:
        count = min(look, len(gains))
        top = np.argpartition(-gains, count - 1)[:count]
        stale = np.union1d(top[~fresh[top]], row)
        gains[stale] = np.where(gains[stale] > 0.0, coverage.gains(stale), gains[stale])
        fresh[stale] = True
        look = min(2 * look, BLOCK)
    return row


def rest(chosen: Indices, count: int, n: int) -> Indices:
    """Return the n lowest of `count` rows that are not chosen."""
    return np.setdiff1d(np.arange(count), chosen)[:n]
