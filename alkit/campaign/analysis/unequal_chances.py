"""Estimating a proportion of a population from images that were drawn with unequal, known chances.

Two estimators for the same draws. `lure` weighs each draw by the chance that it had after those before it
(Farquhar, Gal and Rainforth, On Statistical Bias in Active Learning, ICLR 2021). `by_inclusion` weighs each
image by its chance to be drawn at all (Horvitz and Thompson, JASA 1952; with the chances that Duffield, Lund
and Thorup give for weighted draws without replacement, JACM 2007). Images without a label are left out: their
share of the population is estimated from the same weights. Intervals are Wilson's, for the number of equally
likely images that would have the same standard error.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from alkit.utils.json_values import AsDict
from alkit.utils.proportions import LEVEL

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Proportion(AsDict):
    """An estimated proportion with its interval."""

    value: float
    low: float
    high: float
    level: float = LEVEL

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f} at {self.level:.0%})"


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnSample:
    """A draw and what is known of it.

    Attributes:
        hits: [n] in the order of the draws.
        counted: [n] whether the image has a label.
        population: how many images it was drawn from.
        known_hits: hits among images that belong to the whole, but were not drawn from.
        known: such images with a label.
    """

    hits: Flags
    counted: Flags
    population: int
    known_hits: int = 0
    known: int = 0

    def estimate(self, weights: Floats, variances: Floats) -> Proportion | None:
        """Return the proportion; None if no image has a label.

        Args:
            weights: [n] how many images of the population each stands for.
            variances: [n] the variance that one unit of each adds to a weighted sum.
        """
        counted = float(weights @ self.counted) / float(weights.sum())
        whole = self.known + self.population * counted
        if whole == 0:
            return None
        hits = (self.hits & self.counted).astype(np.float64)
        value = min(1.0, (self.known_hits + float(weights @ hits)) / whole)
        equal = float(np.ptp(weights)) < 1e-9 * float(weights.max())
        rest = np.where(self.counted, hits - value, 0.0) if equal else hits
        variance = float(variances @ rest**2) / whole**2
        drawn = max(float(variances @ self.counted), 1e-12)
        usual = whole**2 / drawn  # more is never believed, since rare hits of large weight may be missing
        spread = value * (1 - value)
        size = min(usual, spread / variance) if variance > 0 and spread > 0 else usual
        return wilson(value, size)


def by_inclusion(sample: DrawnSample, inclusion: Floats) -> Proportion | None:
    """Estimate a proportion from the chances of inclusion, [n]; None if no image has a label."""
    return sample.estimate(1 / inclusion, (1 - inclusion) / inclusion**2)


def lure(sample: DrawnSample, chance: Floats) -> Proportion | None:
    """Estimate a proportion from the chance of each draw given those before, [n]; None without labels."""
    drawn, population = len(chance), sample.population
    before = np.arange(drawn)
    left = population - before
    rest = np.maximum(left - 1, 1)
    factor = 1 + (population - drawn) / rest * (1 / (left * chance) - 1)
    weights = population / drawn * factor
    return sample.estimate(weights, weights**2 * (1 - drawn / population))


def wilson(value: float, size: float, level: float = LEVEL) -> Proportion:
    """Return Wilson's interval of a proportion in a sample of any positive size."""
    z = NormalDist().inv_cdf((1 + level) / 2) ** 2
    middle = (value + z / (2 * size)) / (1 + z / size)
    half = math.sqrt(z / size * (value * (1 - value) + z / (4 * size))) / (1 + z / size)
    return Proportion(value, max(0.0, middle - half), min(1.0, middle + half), level)


def mean_of(estimates: list[tuple[int, Proportion]]) -> Proportion:
    """Return the mean of independent estimates of one proportion, weighted by their numbers of images."""
    if len(estimates) == 1:
        return estimates[0][1]
    total = sum(count for count, _ in estimates)
    value = sum(count * one.value for count, one in estimates) / total
    low = math.sqrt(sum((count * (one.value - one.low)) ** 2 for count, one in estimates)) / total
    high = math.sqrt(sum((count * (one.high - one.value)) ** 2 for count, one in estimates)) / total
    return Proportion(value, max(0.0, value - low), min(1.0, value + high), estimates[0][1].level)
