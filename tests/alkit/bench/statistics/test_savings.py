"""Labels saved, by hand; seeds that never get there are counted, not invented."""

from __future__ import annotations

import math

import numpy as np
import pytest

from alkit.bench.statistics.curves import Curves
from alkit.bench.statistics.savings import first_crossing, savings

LABELS = np.array([100, 200, 400])
RANDOM = [[0.2, 0.4, 0.6], [0.1, 0.3, 0.5], [0.3, 0.5, 0.7], [0.2, 0.4, 0.6]]
REACHED = [[0.2, 0.5, 0.7], [0.1, 0.5, 0.6], [0.3, 0.6, 0.8], [0.2, 0.4, 0.6]]  # saves 100, 200, 100, 0
NEVER = [0.1, 0.2, 0.3]


def curves(strategy: list[list[float]], sign: float = 1.0) -> Curves:
    values = {"random": sign * np.array(RANDOM), "x": sign * np.array(strategy)}
    return Curves("accuracy", sign > 0, LABELS, ("random", "x"), (0, 1, 2, 3), values)


@pytest.mark.parametrize(
    "heights, expected",
    [
        ([-1.0, -1.0, 3.0], 250.0),
        ([-0.5, 0.0, -1.0], 200.0),
        ([-1.0, 1.0, -1.0], 150.0),
        ([0.0, -1.0, 1.0], 100.0),
        ([-1.0, -2.0, -0.5], math.inf),
    ],
)
def test_first_crossing_by_hand(heights: list[float], expected: float) -> None:
    assert first_crossing(LABELS, np.array(heights)) == expected


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_savings_by_hand(sign: float) -> None:
    result = savings(curves(REACHED, sign), "x", "random", 0.95)
    assert (result.n, result.never) == (4, 0)
    assert result.saved == pytest.approx((100.0, 200.0, 100.0, 0.0))
    assert result.estimate is not None and result.estimate.mean == pytest.approx(100.0)
    assert result.estimate.std == pytest.approx((20000 / 3) ** 0.5)
    assert (result.median, result.at_most, result.by_noise) == pytest.approx((100.0, 100.0, 0.0))


def test_a_seed_that_never_gets_there_leaves_the_mean_open() -> None:
    result = savings(curves([*REACHED[:3], NEVER]), "x", "random", 0.95)
    assert (result.n, result.never) == (4, 1)
    assert result.saved == (pytest.approx(100.0), pytest.approx(200.0), pytest.approx(100.0), None)
    assert result.estimate is None
    assert (result.median, result.at_most) == pytest.approx((100.0, 100.0))


def test_with_half_of_the_seeds_never_there_the_median_is_open_too() -> None:
    result = savings(curves([*REACHED[:2], NEVER, NEVER]), "x", "random", 0.95)
    assert (result.never, result.median, result.at_most) == (2, None, pytest.approx(75.0))
    nowhere = savings(curves([NEVER] * 4), "x", "random", 0.95)
    assert (nowhere.never, nowhere.median, nowhere.at_most) == (4, None, 0.0)


def test_noise_of_the_baseline_saves_labels_too() -> None:
    noisy = curves(REACHED)
    noisy.values["random"][0] = [0.2, 0.8, 0.6]  # its own final value is reached at 167 labels
    assert savings(noisy, "x", "random", 0.95).by_noise == pytest.approx((400 - 500 / 3) / 4)


def test_seeds_that_one_lacks_are_left_out() -> None:
    gaps = curves(REACHED)
    gaps.values["x"][1, 2] = np.nan
    gaps.values["random"][2, 0] = np.nan
    result = savings(gaps, "x", "random", 0.95)
    assert result.saved == pytest.approx((100.0, 0.0))
    gaps.values["x"][:] = np.nan
    assert savings(gaps, "x", "random", 0.95).n == 0


def test_a_constant_a_seed_changes_nothing() -> None:
    shifted = curves(REACHED)
    for values in shifted.values.values():
        values += np.array([[0.1], [-0.37], [1 / 3], [0.77]])
    expected = savings(curves(REACHED), "x", "random", 0.95)
    assert savings(shifted, "x", "random", 0.95).saved == pytest.approx(expected.saved)
