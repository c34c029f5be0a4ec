"""Intervals and tests against scipy and statsmodels, and where those give up."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from alkit.bench.statistics.curves import Floats
from alkit.bench.statistics.estimates import Estimate, PairedDifference, difference, estimate, holm, paired
from alkit.utils.extras import MissingExtra

VALUES = np.random.default_rng(8).normal(0.6, 0.2, 7)


def test_interval_by_hand() -> None:
    result = estimate(np.array([1.0, 2.0, np.nan, 6.0]), 0.95)
    assert (result.n, result.mean) == (3, 3.0)
    assert result.std == pytest.approx(7**0.5)
    assert result.low == pytest.approx(3 - 4.302653 * (7 / 3) ** 0.5)
    assert result.high == pytest.approx(3 + 4.302653 * (7 / 3) ** 0.5)


@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
def test_interval_is_that_of_scipy(level: float) -> None:
    result = estimate(VALUES, level)
    expected = stats.t.interval(level, 6, loc=VALUES.mean(), scale=stats.sem(VALUES))
    assert (result.low, result.high) == pytest.approx(expected)


def test_two_seeds_give_a_wide_interval() -> None:
    result = estimate(np.array([0.0, 2.0]), 0.95)
    assert result.high == pytest.approx(1 + 12.7062, abs=1e-4)


def test_one_seed_has_no_interval_and_none_has_no_mean() -> None:
    assert estimate(np.array([np.nan, 0.5]), 0.95) == Estimate(1, 0.5, None, None, None)
    assert estimate(np.array([np.nan]), 0.95) == Estimate(0, None, None, None, None)


def test_differences_are_those_of_seeds_that_both_have() -> None:
    result = paired(np.array([0.5, np.nan, 0.75]), np.array([0.25, 0.5, np.nan]))
    np.testing.assert_array_equal(result, [0.25, np.nan, np.nan])
    assert np.isnan(paired(np.array([np.nan]), np.array([1.0]))).all()


def test_differences_in_the_last_bits_are_none() -> None:
    values = np.array([0.3, 0.7, 0.0])
    assert paired(values + 0.1 - 0.1, values).tolist() == [0.0, 0.0, 0.0]
    assert paired(np.array([0.4, 0.8]), np.array([0.3, 0.7])).std() == 0.0
    assert paired(np.zeros(2), np.zeros(2)).tolist() == [0.0, 0.0]
    assert paired(np.array([3e-20]), np.array([1e-20])) == pytest.approx(2e-20, rel=1e-9)


def test_tests_are_those_of_scipy() -> None:
    other = VALUES + np.random.default_rng(9).normal(0.1, 0.1, 7)
    result = difference(paired(VALUES, other), 0.95, bootstrap=True)
    assert result.p == pytest.approx(stats.ttest_rel(VALUES, other).pvalue)
    assert result.p_wilcoxon == pytest.approx(stats.wilcoxon(np.round(VALUES - other, 12)).pvalue)
    sample = np.sort(np.round(VALUES - other, 12))
    expected = stats.bootstrap((sample,), np.mean, method="BCa", random_state=np.random.default_rng(0))
    assert (result.bca_low, result.bca_high) == pytest.approx(tuple(expected.confidence_interval))


def test_the_order_of_seeds_changes_nothing() -> None:
    rng = np.random.default_rng(0)
    expected = difference(VALUES, 0.95, bootstrap=True)
    for _ in range(5):
        assert difference(rng.permutation(VALUES), 0.95, bootstrap=True) == expected


def test_few_seeds_leave_tests_out() -> None:
    one, two, five = (difference(VALUES[:n], 0.95, bootstrap=True) for n in (1, 2, 5))
    assert one == PairedDifference(estimate(VALUES[:1], 0.95), None, None, None)
    assert two.p is not None and (two.bca_low, two.bca_high) == (None, None)
    assert five.bca_low is not None and five.p_wilcoxon is None


@pytest.mark.parametrize("n", [2, 3, 6, 10])
@pytest.mark.parametrize("value, p", [(0.0, 1.0), (0.1, 0.0), (-0.1, 0.0)])
def test_constant_differences_are_certain(n: int, value: float, p: float) -> None:
    result = difference(np.full(n, value), 0.95, bootstrap=True)
    assert result.p == p
    assert result.estimate.std == 0.0
    assert result.estimate.low == result.estimate.high == pytest.approx(value)
    assert result.bca_low == result.bca_high == (None if n < 3 else value)
    assert result.p_wilcoxon == (None if n < 6 else pytest.approx(1.0 if p else 0.5 ** (n - 1)))


def with_p(p: float | None) -> PairedDifference:
    return PairedDifference(Estimate(5, 0.1, 0.1, 0.0, 0.2), p, None, None)


def test_holm_by_hand() -> None:
    corrected = holm([with_p(0.04), with_p(None), with_p(0.01), with_p(0.03)])
    assert [one.p_holm for one in corrected] == pytest.approx([0.06, None, 0.03, 0.06])
    assert [one.p for one in corrected] == [0.04, None, 0.01, 0.03]


def test_holm_is_that_of_statsmodels() -> None:
    p: Floats = np.random.default_rng(3).random(9) ** 3
    assert [one.p_holm for one in holm([with_p(float(one)) for one in p])] == pytest.approx(
        multipletests(p, method="holm")[1].tolist()
    )


def test_nothing_tested_is_nothing_to_correct(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "statsmodels.stats.multitest", None)
    assert holm([with_p(None)]) == [with_p(None)] and holm([]) == []


def test_without_statsmodels_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "statsmodels.stats.multitest", None)
    with pytest.raises(MissingExtra, match=r"need statsmodels.*pip install 'alkit\[bench\]'"):
        holm([with_p(0.5)])
