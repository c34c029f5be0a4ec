"""Forecasts: curves that are known, strategies that are better, worse or alike, and the words for them."""

from __future__ import annotations

import numpy as np
import pytest

from alkit.campaign.rehearsal.forecast import luck_of, outlooks, ratio_of
from alkit.campaign.rehearsal.forecasts import Rehearsal, rehearsal_from
from alkit.campaign.rehearsal.power_law import fit_power_laws
from alkit.campaign.rehearsal.replays import Arm, Replays, replays_from, sizes_for
from alkit.campaign.rehearsal.wording import conclusion, rows

SIZES = sizes_for(800)


def replays(*, ratio: float, noise: float = 0.0, seeds: int = 5) -> Replays:
    """Replays on 0.9 - n ** -0.5, where a strategy gains `ratio` times as much as random labels."""
    rng = np.random.default_rng(0)
    curve = 0.9 - np.array(SIZES) ** -0.5 + rng.normal(0, noise, (seeds, len(SIZES)))
    arms = tuple(
        Arm(
            SIZES[start],
            SIZES[start + 1],
            tuple(row[start] + ratio * (row[start + 1] - row[start]) + rng.normal(0, noise) for row in curve),
        )
        for start in (0, 1)
    )
    return Replays(sizes=SIZES, curve=tuple(map(tuple, curve.tolist())), arms={"margin": arms})


def rehearsal(*, ratio: float, noise: float = 0.0, labels: int = 800, luck: float = 0.002) -> Rehearsal:
    measured = replays(ratio=ratio, noise=noise)
    found = outlooks(measured, labels=labels, pool=100_000, more=(100, 800), top=1.0, luck=luck)
    return Rehearsal(
        labels=labels,
        metric="accuracy",
        higher_is_better=True,
        value=0.86,
        judged="test set",
        judges=500,
        seeds=5,
        level=0.9,
        strategies=found,
    )


def test_a_power_law_is_found_again() -> None:
    laws = fit_power_laws(SIZES, [0.9 - np.array(SIZES) ** -0.5, np.full(len(SIZES), 0.7)], 1.0)
    assert laws.at(1600) == pytest.approx([0.9 - 1600**-0.5, 0.7], abs=1e-6)


def test_no_limit_is_above_the_top() -> None:
    laws = fit_power_laws(SIZES, 0.99 + 0.005 * np.log2(np.array(SIZES) / 100), 1.0)
    assert laws.limit[0] <= 1.0 and laws.at(1e9)[0] <= 1.0


def test_random_labels_are_forecast_along_the_curve() -> None:
    random = rehearsal(ratio=1.0).strategies[0]
    gain = random.outlooks[1].gain
    assert gain.value == pytest.approx(800**-0.5 - 1600**-0.5, abs=1e-6)
    assert gain.low < gain.value < gain.high
    assert random.outlooks[0].over_random is None


def test_the_ratio_is_drawn_towards_one_where_replays_disagree() -> None:
    sure, unsure = replays(ratio=2.0), replays(ratio=2.0, noise=0.05)
    assert ratio_of(sure, sure.arms["margin"]).value == pytest.approx(2.0, abs=1e-3)
    found = ratio_of(unsure, unsure.arms["margin"])
    assert 1 < found.value < 1.9 and found.error > 0.05


@pytest.mark.parametrize(("ratio", "words"), [(2.5, "gain more"), (0.0, "gain less")])
def test_what_is_certain_is_said(ratio: float, words: str) -> None:
    assert words in conclusion(rehearsal(ratio=ratio))


def test_what_cannot_be_told_names_how_many_labels_would() -> None:
    found = rehearsal(ratio=1.3, noise=0.004)
    outlook = found.strategies[1].outlooks[1]
    assert outlook.verdict == "cannot tell" and outlook.needed is not None
    assert 800 < outlook.needed <= 100_000
    assert f"about {outlook.needed:,} labels would" in rows(found)[3][-1]


def test_few_judges_are_luck() -> None:
    measured = replays(ratio=1.0)
    few, many = (luck_of(measured, judges, is_share=True) for judges in (100, 10_000))
    assert few == pytest.approx(10 * many)
    assert luck_of(measured, 100, is_share=False) == pytest.approx(0)


def test_files_say_the_same() -> None:
    found, measured = rehearsal(ratio=1.3, noise=0.01), replays(ratio=1.3)
    assert rehearsal_from(found.as_dict()) == found
    assert replays_from(measured.as_dict()) == measured
