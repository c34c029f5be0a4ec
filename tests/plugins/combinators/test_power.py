"""Power: weights by hand, chances of draws, and sums that are unbiased."""

from __future__ import annotations

import re

import numpy as np
import pytest

from alkit.composition.factory import make_strategy
from alkit.errors import InvalidSelection
from alkit.testing.world import make_world
from alkit_plugins.combinators.power import draw, log_weights

WORLD = make_world(candidates=25)
WORLD.train(make_strategy("entropy"))


@pytest.mark.parametrize(
    ("by", "beta", "weights"),
    [
        ("power", 2.0, [9.0, 1.0, 0.0]),
        ("power", 0.0, [1.0, 1.0, 1.0]),
        ("softmax", 1.0, np.exp([3.0, 1.0, 0.0])),
        ("rank", 1.0, [1.0, 1 / 2, 1 / 3]),
    ],
)
def test_weights_by_hand(by, beta, weights):
    assert np.exp(log_weights(np.array([3.0, 1.0, 0.0]), by, beta)) == pytest.approx(weights)


def test_negative_scores_are_moved_and_missing_ones_weigh_nothing():
    scores = np.array([-0.1, -0.4, -1.0, -np.inf])
    assert np.exp(log_weights(scores, "power", 1.0)) == pytest.approx([0.9, 0.6, 0.0, 0.0])


def test_chances_are_shares_of_what_is_left():
    weights = np.array([3.0, 2.0, 1.0, 0.0, 0.0])
    drawn = draw(log_weights(weights, "power", 1.0), 5, np.random.default_rng(0))
    left = weights.sum()
    for row, chance in zip(drawn.order[:3], drawn.chance, strict=False):
        assert chance == pytest.approx(weights[row] / left)
        left -= weights[row]
    assert drawn.chance[3:].tolist() == [0.5, 1.0]
    assert drawn.inclusion.tolist() == [1.0] * 5


def test_first_draws_have_the_frequencies_of_the_weights_and_sums_are_unbiased():
    weights, values = np.array([8.0, 4.0, 2.0, 1.0, 1.0, 0.0]), np.array([1.0, -2.0, 3.0, 5.0, 0.5, 4.0])
    logs, rng = log_weights(weights, "power", 1.0), np.random.default_rng(0)
    drawn = [draw(logs, 5 + (number % 2) - 2, rng) for number in range(20_000)]
    first = np.bincount([one.order[0] for one in drawn], minlength=6) / len(drawn)
    assert first == pytest.approx(weights / weights.sum(), abs=0.01)
    sums = [(values[one.order] / one.inclusion).sum() for one in drawn]
    assert np.mean(sums) == pytest.approx(values[:5].sum(), abs=5 * np.std(sums) / len(sums) ** 0.5)
    with_none = [draw(logs, 6, rng).order[5] for _ in range(20)]
    assert set(with_none) == {5}


def test_tiny_weights_are_drawn_in_proportion():
    drawn = draw(np.array([-2000.0, -2000.0 + np.log(3.0), 0.0]), 3, np.random.default_rng(0))
    assert drawn.order[0] == 2 and np.isfinite(drawn.chance).all()


def test_a_high_beta_takes_the_highest_and_zero_draws_uniformly():
    highest = WORLD.choose(make_strategy("entropy"), 6).tolist()
    cycle = WORLD.cycle()
    assert sorted(WORLD.choose(make_strategy("power(entropy, beta=1e6)"), 6, cycle).tolist()) == sorted(
        highest
    )
    assert set(cycle.scores) == set(highest)
    WORLD.choose(make_strategy("power(entropy, beta=0)"), 6, cycle := WORLD.cycle())
    assert cycle.diagnostics["draw_probabilities"] == pytest.approx([1 / (25 - row) for row in range(6)])
    assert len(cycle.diagnostics["inclusion_probabilities"]) == 6


def test_scores_are_needed_unless_ranks_are_enough():
    with pytest.raises(
        InvalidSelection, match=re.escape("random gives 25 of 25 candidates no score; use by=rank")
    ):
        WORLD.choose(make_strategy("power(random)"), 3)
    assert len(WORLD.choose(make_strategy("power(random, by=rank)"), 3)) == 3


def test_draws_are_on_record_only_where_the_whole_pool_could_be_drawn():
    WORLD.choose(make_strategy("power(entropy)"), 6, cycle := WORLD.cycle())
    assert cycle.draws[0].candidates == 25 and len(cycle.draws[0].inclusion) == 6
    WORLD.choose(make_strategy("entropy(10) > random"), 6, cycle := WORLD.cycle())
    assert cycle.draws == []
    picks = WORLD.choose(make_strategy("mix(entropy, random)"), 6, cycle := WORLD.cycle())
    (drawn,) = cycle.draws
    assert drawn.candidates == 22 and {*drawn.picks, *drawn.before} == set(picks.tolist())
    WORLD.choose(make_strategy("mix(random, entropy)"), 6, cycle := WORLD.cycle())
    assert cycle.draws[0].candidates == 25 and len(cycle.draws[0].before) == 0
