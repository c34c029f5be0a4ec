"""Strategies at equal human cost, on curves computed by hand."""

from __future__ import annotations

from typing import Any

import pytest

from alkit.bench.statistics.equal_cost import EqualCost, at_equal_cost, units_of


def records(strategy: str, seed: int, points: list[tuple[int, float]]) -> list[dict[str, Any]]:
    """Return the cycles of a cell from boxes and metric."""
    return [
        {
            "strategy": strategy,
            "seed": seed,
            "cycle": cycle,
            "labels": 10 * (cycle + 1),
            "effort": {"boxes": boxes},
            "metrics": {"map": value},
        }
        for cycle, (boxes, value) in enumerate(points)
    ]


def compared(cycles: list[dict[str, Any]], by_images: dict[str, float], **options: Any) -> EqualCost:
    """Compare by boxes with random."""
    return at_equal_cost(
        cycles,
        "map",
        by_images,
        unit="boxes",
        baseline="random",
        level=0.95,
        **options,
    )


def test_curves_are_compared_where_both_have_cost_as_much() -> None:
    random = [(10, 0.1), (20, 0.3), (30, 0.5)]  # 0.02 a box
    greedy = [(10, 0.1), (30, 0.4), (50, 0.6)]  # 30 boxes already after one query
    cycles = [r for seed in (0, 1) for r in records("random", seed, random) + records("greedy", seed, greedy)]
    found = compared(cycles, {"random": 0.0, "greedy": 0.1})
    first, second = found.strategies
    assert (first.strategy, first.cost.mean, first.difference) == ("random", 30, None)
    assert second.cost.mean == 50
    assert second.difference is not None
    assert second.difference.estimate.n == 2
    assert second.difference.estimate.mean == pytest.approx(-0.05)  # from 0 at 10 boxes to -0.1 at 30
    assert second.curve[0] == (10, 0.1)
    assert second.curve[-1] == (50, pytest.approx(0.6))
    assert found.order == ("random", "greedy")
    assert found.swapped == (("greedy", "random"),)  # by images, greedy is the better one
    lower = compared(cycles, {"random": 0.0, "greedy": -0.1}, higher_is_better=False)
    assert (lower.order, lower.swapped) == (("greedy", "random"), ())
    assert found.as_dict()["strategies"][1]["cost"]["mean"] == 50


def test_a_seed_without_the_baseline_is_left_out() -> None:
    found = compared(records("greedy", 0, [(1, 0.1), (2, 0.2)]), {"greedy": 0.0})
    (only,) = found.strategies
    assert only.difference is not None
    assert only.difference.estimate.n == 0
    assert found.order == ("random",)


def test_units_count_if_all_records_know_them_and_images_differ() -> None:
    cycles = records("random", 0, [(10, 0.1), (25, 0.2)])
    assert units_of(cycles) == ("boxes",)
    assert units_of(records("random", 0, [(10, 0.1), (20, 0.2)])) == ()  # one box an image, always
    assert units_of([*cycles, {**cycles[0], "effort": {}}]) == ()


def test_records_of_older_versions_tell_boxes_by_their_classes() -> None:
    older = records("random", 0, [(10, 0.1), (25, 0.2)])
    for record in older:
        record["classes_labeled"] = [record.pop("effort")["boxes"] - 1, 1]
    assert compared(older, {"random": 0.0}).strategies[0].cost.mean == 25
