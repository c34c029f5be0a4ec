"""Curves from records, and the area under them by hand."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest

from alkit.bench.statistics.curves import Curves, InvalidRecords, curves_of


def record(strategy: str, seed: int, cycle: int, value: float, labels: int | None = None) -> dict[str, Any]:
    return {
        "strategy": strategy,
        "seed": seed,
        "cycle": cycle,
        "labels": labels if labels is not None else 100 * (cycle + 1),
        "metrics": {"accuracy": value, "loss": 1 - value},
    }


RECORDS = [record(name, seed, cycle, 0.1 * seed + 0.01 * cycle + 0.001 * len(name))
           for name in ("random", "vaal") for seed in (3, 1) for cycle in (0, 1, 2)]  # fmt: skip


def test_records_become_curves_in_any_order() -> None:
    shuffled = RECORDS.copy()
    random.Random(0).shuffle(shuffled)
    curves = curves_of(shuffled, strategies=("random", "vaal"))
    assert (curves.metric, curves.strategies, curves.seeds) == ("accuracy", ("random", "vaal"), (1, 3))
    assert curves.labels.tolist() == [100, 200, 300]
    np.testing.assert_allclose(curves.values["vaal"], [[0.104, 0.114, 0.124], [0.304, 0.314, 0.324]])


def test_strategies_come_in_the_order_of_the_records() -> None:
    assert curves_of(RECORDS[::-1]).strategies == ("vaal", "random")


def test_another_metric() -> None:
    curves = curves_of(RECORDS, "loss", higher_is_better=False)
    assert curves.metric == "loss" and not curves.higher_is_better
    assert curves.values["random"][0, 0] == pytest.approx(1 - 0.106)


def test_cells_that_were_not_run_are_nan() -> None:
    curves = curves_of(RECORDS[:-1], strategies=("random", "vaal", "entropy"))
    assert np.isnan(curves.values["entropy"]).all()
    assert np.isnan(curves.values["vaal"]).tolist() == [[False, False, True], [False, False, False]]
    assert math.isnan(curves.areas("vaal")[0]) and not math.isnan(curves.areas("vaal")[1])


def test_area_by_hand() -> None:
    curves = Curves(
        "accuracy", True, np.array([10, 20, 50]), ("x",), (0,), {"x": np.array([[0.2, 0.4, 0.8]])}
    )
    assert curves.areas("x").tolist() == pytest.approx([(10 * 0.3 + 30 * 0.6) / 40])
    assert curves.finals("x").tolist() == [0.8]


def test_a_flat_curve_has_its_height_as_area() -> None:
    curves = Curves("accuracy", True, np.array([7, 20, 51]), ("x",), (0,), {"x": np.full((1, 3), 0.625)})
    assert curves.areas("x").tolist() == pytest.approx([0.625])


def test_with_one_step_the_area_is_its_value() -> None:
    curves = Curves("accuracy", True, np.array([10]), ("x",), (0, 1), {"x": np.array([[0.2], [0.4]])})
    assert curves.areas("x").tolist() == [0.2, 0.4]


@pytest.mark.parametrize(
    "records, metric, said",
    [
        ([], None, "no records? .*run the benchmark first"),
        (RECORDS, "iou", "cycle 0 of 'random', seed 3, has no metric 'iou'; it has accuracy, loss"),
        ([*RECORDS, RECORDS[0]], None, "is recorded twice"),
        (
            [*RECORDS, record("x", 1, 1, 0.5, labels=7)],
            None,
            "'x', seed 1, has 7 labels where others have 200",
        ),
    ],
)
def test_records_that_do_not_fit(records: list[dict[str, Any]], metric: str | None, said: str) -> None:
    with pytest.raises(InvalidRecords, match=said):
        curves_of(records, metric)
