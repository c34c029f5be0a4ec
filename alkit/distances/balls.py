"""Rows within a radius of each other: counted in blocks, never stored, and decided in float64."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from alkit._typing import Indices

from .rows import (
    BLOCK,
    PAIRS,
    Features,
    Rows,
    as_tensor,
    check_finite,
    full_float32,
    power_of_two,
    slack,
    squared,
)


class Balls:
    """Closed balls of one radius around rows.

    The graph of all pairs within the radius may have billions of edges, so it is computed anew on each
    request. Memory: one float32 copy of the rows, and blocks.

    Args:
        features: [N, D] real numbers, a tensor on any device, an array, or a memory-mapped file.
        radius: Euclidean.

    Raises:
        ValueError: NaN or infinities, or a negative radius.
    """

    def __init__(self, features: Features, radius: float) -> None:
        if not radius >= 0.0:
            raise ValueError(f"the radius should be zero or more, not {radius}")
        tensor = as_tensor(features)
        scale = power_of_two(check_finite(tensor))
        self.radius = radius
        self._square = (radius * scale) ** 2
        with full_float32(tensor.device):
            self._rows = Rows(tensor, "euclidean", scale)
            self._values = self._rows.block(0, len(tensor))
            self._norm = torch.linalg.vector_norm(self._values, dim=1).double()

    def __len__(self) -> int:
        return len(self._rows)

    def count(self, index: Indices) -> Indices:
        """Return for each row how many of the rows at `index` lie within the radius of it, [N] int64.

        Args:
            index: positions, each of which counts once.
        """
        index = np.unique(index)
        total = torch.zeros(len(self), dtype=torch.int64, device=self._values.device)
        with full_float32(total.device):
            for first in range(0, len(index), BLOCK):
                part = torch.from_numpy(index[first : first + BLOCK]).to(total.device)
                step = BLOCK * max(1, BLOCK // len(part))
                for start in range(0, len(self), step):
                    which = torch.arange(start, min(start + step, len(self)), device=total.device)
                    total[start : start + step] += self._within(which, part).sum(dim=1)
        return total.cpu().numpy()

    def sizes(self) -> Indices:
        """Return how many rows lie within the radius of each, including itself: [N] int64.

        Each pair is computed once.
        """
        total = torch.zeros(len(self), dtype=torch.int64, device=self._values.device)
        blocks = torch.arange(len(self), device=total.device).split(BLOCK)
        with full_float32(total.device):
            for number, first in enumerate(blocks):
                for second in blocks[number:]:
                    within = self._within(first, second)
                    total[first] += within.sum(dim=1)
                    if second is not first:
                        total[second] += within.sum(dim=0)
        return total.cpu().numpy()

    def _within(self, first: Tensor, second: Tensor) -> Tensor:
        """Return which rows at `first` [n] lie within the radius of those at `second` [m], [n, m] bool."""
        values, others = self._take(first), self._take(second)
        norm, radius = self._norm[first], float(self._norm[second].max())
        product = torch.addmm(others.square().sum(dim=1).div_(2), values, others.T, alpha=-1)
        middle = self._square - norm.square()
        error = torch.from_numpy(slack(norm.cpu().numpy(), radius, self._rows.dim)).to(norm.device)
        within = product <= ((middle + error) / 2.0).float().unsqueeze(1)
        doubtful = (product >= ((middle - error) / 2.0).float().unsqueeze(1)).logical_and_(within)
        row, column = doubtful.nonzero(as_tuple=True)
        for start in range(0, len(row), PAIRS):
            r, c = row[start : start + PAIRS], column[start : start + PAIRS]
            exact = squared(
                self._rows.exact(first[r].cpu().numpy()), self._rows.exact(second[c].cpu().numpy())
            )
            within[r, c] = torch.from_numpy(exact <= self._square).to(within.device)
        return within

    def _take(self, index: Tensor) -> Tensor:
        first, last = int(index[0]), int(index[-1])
        if last - first == len(index) - 1:
            return self._values[first : last + 1]
        return self._values[index]
