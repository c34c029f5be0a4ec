"""Estimates: a mean over seeds with its interval, and paired differences with their tests."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over seeds.

    Attributes:
        n: number of seeds.
        mean: None without any seed.
        std: with n - 1 in the denominator; None with fewer than two seeds.
        low: lower end of the t interval; None with fewer than two seeds.
        high: its upper end.
    """

    n: int
    mean: float | None
    std: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Difference:
    """A paired difference, the strategy minus the baseline, over the seeds that both have.

    Attributes:
        estimate: its mean with the t interval, not corrected for the number of strategies.
        p: of the two-sided paired t-test; None with fewer than two seeds.
        p_holm: the same, corrected across strategies by Holm's method.
        p_wilcoxon: of Wilcoxon's signed-rank test, two-sided; None with fewer than six seeds, where it cannot
            fall below 0.05.
        bca_low: lower end of the bootstrap interval (BCa); None with fewer than three seeds, and where it was not asked for.
        bca_high: its upper end.
    """

    estimate: Estimate
    p: float | None
    p_holm: float | None
    p_wilcoxon: float | None
    bca_low: float | None = None
    bca_high: float | None = None
