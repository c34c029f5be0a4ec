"""Mean ranks by hand, critical differences against Demšar's table, groups of what lies close."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from alkit.bench.statistics.curves import Curves
from alkit.bench.statistics.ranks import critical_difference, ranks

TABLE = {2: 1.960, 3: 2.343, 4: 2.569, 5: 2.728, 6: 2.850, 10: 3.164}  # q at 0.05: Demšar 2006, table 5a


def curves(higher: bool = True, **areas: list[float]) -> Curves:
    values = {name: np.array(column, dtype=float)[:, None] for name, column in areas.items()}
    seeds = len(next(iter(values.values())))
    return Curves("accuracy", higher, np.array([100]), tuple(areas), tuple(range(seeds)), values)


def test_ranks_by_hand() -> None:
    given = curves(a=[0.1, 0.2, 0.3], b=[0.3, 0.3, 0.3], c=[0.2, 0.4, 0.1])
    result = ranks(given, 0.95)  # a: 3, 3, 1.5; b: 1, 2, 1.5; c: 2, 1, 3
    assert (result.strategies, result.n) == (("b", "c", "a"), 3)
    assert result.ranks == pytest.approx((4.5 / 3, 2.0, 7.5 / 3))
    expected = stats.friedmanchisquare([0.1, 0.2, 0.3], [0.3, 0.3, 0.3], [0.2, 0.4, 0.1])
    assert (result.friedman, result.p) == pytest.approx((expected.statistic, expected.pvalue))


def test_lower_can_be_better() -> None:
    assert ranks(curves(False, a=[0.1, 0.2], b=[0.3, 0.3]), 0.95).strategies == ("a", "b")


@pytest.mark.parametrize("k", TABLE)
def test_critical_difference_by_the_table(k: int) -> None:
    assert critical_difference(k, 10, 0.95) == pytest.approx(TABLE[k] * math.sqrt(k * (k + 1) / 60), rel=3e-4)


def test_groups_are_runs_within_the_critical_difference() -> None:
    seeds = np.arange(20.0)
    order = {"a": 4.0, "b": 3.0, "c": 2.0, "d": 1.0}
    result = ranks(curves(**{name: (100 * height + seeds).tolist() for name, height in order.items()}), 0.95)
    assert result.ranks == (1.0, 2.0, 3.0, 4.0)
    assert result.critical_difference is not None and 1 < result.critical_difference < 2
    assert result.groups == (("a", "b"), ("b", "c"), ("c", "d"))


def test_a_group_within_a_group_is_not_named() -> None:
    result = ranks(curves(a=[3, 2, 1], b=[2, 3, 2], c=[1, 1, 3]), 0.95)
    assert result.groups == (tuple(result.strategies),)


def test_few_of_everything() -> None:
    one_seed = ranks(curves(a=[0.1], b=[0.2], c=[0.3]), 0.95)
    assert one_seed.ranks == (1.0, 2.0, 3.0)
    assert (one_seed.friedman, one_seed.critical_difference, one_seed.groups) == (None, None, ())
    alone = ranks(curves(a=[0.1, 0.2]), 0.95)
    assert (alone.ranks, alone.friedman, alone.critical_difference) == ((1.0,), None, None)
    two = ranks(curves(a=[0.1, 0.2], b=[0.2, 0.3]), 0.95)
    assert two.friedman is None and two.critical_difference is not None


def test_all_tied() -> None:
    result = ranks(curves(a=[0.1, 0.2], b=[0.1, 0.2], c=[0.1, 0.2]), 0.95)
    assert (result.ranks, result.friedman, result.p) == ((2.0, 2.0, 2.0), 0.0, 1.0)


def test_only_seeds_that_all_have() -> None:
    nan = math.nan
    assert ranks(curves(a=[0.1, nan, 0.9], b=[0.2, 0.3, 0.1]), 0.95).n == 2
    assert ranks(curves(a=[0.1, nan], b=[nan, 0.3]), 0.95).ranks == ()
