"""The pairwise matrix against t scores written out."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from alkit.bench.statistics.curves import Curves
from alkit.bench.statistics.wins import wins

NAMES = ("random", "entropy", "vaal")


def curves(seeds: int = 5, steps: int = 6, *, higher: bool = True) -> Curves:
    rng = np.random.default_rng(5)
    values = {name: rng.normal(0.004 * k, 0.005, (seeds, steps)) for k, name in enumerate(NAMES)}
    return Curves("accuracy", higher, np.arange(1, steps + 1) * 100, NAMES, tuple(range(seeds)), values)


@pytest.mark.parametrize("higher", [True, False])
def test_matrix_by_t_scores(higher: bool) -> None:
    given = curves(higher=higher)
    expected = np.zeros((3, 3))
    for step in range(1, 6):
        for i, j in itertools.permutations(range(3), 2):
            gap = given.values[NAMES[i]][:, step] - given.values[NAMES[j]][:, step]
            t = math.sqrt(5) * gap.mean() / gap.std(ddof=1)
            expected[i, j] += (t if higher else -t) > 2.776 and 1 / 5
    result = wins(given, 0.95)
    assert expected.any() and not expected.all()
    np.testing.assert_allclose(result.matrix, expected)
    np.testing.assert_allclose(result.lost, expected.sum(axis=0) / 2)
    assert (result.strategies, result.budgets) == (NAMES, 5)


def test_the_seed_set_is_no_budget() -> None:
    given = curves(steps=2)
    for k, name in enumerate(NAMES):
        given.values[name][:] = [k, 0.5]
    assert wins(given, 0.95).matrix == ((0.0,) * 3,) * 3


def test_a_budget_counts_if_all_pairs_share_two_seeds() -> None:
    given = curves()
    given.values["vaal"][1:, 3:] = np.nan
    assert wins(given, 0.95).budgets == 2


def test_one_seed_wins_nothing() -> None:
    result = wins(curves(seeds=1), 0.95)
    assert (result.budgets, result.lost) == (0, (0.0, 0.0, 0.0))


def test_constant_gaps_are_wins_and_equal_curves_are_not() -> None:
    given = curves()
    given.values["entropy"][:] = given.values["random"]
    given.values["vaal"][:] = given.values["random"] + 0.1
    assert wins(given, 0.95).matrix == ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), (1.0, 1.0, 0.0))
