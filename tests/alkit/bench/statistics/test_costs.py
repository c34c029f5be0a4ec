"""Costs: means by phase over the cycles that have it, and the largest memory."""

from __future__ import annotations

from typing import Any

from alkit.bench.statistics.costs import Cost, costs_of


def test_costs_by_hand() -> None:
    records: list[dict[str, Any]] = [
        {
            "strategy": "vaal",
            "seconds": {"train": 4.0, "select": 1.0},
            "cpu_seconds": {"train": 8.0, "query": 2.0},
            "peak_mb": {"train": 500.0},
        },
        {"strategy": "random", "seconds": {"train": 3.0}},
        {
            "strategy": "vaal",
            "seconds": {"train": 2.0},
            "cpu_seconds": {"train": 4.0},
            "peak_mb": {"train": 700.0},
        },
    ]
    assert costs_of(records) == (
        Cost("vaal", 2, {"train": 3.0, "select": 1.0}, {"train": 6.0, "query": 2.0}, {"train": 700.0}),
        Cost("random", 1, {"train": 3.0}, {}, {}),
    )


def test_no_records_cost_nothing() -> None:
    assert costs_of([]) == ()
