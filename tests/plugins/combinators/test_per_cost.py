"""Per cost: ratios by hand, the limit against going through all sets, and what a pool without costs gets."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from alkit.composition.factory import make_strategy
from alkit.data.pool_columns import PoolColumns
from alkit.errors import InvalidSelection, SourceError
from alkit.testing.world import make_world
from alkit_plugins.combinators.per_cost import utilities, within

WORLD = make_world(candidates=12)
WORLD.train(make_strategy("entropy"))
KEYS = [str(index) for index in range(len(WORLD.images))]
COSTS = {key: str(1 + (7 * number) % 5) for number, key in enumerate(KEYS)}


def chosen(text, n, costs=COSTS):
    WORLD.images.columns = PoolColumns(KEYS, lambda: {"cost": costs})
    cycle = WORLD.cycle()
    picks = WORLD.choose(make_strategy(text), n, cycle)
    return picks, cycle


def cost(picks):
    return sum(float(COSTS[KEYS[index]]) for index in picks)


def test_scores_are_divided_by_the_cost():
    every, plain = chosen("entropy", 12)
    prices = np.array([float(COSTS[KEYS[index]]) for index in every])
    ratios = np.array([plain.scores[index] for index in every.tolist()]) / prices
    picks, cycle = chosen("per-cost(entropy)", 4)
    assert picks.tolist() == every[np.argsort(-ratios, kind="stable")[:4]].tolist()
    assert cycle.scores[int(picks[0])] == pytest.approx(ratios.max())
    assert cycle.diagnostics["cost"] == cost(picks)
    assert chosen("per-cost(entropy, power=0)", 4)[0].tolist() == every[:4].tolist()


def test_a_limit_is_met_with_all_images():
    free = cost(chosen("per-cost(entropy, power=0)", 5)[0])
    picks, cycle = chosen(f"per-cost(entropy, power=0, limit={free - 3})", 5)
    assert len(picks) == 5 and cycle.diagnostics["cost"] == cost(picks) <= free - 3
    with pytest.raises(InvalidSelection, match="the 5 cheapest candidates cost"):
        chosen("per-cost(entropy, limit=2)", 5)


@pytest.mark.parametrize("seed", range(20))
def test_within_takes_the_earliest_that_can_be_completed(seed):
    """Against the definition: the first set, in the order of wishes, whose cost is within the limit."""
    rng = np.random.default_rng(seed)
    costs, order = rng.integers(1, 6, 7).astype(float), rng.permutation(7)
    limit = float(np.sort(costs)[:3].sum() + rng.integers(0, 5))
    affordable = (
        places for places in itertools.combinations(range(7), 3) if costs[order[list(places)]].sum() <= limit
    )
    assert within(order, costs, 3, limit).tolist() == order[list(min(affordable))].tolist()


def test_negative_scores_and_ranks():
    scores = np.array([-0.1, -0.4, -1.0, -np.inf])
    assert utilities(scores, "score") == pytest.approx([0.9, 0.6, 0.0, 0.0])
    assert utilities(np.array([3.0, np.nan]), "rank").tolist() == [1.0, 0.5]


def test_unknown_costs_count_as_the_highest_and_are_reported():
    some = {key: cost for key, cost in COSTS.items() if int(key) != WORLD.candidates[0]}
    _, cycle = chosen("per-cost(entropy)", 4, some)
    assert "1 of 12 candidates have no number in the column 'cost'" in cycle.diagnostics["warnings"][0]


@pytest.mark.parametrize(
    ("costs", "said"), [({"0": "cheap"}, "not 'cheap'"), ({KEYS[WORLD.candidates[0]]: "0"}, "it holds 0")]
)
def test_strange_costs_are_refused(costs, said):
    with pytest.raises(SourceError, match=said):
        chosen("per-cost(entropy)", 4, {**COSTS, **costs})


def test_a_pool_without_costs_is_refused_before_training():
    world = make_world()
    world.images.columns = None
    with pytest.raises(SourceError, match="no column 'price'"):
        world.train(make_strategy("entropy(10) > per-cost(margin, column=price)"))
    assert world.trained is None
