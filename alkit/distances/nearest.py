"""Distance from each row to the nearest of some centres, screened in float32 and decided in float64."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from alkit._typing import Indices

from .rows import (
    BLOCK,
    PAIRS,
    Features,
    Floats,
    Metric,
    Rows,
    as_tensor,
    check_finite,
    full_float32,
    power_of_two,
    slack,
    squared,
)

CENTRES = 512  # centres of a block


class Centres:
    """Rows to measure others against, read in blocks of centred rows and half squared norms."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows

    def block(self, start: int, stop: int) -> tuple[Tensor, Tensor, float]:
        """Return the centres [k, D] float32, half their squared norms [k], and the largest norm."""
        centres = self.rows.block(start, stop)
        half = centres.square().sum(dim=1).div_(2)
        return centres, half, float(half.max().mul(2).sqrt())


class Points:
    """Some rows on their way past the centres.

    Attributes:
        index: [n] positions in `rows`.
        best: [n] squared distances to the nearest centre met so far, or an upper bound, where no centre met
            so far is certainly nearer.
    """

    def __init__(self, rows: Rows, index: Indices, best: Floats) -> None:
        self.rows, self.index, self.best = rows, index, best
        self.values = rows.take(index)
        self._set_norms(self.values.square().sum(dim=1).cpu().numpy().astype(np.float64))

    def _set_norms(self, square: Floats) -> None:
        self.square, self.norm = square, np.sqrt(square)

    def keep(self, which: Indices) -> None:
        """Keep only some of the points."""
        self.index, self.best = self.index[which], self.best[which]
        self.values = self.values[torch.from_numpy(which).to(self.values.device)]
        self._set_norms(self.square[which])

    def meet(
        self, centres: Centres, start: int, stop: int, which: Indices | None = None, floor: float = -np.inf
    ) -> Indices:
        """Bring `best` up to date with a block of centres; return the points that fell below `floor`.

        A point that falls below `floor` gets only an upper bound, and must meet this block again.

        Args:
            centres: the centres.
            start: the first of the block.
            stop: the one after the last.
            which: the points (positions in `index`) that meet the block; all by default.
            floor: the smallest squared distance that matters.
        """
        block, half, radius = centres.block(start, stop)
        values, square, norm, best = self.values, self.square, self.norm, self.best
        if which is not None:
            values = values[torch.from_numpy(which).to(values.device)]
            square, norm, best = square[which], norm[which], best[which]
        product = torch.addmm(half, values, block.T, alpha=-1)
        screened = square + 2.0 * product.amin(dim=1).cpu().numpy().astype(np.float64)
        error = slack(norm, radius, self.rows.dim)
        under = screened + error < floor
        best = np.where(under, np.minimum(best, screened + error), best)
        close = np.flatnonzero(~under & (screened - error < best))
        if len(close):
            limit = np.minimum(best[close] + error[close], screened[close] + 2.0 * error[close])
            best[close] = self._decide(
                product, close, (limit - square[close]) / 2.0, which, centres, start, best[close]
            )
        if which is None:
            self.best = best
            return np.flatnonzero(under)
        self.best[which] = best
        return which[under]

    def _decide(
        self,
        product: Tensor,
        close: Indices,
        limit: Floats,
        which: Indices | None,
        centres: Centres,
        start: int,
        best: Floats,
    ) -> Floats:
        """Recompute in float64 the pairs of points `close` that lie within `limit`; return the new `best`."""
        device = product.device
        near = product if len(close) == len(product) else product[torch.from_numpy(close).to(device)]
        pairs = (near <= torch.from_numpy(limit).float().to(device).unsqueeze(1)).nonzero().cpu().numpy()
        points = self.index if which is None else self.index[which]
        for begin in range(0, len(pairs), PAIRS):
            row, column = pairs[begin : begin + PAIRS].T
            exact = squared(self.rows.exact(points[close[row]]), centres.rows.exact(start + column))
            np.minimum.at(best, row, exact)
        return best


def nearest_distance(features: Features, centers: Features, *, metric: Metric = "euclidean") -> Floats:
    """Return the distance from each row of `features` to the nearest row of `centers`, exact to float64.

    Works in blocks: extra memory does not grow with the number of rows (except for the result).

    Args:
        features: [N, D], a tensor on any device, an array, or a memory-mapped file.
        centers: [K, D], at least one.
        metric: `euclidean`, or `cosine`: one minus the cosine (a row of zeros is at 1/2 from all others).

    Returns:
        [N] float64.

    Raises:
        ValueError: no centre, shapes that do not fit, NaN or infinities.
    """
    points, targets = as_tensor(features), as_tensor(centers)
    if len(targets) == 0 or points.shape[1] != targets.shape[1]:
        raise ValueError(f"centers {list(targets.shape)} do not fit features {list(points.shape)}")
    targets = targets.to(points.device)
    scale = power_of_two(max(check_finite(points), check_finite(targets)))
    with full_float32(points.device):
        rows = Rows(points, metric, scale)
        centres = Centres(Rows(targets, metric, scale, rows.mean))
        result = np.empty(len(points))
        for first in range(0, len(points), BLOCK):
            index = np.arange(first, min(first + BLOCK, len(points)))
            block = Points(rows, index, np.full(len(index), np.inf))
            for start in range(0, len(targets), CENTRES):
                block.meet(centres, start, min(start + CENTRES, len(targets)))
            result[first : first + BLOCK] = block.best
    return reported(result, metric, scale)


def reported(square: Floats, metric: Metric, scale: float) -> Floats:
    """Turn squared distances of scaled rows into distances of the metric."""
    return square / 2.0 if metric == "cosine" else np.sqrt(square) / scale
