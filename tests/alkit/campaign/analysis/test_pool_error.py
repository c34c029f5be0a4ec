"""The error on the pool from picks with known chances: unbiased, about the whole pool, or not at all."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest

from alkit.campaign.analysis.pool_error import pool_error
from alkit.campaign.analysis.unequal_chances import DrawnSample, by_inclusion, lure, mean_of, wilson
from alkit.campaign.record.events import Asked, from_json
from alkit.campaign.record.query import Pick, Query
from alkit.utils.proportions import share
from alkit_plugins.combinators.power import draw

POOL = np.array([True, False, False, True, False, False, False, True])


def pick(index: int, *, wrong: bool, control: bool = False, answer: str | None = "cat") -> Pick:
    return Pick(index, index, "", None, answer, control, "cat", 0.9, None if answer is None else not wrong)


def query(picks: list[Pick], draws: list[dict[str, object]], **record: object) -> Query:
    asked = from_json("asked", {"cycle": 0, "strategy": "power(entropy)", "draws": draws, **record})
    assert isinstance(asked, Asked)
    return Query(number=1, event=1, asked=asked, picks=tuple(picks), open=False)


def test_equal_chances_are_the_plain_share() -> None:
    hits = np.array([True, False, False, False])
    sample = DrawnSample(hits=hits, counted=np.ones(4, bool), population=10_000)
    by_chance = lure(sample, 1 / (10_000 - np.arange(4)))
    for found in (by_inclusion(sample, np.full(4, 4 / 10_000)), by_chance):
        assert found is not None
        assert found.value == pytest.approx(0.25)
        assert (found.low, found.high) == pytest.approx((share(1, 4).low, share(1, 4).high), abs=1e-3)


def test_lure_is_unbiased() -> None:
    """Over all orders in which three images can be drawn, weighted by their probability."""
    weights = np.arange(1.0, len(POOL) + 1)
    mean, total = 0.0, 0.0
    for order in itertools.permutations(range(len(POOL)), 3):
        left, chances = weights.sum(), []
        for index in order:
            chances.append(weights[index] / left)
            left -= weights[index]
        chance = np.array(chances)
        before = np.arange(3)
        factor = 1 + (8 - 3) / (8 - before - 1) * (1 / ((8 - before) * chance) - 1)
        sample = DrawnSample(hits=POOL[list(order)], counted=np.ones(3, bool), population=8)
        found = lure(sample, chance)
        assert found is not None
        share_of_orders = float(np.prod(chance))
        assert found.value == pytest.approx(min(1.0, float((factor * POOL[list(order)]).mean())))
        mean += share_of_orders * float((factor * POOL[list(order)]).mean())
        total += share_of_orders
    assert total == pytest.approx(1.0)
    assert mean == pytest.approx(POOL.mean())


def test_images_chosen_before_the_draw_stand_for_themselves() -> None:
    picks = [pick(0, wrong=True), pick(1, wrong=True), pick(2, wrong=False), pick(3, wrong=True)]
    drawn = {"candidates": 8, "picks": [2, 3], "before": [0, 1]}
    found = pool_error(query(picks, [drawn]))
    assert found is not None and found.error is not None and found.excess is not None
    assert found.error.value == pytest.approx((2 + 8 * 0.5) / 10)
    assert found.drawn == 2 and found.picks == share(3, 4)
    assert found.excess.value == pytest.approx(0.75 - 0.6)
    assert found.excess.low == pytest.approx(0.75 - found.error.high)


def test_the_control_belongs_to_the_pool_and_abstentions_do_not_count() -> None:
    picks = [pick(0, wrong=False), pick(1, wrong=False), pick(9, wrong=True, control=True)]
    picks[1] = dataclasses.replace(picks[1], answer="abstain", correct=None)
    drawn = {"candidates": 4, "picks": [0, 1], "chance": [0.25, 0.3], "inclusion": [0.5, 0.5]}
    found = pool_error(query(picks, [drawn]))
    assert found is not None and found.error is not None
    assert found.error.value == pytest.approx(1 / (1 + 2))


def test_nothing_is_said_where_nothing_is_known() -> None:
    drawn = {"candidates": 8, "picks": [0, 1]}
    picks = [pick(0, wrong=True), pick(1, wrong=False, answer=None)]
    waiting = pool_error(query(picks, [drawn]))
    assert waiting is not None and waiting.error is None and waiting.unanswered == 1
    certain = pool_error(query([pick(0, wrong=True)], []))
    assert certain is not None and certain.error is None and certain.drawn == 0
    assert pool_error(query([pick(0, wrong=True)], [drawn], uniform=True)) is None


def test_a_query_that_was_withdrawn_waits_for_nothing() -> None:
    drawn = {"candidates": 8, "picks": [0, 1]}
    answered = pick(0, wrong=True)
    withdrawn = [
        dataclasses.replace(pick(index, wrong=False, answer=None), given_up=True) for index in (0, 1)
    ]
    assert pool_error(query(withdrawn, [drawn])) is None
    partly = pool_error(query([answered, withdrawn[1]], [drawn]))
    assert partly is not None and partly.error is None and partly.given_up == 1


def test_intervals_hold_the_truth() -> None:
    rng = np.random.default_rng(0)
    weights = rng.random(500) + 0.05
    wrong = rng.random(500) < weights / 2
    held = []
    for _ in range(200):
        found = draw(np.log(weights), 60, rng)
        sample = DrawnSample(hits=wrong[found.order], counted=np.ones(60, bool), population=500)
        one = by_inclusion(sample, found.inclusion)
        assert one is not None
        held.append(one.low <= wrong.mean() <= one.high)
    assert np.mean(held) > 0.9


def test_the_mean_of_two_draws_is_surer_than_each() -> None:
    one = wilson(0.2, 50)
    both = mean_of([(50, one), (50, one)])
    assert both.value == pytest.approx(0.2)
    assert one.low < both.low < both.high < one.high
