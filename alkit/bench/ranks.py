"""Ranks: mean ranks with Friedman's test and Nemenyi's critical difference (Demšar, JMLR 2006)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ranks:
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
