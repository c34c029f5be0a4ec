"""Simulated benchmarks: intervals hold what they promise, and the null is seldom called a difference."""

from __future__ import annotations

import gc

import numpy as np
import pytest
from scipy import stats

from alkit.bench.statistics import compare, estimates
from alkit.bench.statistics.curves import Curves
from alkit.bench.statistics.estimates import difference, estimate

TRUE = 0.01


@pytest.fixture(autouse=True)
def no_collection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call of statsmodels' `multipletests` collects garbage, which takes longer than all the rest."""
    monkeypatch.setattr(gc, "collect", lambda: 0)


def standard_errors(share: float, runs: int) -> float:
    return float(np.sqrt(share * (1 - share) / runs))


@pytest.mark.parametrize("n", [2, 3, 5, 10])
def test_t_intervals_cover(n: int) -> None:
    rng, runs = np.random.default_rng(n), 2000
    covered = 0
    for _ in range(runs):
        found = estimate(rng.normal(TRUE, 0.02, n), 0.95)
        assert found.low is not None and found.high is not None
        covered += found.low <= TRUE <= found.high
    assert abs(covered / runs - 0.95) < 4 * standard_errors(0.95, runs)


@pytest.mark.slow
@pytest.mark.parametrize("n", [5, 30])
def test_bootstrap_intervals_of_few_seeds_are_too_short(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """On normal data they are near normal intervals with n in the denominator: 85 % at 5, 94 % at 30."""
    monkeypatch.setattr(estimates, "RESAMPLES", 999)
    rng, runs = np.random.default_rng(0), 400
    covered = 0
    for _ in range(runs):
        found = difference(rng.normal(TRUE, 0.02, n), 0.95, bootstrap=True)
        assert found.bca_low is not None and found.bca_high is not None
        covered += found.bca_low <= TRUE <= found.bca_high
    expected = 1 - 2 * float(stats.t.sf(1.959964 * np.sqrt((n - 1) / n), n - 1))
    assert abs(covered / runs - expected) < 3 * standard_errors(expected, runs)


@pytest.mark.slow
def test_the_null_is_seldom_called_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any of four rivals that are random in disguise is told apart in at most 5 % of runs."""
    monkeypatch.setattr(estimates, "RESAMPLES", 9)
    rng, runs = np.random.default_rng(0), 200
    names = ("random", "a", "b", "c", "d")
    alarms = 0
    for _ in range(runs):
        base = np.linspace(0.4, 0.8, 4) + rng.normal(0, 0.05, (5, 1))
        values = {name: base + rng.normal(0, 0.01, (5, 4)) for name in names}
        curves = Curves("accuracy", True, np.array([100, 200, 300, 400]), names, tuple(range(5)), values)
        alarms += any(one.verdict != "tie" for one in compare(curves).versus)
    assert alarms / runs < 0.05 + 3 * standard_errors(0.05, runs)
    assert alarms > 0


@pytest.mark.slow
def test_differences_of_the_detectable_size_are_seen_in_four_runs_of_five(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(estimates, "RESAMPLES", 9)
    rng, runs = np.random.default_rng(0), 200
    seen = 0
    for _ in range(runs):
        base = rng.normal(0.5, 0.05, (5, 1))
        rival = base + rng.normal(1.681997 * 0.01, 0.01, (5, 1))  # seen with power 0.8
        curves = Curves(
            "accuracy", True, np.array([100]), ("random", "x"), tuple(range(5)), {"random": base, "x": rival}
        )
        seen += compare(curves).versus[0].verdict == "better"
    assert abs(seen / runs - 0.8) < 3 * standard_errors(0.8, runs)
