"""Power: the difference that the given seeds would detect, and the seeds that a difference would need."""

from __future__ import annotations

import bisect
import functools
import math
from dataclasses import dataclass

from .estimates import Estimate

POWER = 0.8
MOST_SEEDS = 10_000


@dataclass(frozen=True, slots=True)
class Power:
    """What a two-sided paired t-test detects with power 0.8, given the observed spread of the differences.

    This is for one comparison: Holm's correction for several requires more.

    Attributes:
        detectable: smallest difference that these seeds would show, in units of the metric; None with fewer
            than two.
        seeds_needed: number of seeds that would show the observed difference; None beyond 10,000, without a
            difference, and with fewer than two seeds.
    """

    detectable: float | None
    seeds_needed: int | None


def power_of(difference: Estimate, level: float) -> Power:
    """Return what the seeds of a difference can detect at 1 - `level`, before any correction."""
    if difference.mean is None or difference.std is None:
        return Power(None, None)
    alpha = 1 - level
    return Power(
        difference.std * _effect(difference.n, alpha), _seeds_needed(difference.mean, difference.std, alpha)
    )


def _seeds_needed(mean: float, std: float, alpha: float) -> int | None:
    if not mean:
        return None
    counts = range(2, MOST_SEEDS + 1)
    found = bisect.bisect_left(counts, True, key=lambda n: abs(mean) >= std * _effect(n, alpha))
    return counts[found] if found < len(counts) else None


@functools.cache
def _effect(n: int, alpha: float) -> float:
    """Return the smallest mean, in standard deviations, that n seeds show with power 0.8.

    The square of t is noncentral F; unlike scipy's noncentral t, on which statsmodels rests, that is a number
    for every effect.
    """
    from scipy import optimize, stats  # noqa: PLC0415  # scipy is slow to import

    critical = float(stats.t.ppf(1 - alpha / 2, n - 1)) ** 2

    def lacking(effect: float) -> float:
        return float(stats.ncf.sf(critical, 1, n - 1, n * effect**2)) - POWER

    high = 1 / math.sqrt(n)
    while lacking(high) < 0:
        high *= 2
    return float(optimize.brentq(lacking, 0.0, high))
