"""Savings: how many fewer labels a strategy needs to reach the baseline's final value."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .curves import Curves, Floats
from .estimates import Estimate, estimate, paired


@dataclass(frozen=True, slots=True)
class Savings:
    """Labels saved: the last number of labels, minus the first that reaches the baseline's final value.

    Each seed has its own target. Between steps the curve is interpolated linearly; the first crossing counts,
    even if the curve falls again, as with a running maximum. A seed that never gets there saved less than
    zero labels, by an unknown amount.

    Attributes:
        n: seeds that strategy and baseline both completed.
        never: how many of them never reach the target.
        saved: labels saved by seed, None where the target is never reached.
        estimate: mean and interval; None where a seed never gets there.
        median: None where so many never get there that it is unknown.
        at_most: upper bound of the mean: seeds that never get there count as zero; None without seeds.
        by_noise: the same mean for the baseline against its own final value: what noise alone "saves".
    """

    n: int
    never: int
    saved: tuple[float | None, ...]
    estimate: Estimate | None
    median: float | None
    at_most: float | None
    by_noise: float | None


def savings(curves: Curves, strategy: str, baseline: str, level: float) -> Savings:
    """Return the labels that a strategy saves against the baseline."""
    targets = curves.finals(baseline)
    there = ~np.isnan(curves.areas(strategy)) & ~np.isnan(curves.areas(baseline))
    saved, own = (_saved(curves, curves.values[name][there], targets[there]) for name in (strategy, baseline))
    if not there.any():
        return Savings(0, 0, (), None, None, None, None)
    reached = np.isfinite(saved)
    median = float(np.median(saved))
    return Savings(
        n=len(saved),
        never=int(np.sum(~reached)),
        saved=tuple(float(one) if np.isfinite(one) else None for one in saved),
        estimate=estimate(saved, level) if reached.all() else None,
        median=median if math.isfinite(median) else None,
        at_most=float(np.mean(np.maximum(saved, 0.0))),
        by_noise=float(np.mean(own)),
    )


def _saved(curves: Curves, values: Floats, targets: Floats) -> Floats:
    """Return the labels saved by seed, [S]; minus infinity where the target is never reached."""
    sign = 1.0 if curves.higher_is_better else -1.0
    return np.array(
        [
            curves.labels[-1] - first_crossing(curves.labels, sign * paired(row, np.full_like(row, target)))
            for row, target in zip(values, targets, strict=True)
        ]
    )


def first_crossing(labels: npt.NDArray[np.int64], heights: Floats) -> float:
    """Return where a piecewise linear curve is first at zero or above, in labels; infinity if nowhere."""
    above = np.flatnonzero(heights >= 0.0)
    if not len(above):
        return math.inf
    last = int(above[0])
    if last == 0:
        return float(labels[0])
    before, after = heights[last - 1], heights[last]
    return float(labels[last - 1] + (labels[last] - labels[last - 1]) * before / (before - after))
