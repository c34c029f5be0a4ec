"""Two suites: what changed from A to B, and whether anything did."""

from __future__ import annotations

import gc
import json
from typing import Any

import pytest
from scipy import stats

from alkit.bench.statistics.compare_suites import compare_suites
from alkit.bench.statistics.curves import InvalidRecords

SEEDS = (0, 1, 2, 3)


@pytest.fixture(autouse=True)
def no_collection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call of statsmodels' `multipletests` collects garbage, which takes longer than all the rest."""
    monkeypatch.setattr(gc, "collect", lambda: 0)


def suite(
    strategies: tuple[str, ...] = ("random", "vaal"), gain: float = 0.0, cycles: int = 3
) -> list[dict[str, Any]]:
    return [
        {
            "strategy": name,
            "seed": seed,
            "cycle": cycle,
            "labels": 100 + 50 * cycle,
            "metrics": {"accuracy": 0.5 + 0.1 * cycle + 0.01 * seed + gain * (seed + 1) * (name == "vaal")},
            "seconds": {"train": gain},
        }
        for name in strategies
        for seed in SEEDS
        for cycle in range(cycles)
    ]


def test_the_same_records_are_identical_whatever_they_cost() -> None:
    slower = [{**record, "seconds": {"train": 99.0}} for record in suite()]
    result = compare_suites(suite(), slower[::-1])
    assert result.identical and all(change.identical for change in result.changes)
    assert [(change.records, change.differing) for change in result.changes] == [(12, 0), (12, 0)]
    assert [change.area.p for change in result.changes] == [1.0, 1.0]


def test_changes_are_b_minus_a_by_seed() -> None:
    same, changed = compare_suites(suite(), suite(gain=0.01)).changes
    assert same.identical and (same.area.p, same.area.p_holm) == (1.0, 1.0)
    gains = [0.01, 0.02, 0.03, 0.04]
    assert (changed.strategy, changed.n, changed.differing, changed.identical) == ("vaal", 4, 12, False)
    assert changed.area.estimate.mean == pytest.approx(0.025)
    assert changed.area.p == pytest.approx(stats.ttest_1samp(gains, 0).pvalue)
    assert changed.area.p_holm == pytest.approx(2 * stats.ttest_1samp(gains, 0).pvalue)
    assert changed.final == changed.steps[-1] and len(changed.steps) == 3


def test_what_only_one_has_is_named_and_left_out() -> None:
    result = compare_suites(suite(("random", "vaal"), cycles=2), suite(("entropy", "random")))
    assert [change.strategy for change in result.changes] == ["random"]
    assert (result.only_a, result.only_b, result.labels) == (("vaal",), ("entropy",), (100, 150))
    assert result.changes[0].records == 8 and not result.changes[0].differing
    assert not result.changes[0].identical and not result.identical
    json.dumps(result.as_dict(), allow_nan=False)


def test_seeds_that_one_lacks_do_not_count() -> None:
    fewer = [record for record in suite() if record["seed"] != 2]
    result = compare_suites(suite(), fewer)
    assert [change.n for change in result.changes] == [3, 3] and not result.identical


def test_nothing_in_common() -> None:
    with pytest.raises(InvalidRecords, match="no strategy or no cycle in common"):
        compare_suites(suite(("random",)), suite(("vaal",)))
    with pytest.raises(InvalidRecords, match="no strategy or no cycle in common"):
        compare_suites(suite(), [])
    other = [{**record, "labels": 7 + record["cycle"]} for record in suite()]
    with pytest.raises(InvalidRecords, match=r"cycle 0 of 'B/random', seed 0, has 7 labels .* 100; compare"):
        compare_suites(suite(), other)
