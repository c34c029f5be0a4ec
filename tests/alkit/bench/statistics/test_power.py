"""What seeds can show: against statsmodels, and where it gives up."""

from __future__ import annotations

import math

import pytest
import scipy
from packaging.version import Version
from statsmodels.stats.power import TTestPower

from alkit.bench.statistics.estimates import Estimate
from alkit.bench.statistics.power import Power, power_of


def difference(n: int, mean: float, std: float) -> Estimate:
    return Estimate(n, mean, std, mean, mean)


EXACT = pytest.mark.skipif(
    Version(scipy.__version__) < Version("1.17"),
    reason="statsmodels is wrong by up to 3 % at two seeds there",
)


@pytest.mark.parametrize("n", [pytest.param(2, marks=EXACT), 3, 5, 10, 40, 1000])
def test_detectable_is_that_of_statsmodels(n: int) -> None:
    expected = TTestPower().solve_power(nobs=n, alpha=0.05, power=0.8, alternative="two-sided")
    detectable = power_of(difference(n, 0.01, 0.02), 0.95).detectable
    assert detectable == pytest.approx(0.02 * expected, rel=1e-4)  # its solver stops early


@pytest.mark.parametrize("effect", [0.03, 0.1, 0.5, 1.0, 2.0, 3.0])
def test_seeds_needed_are_those_of_statsmodels(effect: float) -> None:
    expected = math.ceil(TTestPower().solve_power(effect_size=effect, alpha=0.05, power=0.8))
    assert power_of(difference(5, 0.02 * effect, 0.02), 0.95).seeds_needed == expected
    assert power_of(difference(5, -0.02 * effect, 0.02), 0.95).seeds_needed == expected


@EXACT
def test_small_significance_at_two_seeds() -> None:
    detectable = power_of(difference(2, 1.0, 1.0), 0.99).detectable
    assert detectable is not None
    assert TTestPower().power(detectable, 2, 0.01) == pytest.approx(0.8, abs=1e-6)


def test_large_differences_need_two_seeds() -> None:
    assert power_of(difference(5, 12.0, 1.0), 0.95).seeds_needed == 2
    assert power_of(difference(5, 11.0, 1.0), 0.95).seeds_needed == 3
    assert power_of(difference(5, 1e6, 1.0), 0.95).seeds_needed == 2


def test_small_differences_need_more_than_anybody_runs() -> None:
    assert power_of(difference(5, 0.0281, 1.0), 0.95).seeds_needed == 9943
    assert power_of(difference(5, 0.0280, 1.0), 0.95).seeds_needed is None
    assert power_of(difference(5, 0.0, 1.0), 0.95).seeds_needed is None


def test_constant_differences() -> None:
    assert power_of(difference(5, 0.1, 0.0), 0.95) == Power(0.0, 2)
    assert power_of(difference(5, 0.0, 0.0), 0.95) == Power(0.0, None)


def test_one_seed_shows_nothing() -> None:
    assert power_of(Estimate(1, 0.1, None, None, None), 0.95) == Power(None, None)
