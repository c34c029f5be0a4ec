"""Proportions and their differences, never without an interval."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from .json_values import AsDict

LEVEL = 0.95
POWER = 0.8


@dataclass(frozen=True, slots=True)
class Share(AsDict):
    """A proportion with its interval by Wilson (Probable inference, Journal of the ASA, 1927).

    Attributes:
        hits: how many.
        of: out of how many, at least one.
        low: lower end of the interval.
        high: upper end of the interval.
        level: of confidence.
    """

    json_keys: ClassVar[tuple[str, ...]] = ("value", "low", "high", "hits", "of", "level")

    hits: int
    of: int
    low: float
    high: float
    level: float = LEVEL

    @property
    def value(self) -> float:
        """The proportion."""
        return self.hits / self.of

    def __str__(self) -> str:
        return (
            f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f} at {self.level:.0%}; "
            f"{self.hits:,} of {self.of:,})"
        )


@dataclass(frozen=True, slots=True)
class ProportionDifference(AsDict):
    """A difference with its interval; it is settled if zero is not in the interval."""

    json_keys: ClassVar[tuple[str, ...]] = ("value", "low", "high", "level", "settled")

    value: float
    low: float
    high: float
    level: float = LEVEL

    @property
    def settled(self) -> bool:
        """The interval excludes zero."""
        return self.low > 0 or self.high < 0

    def scaled(self, factor: float) -> ProportionDifference:
        """Return the same in another unit; the factor is positive."""
        return ProportionDifference(self.value * factor, self.low * factor, self.high * factor, self.level)

    def __str__(self) -> str:
        return f"{self.value:+.3f} ({self.low:+.3f} to {self.high:+.3f} at {self.level:.0%})"


def share(hits: int, of: int, level: float = LEVEL) -> Share:
    """Return a proportion with its Wilson interval.

    Raises:
        ValueError: `of` is less than one, or `hits` is not between zero and `of`.
    """
    from scipy.stats import binomtest  # noqa: PLC0415  # scipy is slow to import

    interval = binomtest(hits, of).proportion_ci(level, method="wilson")
    return Share(hits, of, float(interval.low), float(interval.high), level)


def upper_bound(hits: int, of: int, level: float = LEVEL) -> float:
    """Return the exact upper bound of a proportion: Clopper and Pearson (Biometrika, 1934), one-sided.

    For a random sample of a finite population it is conservative.

    Args:
        hits: how many.
        of: out of how many, at least one.
        level: of confidence.
    """
    from scipy.stats import beta  # noqa: PLC0415  # scipy is slow to import

    return 1.0 if hits == of else float(beta.ppf(level, hits + 1, of - hits))


def difference(first: Share, second: Share) -> ProportionDifference:
    """Return `first - second` of independent samples with Newcombe's interval.

    Newcombe, Interval estimation for the difference between independent proportions, Statistics in Medicine,
    1998, method 10: the combined Wilson intervals of both.
    """
    value = first.value - second.value
    low = value - math.hypot(first.value - first.low, second.high - second.value)
    high = value + math.hypot(first.high - first.value, second.value - second.low)
    return ProportionDifference(value, low, high, first.level)


def needed_to_settle(
    first: float, second: float, *, ratio: float, level: float = LEVEL, power: float = POWER
) -> int:
    """Return how large the second sample must be to detect a difference of this size.

    The first sample is `ratio` times as large. Fleiss, Levin and Paik, Statistical Methods for Rates and
    Proportions, 2003, formula 4.14 for unequal samples, without the correction for continuity.

    Args:
        first: the assumed first proportion.
        second: the second.
        ratio: size of the first sample over that of the second.
        level: of confidence, two-sided.
        power: the probability of detecting it.

    Raises:
        ZeroDivisionError: there is no difference.
    """
    from scipy.stats import norm  # noqa: PLC0415  # scipy is slow to import

    mean = (ratio * first + second) / (ratio + 1)
    z_level, z_power = float(norm.ppf((1 + level) / 2)), float(norm.ppf(power))
    null = z_level * math.sqrt((1 + 1 / ratio) * mean * (1 - mean))
    real = z_power * math.sqrt(first * (1 - first) / ratio + second * (1 - second))
    return math.ceil(((null + real) / (first - second)) ** 2)


def needed_for_width(half: float, level: float = LEVEL) -> int:
    """Return how many images measure a proportion to a given precision, at worst (when it is one half)."""
    from scipy.stats import norm  # noqa: PLC0415  # scipy is slow to import

    return math.ceil(float(norm.ppf((1 + level) / 2)) ** 2 / 4 / half**2)
