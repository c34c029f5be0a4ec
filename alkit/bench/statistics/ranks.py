"""Ranks: mean ranks with Friedman's test and Nemenyi's critical difference (Demšar, JMLR 2006)."""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .curves import Curves, Floats
from .estimates import paired


@dataclass(frozen=True, slots=True)
class RankSummary:
    """Ranks by the area under the budget curve, 1 is best, over the seeds that all strategies have.

    Attributes:
        strategies: from the best mean rank to the worst.
        ranks: their mean ranks, ties shared; empty without a common seed.
        n: number of common seeds.
        friedman: statistic of Friedman's test; None with fewer than three strategies or two seeds.
        p: its p value.
        critical_difference: of mean ranks, by Nemenyi; None with fewer than two seeds.
        groups: largest sets of strategies whose mean ranks are closer than that.
    """

    strategies: tuple[str, ...]
    ranks: tuple[float, ...]
    n: int
    friedman: float | None
    p: float | None
    critical_difference: float | None
    groups: tuple[tuple[str, ...], ...]


def ranks(curves: Curves, level: float) -> RankSummary:
    """Rank the strategies within each seed by their areas.

    A seed is a block of Friedman's test. The budgets of one seed are not separate blocks: they are far from
    independent, and counting them would shrink the critical difference without justification.
    """
    from scipy import stats  # noqa: PLC0415  # scipy is slow to import

    sign = -1.0 if curves.higher_is_better else 1.0
    areas = np.array([sign * curves.areas(name) for name in curves.strategies]).T
    areas = areas[~np.isnan(areas).any(axis=1)]
    n, k = areas.shape
    if not n:
        return RankSummary(curves.strategies, (), 0, None, None, None, ())
    by_seed = np.array([stats.rankdata(paired(row, np.full_like(row, row[0]))) for row in areas])
    means = by_seed.mean(axis=0)
    order = np.argsort(means, kind="stable")
    names, sorted_means = tuple(curves.strategies[i] for i in order), tuple(means[order].tolist())
    statistic, p = _friedman(by_seed)
    critical = critical_difference(k, n, level) if n > 1 and k > 1 else None
    groups = () if critical is None else _groups(names, sorted_means, critical)
    return RankSummary(names, sorted_means, n, statistic, p, critical, groups)


def critical_difference(k: int, n: int, level: float) -> float:
    """Return Nemenyi's critical difference of mean ranks for k strategies in n blocks."""
    from scipy import stats  # noqa: PLC0415  # scipy is slow to import

    q = float(stats.studentized_range.ppf(level, k, np.inf)) / math.sqrt(2)
    return q * math.sqrt(k * (k + 1) / (6 * n))


def _friedman(by_seed: Floats) -> tuple[float, float] | tuple[None, None]:
    from scipy import stats  # noqa: PLC0415  # scipy is slow to import

    n, k = by_seed.shape
    if n < 2 or k < 3:
        return None, None
    if np.ptp(by_seed) == 0.0:  # all tied everywhere
        return 0.0, 1.0
    result = stats.friedmanchisquare(*by_seed.T)
    return float(result.statistic), float(result.pvalue)


def _groups(names: Sequence[str], means: Sequence[float], critical: float) -> tuple[tuple[str, ...], ...]:
    """Return the largest runs of neighbours, two at least, that span less than the critical difference."""
    found: list[tuple[str, ...]] = []
    reached = 0
    for first in range(len(names)):
        last = bisect.bisect_left(means, means[first] + critical)
        if last > max(reached, first + 1):
            found.append(tuple(names[first:last]))
        reached = max(reached, last)
    return tuple(found)
