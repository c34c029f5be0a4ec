"""Estimates: a mean over seeds with its interval, and paired differences with their tests."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from alkit.utils.extras import need

from .curves import Floats

FEWEST_FOR_WILCOXON = 6
FEWEST_FOR_BOOTSTRAP = 3
RESAMPLES = 9999


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
class PairedDifference:
    """A paired difference, the strategy minus the baseline, over the seeds that both have.

    Attributes:
        estimate: its mean with the t interval, not corrected for the number of strategies.
        p: of the two-sided paired t-test; None with fewer than two seeds. Where all seeds differ by the
            same, it is the limit of the test: 1 for no difference, 0 for any other.
        p_holm: the same, corrected across strategies (Holm, Scandinavian Journal of Statistics, 1979).
        p_wilcoxon: of Wilcoxon's signed-rank test, two-sided; None with fewer than six seeds, where it cannot
            fall below 0.05.
        bca_low: lower end of the bootstrap interval (BCa: Efron, JASA 1987); None with fewer than three
            seeds, and where it was not asked for.
        bca_high: its upper end.
    """

    estimate: Estimate
    p: float | None
    p_holm: float | None
    p_wilcoxon: float | None
    bca_low: float | None = None
    bca_high: float | None = None


def estimate(values: Floats, level: float) -> Estimate:
    """Estimate a mean from one value per seed, NaN where there is none."""
    from scipy import special  # noqa: PLC0415  # scipy is slow to import

    values = values[~np.isnan(values)]
    n = len(values)
    if n < 2:
        return Estimate(n, float(values[0]) if n else None, None, None, None)
    if np.ptp(values) == 0.0:
        return Estimate(n, float(values[0]), 0.0, float(values[0]), float(values[0]))
    mean, std = math.fsum(values) / n, float(np.std(np.sort(values), ddof=1))
    half = float(special.stdtrit(n - 1, (1 + level) / 2)) * std / math.sqrt(n)
    return Estimate(n, mean, std, mean - half, mean + half)


def paired(values: Floats, baseline: Floats) -> Floats:
    """Subtract seed by seed, NaN where one of the two is missing.

    Differences are rounded at 2^-40 (1e-12) of the largest value, so that values that differ only in the last
    bits are equal: a spread of 1e-17 around zero would otherwise be tested like any other.
    """
    differences = values - baseline
    there = ~np.isnan(differences)
    scale = float(np.max(np.abs([values[there], baseline[there]]), initial=0.0))
    if scale == 0.0:
        return differences
    unit = 2.0 ** (math.frexp(scale)[1] - 40)
    return np.asarray(np.round(differences / unit) * unit, dtype=np.float64)


def difference(differences: Floats, level: float, *, bootstrap: bool = False) -> PairedDifference:
    """Test paired differences, one per seed and NaN where there is none; not corrected yet."""
    differences = np.sort(
        differences[~np.isnan(differences)]
    )  # sorted, so that the order of seeds does not matter
    mean = estimate(differences, level)
    low, high = _bca(differences, level) if bootstrap else (None, None)
    return PairedDifference(mean, t_test(mean), None, _wilcoxon(differences), low, high)


def holm(differences: Sequence[PairedDifference]) -> list[PairedDifference]:
    """Correct the p values of one family of differences.

    Raises:
        MissingExtra: statsmodels is not installed.
    """
    tested = [one.p for one in differences if one.p is not None]
    if not tested:
        return list(differences)
    corrected = iter(need("statsmodels.stats.multitest").multipletests(tested, method="holm")[1])
    return [
        one if one.p is None else dataclasses.replace(one, p_holm=float(next(corrected)))
        for one in differences
    ]


def t_test(mean: Estimate) -> float | None:
    """Return the p value of the two-sided t-test of a mean against zero; None with fewer than two seeds."""
    from scipy import special  # noqa: PLC0415  # scipy is slow to import

    if mean.mean is None or mean.std is None:
        return None
    if mean.std == 0.0:
        return float(mean.mean == 0.0)
    return float(2 * special.stdtr(mean.n - 1, -abs(mean.mean) / mean.std * math.sqrt(mean.n)))


def _wilcoxon(differences: Floats) -> float | None:
    from scipy import stats  # noqa: PLC0415  # scipy is slow to import

    if len(differences) < FEWEST_FOR_WILCOXON:
        return None
    return float(stats.wilcoxon(differences).pvalue) if differences.any() else 1.0


def _bca(differences: Floats, level: float) -> tuple[float, float] | tuple[None, None]:
    from scipy import stats  # noqa: PLC0415  # scipy is slow to import

    if len(differences) < FEWEST_FOR_BOOTSTRAP:
        return None, None
    if np.ptp(differences) == 0.0:
        return float(differences[0]), float(differences[0])
    interval = stats.bootstrap(
        (differences,),
        np.mean,
        n_resamples=RESAMPLES,
        confidence_level=level,
        method="BCa",
        random_state=np.random.default_rng(0),  # the same records give the same interval
    ).confidence_interval
    return float(interval.low), float(interval.high)
