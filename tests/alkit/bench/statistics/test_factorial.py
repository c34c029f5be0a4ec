"""Two changes, alone and together, on differences computed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from alkit.bench.statistics.curves import Curves
from alkit.bench.statistics.factorial import effects

ARMS = {(False, False): "neither", (True, False): "first", (False, True): "second", (True, True): "both"}


def test_main_effects_and_interaction_are_paired_by_seed() -> None:
    level = np.array([0.5, 0.6, np.nan])  # the last seed lacks an arm
    noise = np.array([0.01, -0.01, 0.0])
    ends = {"neither": 0 * noise, "first": -0.1 + noise, "second": 0.2 - noise, "both": 0.06 + 0 * noise}
    values = {name: np.stack([level, np.array([0.5, 0.6, 0.7]) + end], axis=1) for name, end in ends.items()}
    curves = Curves(
        metric="accuracy",
        higher_is_better=True,
        labels=np.array([10, 20]),
        strategies=tuple(values),
        seeds=(0, 1, 2),
        values=values,
    )
    first, second, both = effects(curves, ARMS, ("one", "other"), 0.95)
    assert [one.name for one in (first, second, both)] == ["one", "other", "both together"]
    assert first.final.estimate.mean == pytest.approx(((-0.1) + (0.06 - 0.2)) / 2)
    assert second.final.estimate.mean == pytest.approx((0.2 + (0.06 + 0.1)) / 2)
    assert both.final.estimate.mean == pytest.approx((0.06 - 0.2) - (-0.1))
    assert [one.area.estimate.n for one in (first, second, both)] == [2, 2, 2]
    assert first.area.estimate.mean == pytest.approx(-0.12 / 2)  # the curves start alike
    assert both.alone.estimate.mean == pytest.approx(0.06 / 2)
    assert first.final.estimate.std == pytest.approx(0.01)  # that of the noise
