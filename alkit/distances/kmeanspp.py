"""k-means++ seeding: points drawn one by one, each in proportion to its squared distance to those before.

Source: D. Arthur and S. Vassilvitskii, k-means++: The Advantages of Careful Seeding, SODA 2007. The points
may be outer products of two vectors, as BADGE's gradient embeddings are, and are never written out: |g_i -
g_j|² = |a_i|² |h_i|² + |a_j|² |h_j|² - 2 (a_i · a_j) (h_i · h_j).

Distances only shrink as centres come, so an old one bounds the new one from above. A point is proposed in
proportion to its bound and accepted with the probability distance²/bound: accepted points have exactly the
distribution that up-to-date distances would give (rejection sampling), whatever the bounds are. New centres
wait until rejections have cost as much as measuring all points against them would.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor

from alkit._typing import Indices

from .row_view import RowView
from .rows import Features, Floats, check_finite, power_of_two, readable

First: TypeAlias = Literal["largest", "uniform"]

BLOCK = 2048  # points brought up to date at once
CENTRES = 512  # centres that they meet at once
PROPOSALS = 256  # points proposed at once
_UNIT = 2.0**-53  # unit roundoff of float64


@dataclass(frozen=True, slots=True)
class KMeansPlusPlus:
    """The points that k-means++ seeding drew.

    Attributes:
        indices: [n] int64 picks in order, positions in the features.
        distances: [n] float64, from each pick to its nearest centre at that moment; infinite for the first.
            Zero for picks that coincide with an earlier one, drawn uniformly when all remaining points do.
    """

    indices: Indices
    distances: Floats


def k_means_plus_plus(
    features: Features,
    n: int,
    *,
    rng: np.random.Generator,
    factors: Features | None = None,
    first: First = "uniform",
) -> KMeansPlusPlus:
    """Draw n distinct points, each in proportion to its squared distance to the nearest one drawn before.

    Distances are computed in float64, in blocks; extra memory is some 50 MB, 40 bytes a point, and the rows
    of the picks. Squared distances within float64's rounding of zero count as zero.

    Args:
        features: [N, D] real numbers, a tensor on any device, an array, or a memory-mapped file.
        n: how many to draw.
        rng: where all randomness comes from.
        factors: [N, C] second factors on the same device: the points are the outer products
            `factors[i] ⊗ features[i]`; without them, the features themselves.
        first: the first point is drawn uniformly, as in the paper, or is the one of largest norm (ties go to
            the lower index).

    Raises:
        ValueError: NaN or infinities, shapes that do not fit, or n not from 0 to N.
    """
    if first not in ("largest", "uniform"):
        raise ValueError(f"first should be 'largest' or 'uniform', not '{first}'")
    parts = [readable(part) for part in (features, factors) if part is not None]
    if len({len(part) for part in parts}) > 1:
        raise ValueError(
            f"there should be one factor per feature row, not {len(parts[1])} for {len(parts[0])}"
        )
    if not 0 <= n <= len(parts[0]):
        raise ValueError(f"n should be from 0 to the number of points, {len(parts[0])}, not {n}")
    if n == 0:
        return KMeansPlusPlus(np.empty(0, dtype=np.int64), np.empty(0))
    with torch.no_grad():
        points = Products(parts)
        start = int(points.square.argmax()) if first == "largest" else int(rng.integers(len(points)))
        seeding = Seeding(points, start, rng)
        seeding.run(n)
    return KMeansPlusPlus(
        np.array(seeding.picks, dtype=np.int64), np.sqrt(np.array(seeding.squares)) / points.scale
    )


class Products:
    """Points that are outer products of one or several vectors, kept as these.

    Attributes:
        square: [N] float64 squared norms, scaled.
        scale: what distances are multiplied by, so that no square leaves the range of float64.
    """

    def __init__(self, parts: Sequence[Tensor | RowView]) -> None:
        self._parts = parts
        self._scales = [power_of_two(check_finite(part)) for part in parts]
        self.scale = math.prod(self._scales)
        self._slack = 4 * (sum(part.shape[1] for part in parts) + 16) * _UNIT
        count = len(parts[0])
        self.square: Floats = np.empty(count)
        for start in range(0, count, BLOCK):
            rows = self.take(slice(start, start + BLOCK))
            norms = torch.stack([part.square().sum(dim=1) for part in rows]).prod(dim=0)
            self.square[start : start + BLOCK] = norms.cpu().numpy()

    def __len__(self) -> int:
        return len(self.square)

    def take(self, which: slice | Indices) -> list[Tensor]:
        """Return float64 rows [k, dim] of each factor, on the device."""
        rows = []
        for part, scale in zip(self._parts, self._scales, strict=True):
            taken = part[which if isinstance(which, slice) else torch.from_numpy(which).to(part.device)]
            rows.append(taken.double() * scale)
        return rows

    def squared_distances(self, first: slice | Indices, second: Indices) -> Tensor:
        """Return squared distances [k, l] float64 between two selections, on the device."""
        pairs = zip(self.take(first), self.take(second), strict=True)
        product = torch.stack([one @ other.T for one, other in pairs]).prod(dim=0)
        rows, columns = (torch.from_numpy(self.square[which]).to(product.device) for which in (first, second))
        reach = rows.unsqueeze(1) + columns
        square = product.mul_(-2.0).add_(reach)
        return square.masked_fill_(square <= self._slack * reach, 0.0)


class Seeding:
    """The state of one seeding.

    Attributes:
        bound: [N] float64, at least each point's squared distance to the nearest pick.
        picks: positions drawn so far.
        squares: the squared distance of each when it was drawn.
    """

    def __init__(self, points: Products, start: int, rng: np.random.Generator) -> None:
        self.points, self._rng = points, rng
        self.bound: Floats = np.full(len(points), np.inf)
        self.picks, self.squares = [start], [math.inf]
        self._met = 0  # picks that all bounds include
        self._spent = 0  # distances measured since
        self._catch_up()

    def run(self, n: int) -> None:
        """Draw until there are n picks."""
        while len(self.picks) < n:
            if self.bound.any():
                self._round(n)
            else:
                self._draw_uniformly(n)

    def _round(self, n: int) -> None:
        """Propose some points, and go through them in order."""
        drawn = self._proposals(min(PROPOSALS, 2 * (n - len(self.picks))))
        limit = self._rng.random(len(drawn)) * self.bound[drawn]
        waiting = np.array(self.picks[self._met :], dtype=np.int64)
        square = self.bound[drawn]
        if len(waiting):
            nearest = self.points.squared_distances(drawn, waiting).amin(dim=1).cpu().numpy()
            square = np.minimum(square, nearest)
        among = self.points.squared_distances(drawn, drawn).cpu().numpy()
        among[drawn[:, np.newaxis] == drawn] = 0.0
        at = -1
        while len(self.picks) < n:
            accepted = np.flatnonzero(limit[at + 1 :] < square[at + 1 :])
            if not len(accepted):
                break
            at += 1 + int(accepted[0])
            self.picks.append(int(drawn[at]))
            self.squares.append(float(square[at]))
            square = np.minimum(square, among[:, at])
        np.minimum.at(self.bound, drawn, square)
        self._spent += len(drawn) * (len(waiting) + len(drawn))
        if self._spent > len(self.bound) * (len(self.picks) - self._met):
            self._catch_up()

    def _proposals(self, count: int) -> Indices:
        """Draw points in proportion to their bounds, with replacement."""
        cumulative = np.cumsum(self.bound)
        drawn = np.searchsorted(cumulative, self._rng.random(count) * cumulative[-1], side="right")
        return np.minimum(drawn, np.flatnonzero(self.bound)[-1])

    def _catch_up(self) -> None:
        """Measure all points against the waiting picks."""
        waiting = np.array(self.picks[self._met :], dtype=np.int64)
        for begin in range(0, len(waiting), CENTRES):
            centres = waiting[begin : begin + CENTRES]
            for start in range(0, len(self.bound), BLOCK):
                block = slice(start, start + BLOCK)
                nearest = self.points.squared_distances(block, centres).amin(dim=1).cpu().numpy()
                np.minimum(self.bound[block], nearest, out=self.bound[block])
        self.bound[waiting] = 0.0
        self._met, self._spent = len(self.picks), 0

    def _draw_uniformly(self, n: int) -> None:
        left = np.setdiff1d(np.arange(len(self.bound)), self.picks)
        rest = self._rng.choice(left, n - len(self.picks), replace=False)
        self.squares += [0.0] * len(rest)
        self.picks += rest.tolist()
