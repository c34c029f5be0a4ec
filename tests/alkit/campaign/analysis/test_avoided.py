"""Answers that were saved: estimates by hand, their intervals in simulations, and what is not known yet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from alkit.campaign.analysis.avoided import Avoided, avoided
from alkit.campaign.record.events import Asked
from alkit.campaign.record.query import Pick, Query


def query(record: dict[str, Any], answers: Sequence[str | None], number: int = 1) -> Query:
    picks = [
        Pick(rank, index, f"{index}.png", None, answer)
        for rank, (index, answer) in enumerate(zip(record["picks"], answers, strict=True), 1)
    ]
    diagnostics = {"strategies-1": {"usable": record}}  # nested in a mix
    asked = Asked(cycle=number - 1, strategy="mix", diagnostics=diagnostics)
    return Query(number=number, event=number, asked=asked, picks=tuple(picks), open=False)


def record(**changes: Any) -> dict[str, Any]:
    return {
        "proposed": [1, 2, 3],
        "chance_of_no_label": [0.5, 0.75, 0.0],
        "chance_to_be_kept": [0.5, 0.25, 1.0],
        "kept": [True, False, True],
        "picks": [1, 3, 7],
        **changes,
    }


def test_an_estimate_by_hand() -> None:
    found = avoided([query(record(), ["unusable", "cat", "cat"])], ["cat"])
    assert found is not None
    assert (found.passed_over, found.asked, found.without_label) == (1, 3, 1)
    assert found.saved == pytest.approx(0.5 + 0.75 + (1 - 0.5) / 0.5 - 1)
    expected = 0.5 * 0.5 + 3 * 0.75 * 0.25
    assert found.high - found.saved == pytest.approx(1.96 * max(expected, 0.5 * 1.0**2) ** 0.5)


def test_an_image_that_is_proposed_again_counts_once() -> None:
    again = record(proposed=[2, 3, 8], kept=[False, True, True], picks=[3, 8, 9])
    both = [query(record(), ["unusable", "cat", "cat"]), query(again, ["cat", "cat", "cat"], 2)]
    found = avoided(both, ["cat"])
    assert found is not None and (found.passed_over, found.asked) == (1, 6)
    assert found.saved == pytest.approx(1.25 + (0.0 - 0.0) / 1.0)


def test_unanswered_images_leave_it_unknown_and_a_class_may_be_called_unusable() -> None:
    waits = avoided([query(record(), ["unusable", None, "cat"])], ["cat"])
    assert waits is not None and (waits.queries, waits.waiting) == ((), (1,))
    named = avoided([query(record(), ["unusable", "cat", "cat"])], ["cat", "unusable"])
    assert named is not None and named.without_label == 0
    assert avoided([query({"labels": 3, "picks": [1]}, ["cat"])], ["cat"]) is None


@pytest.mark.parametrize("wrong", [0.0, 0.3])
def test_estimates_are_unbiased_and_intervals_hold(wrong: float) -> None:
    """A learned chance that is off by `wrong` costs width, not truth."""
    rng, found, truths = np.random.default_rng(0), [], []
    for _ in range(300):
        queries, truth = [], 0
        for number in range(1, 6):
            real = rng.choice([0.02, 0.9], p=[0.8, 0.2], size=40)
            useless = rng.random(40) < real
            chance = np.clip(real - wrong * (real > 0.5), 0, 1)
            keep = np.maximum(0.1, 1 - chance)
            kept = rng.random(40) < keep
            own, others = 1000 * number + np.arange(40), 1000 * number + 100 + np.arange((~kept).sum())
            answers = ["unusable" if bad else "cat" for bad in useless[kept]] + ["cat"] * len(others)
            picks = [*own[kept].tolist(), *others.tolist()]
            said = record(
                proposed=own.tolist(),
                chance_of_no_label=chance.tolist(),
                chance_to_be_kept=keep.tolist(),
                kept=kept.tolist(),
                picks=picks,
            )
            queries.append(query(said, answers, number))
            truth += int(useless.sum() - useless[kept].sum())
        one = avoided(queries, ["cat"])
        assert isinstance(one, Avoided)
        found.append(one)
        truths.append(truth)
    misses = [one.saved - truth for one, truth in zip(found, truths, strict=True)]
    assert abs(np.mean(misses)) < 4 * np.std(misses) / len(misses) ** 0.5
    assert np.mean([one.low <= truth <= one.high for one, truth in zip(found, truths, strict=True)]) >= 0.9
