"""Strategies at equal numbers of boxes, on curves computed by hand."""

from __future__ import annotations

from typing import Any

import pytest

from alkit.bench.statistics.equal_boxes import at_equal_boxes


def records(strategy: str, seed: int, points: list[tuple[list[int], float]]) -> list[dict[str, Any]]:
    """Return the cycles of a cell from boxes by class and metric."""
    return [
        {
            "strategy": strategy,
            "seed": seed,
            "cycle": cycle,
            "classes_labeled": boxes,
            "metrics": {"map": value},
        }
        for cycle, (boxes, value) in enumerate(points)
    ]


def test_curves_are_compared_where_both_have_as_many_boxes() -> None:
    random = [([6, 4], 0.1), ([12, 8], 0.3), ([20, 10], 0.5)]  # 10, 20 and 30 boxes: 0.02 a box
    greedy = [([6, 4], 0.1), ([30, 0], 0.4), ([30, 20], 0.6)]  # 30 boxes already after one query
    cycles = [r for seed in (0, 1) for r in records("random", seed, random) + records("greedy", seed, greedy)]
    first, second = at_equal_boxes(cycles, "map", ("random", "greedy"), "random", 0.95)
    assert (first.strategy, first.boxes.mean, first.difference) == ("random", 30, None)
    assert second.boxes.mean == 50
    assert second.difference is not None
    assert second.difference.estimate.n == 2
    assert second.difference.estimate.mean == pytest.approx(-0.05)  # from 0 at 10 boxes to -0.1 at 30


def test_a_seed_without_the_baseline_is_left_out() -> None:
    cycles = records("greedy", 0, [([1], 0.1), ([2], 0.2)])
    (only,) = at_equal_boxes(cycles, "map", ("greedy",), "random", 0.95)
    assert only.difference is not None
    assert only.difference.estimate.n == 0
