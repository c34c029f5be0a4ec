"""Refine: what stays in the pool after each step, and who chooses from it."""

from __future__ import annotations

import numpy as np
import pytest

from alkit.composition.factory import make_strategy
from alkit.testing.world import make_world

WORLD = make_world(candidates=40)
WORLD.train(make_strategy("entropy"))


def test_a_step_keeps_the_batches_of_all_strategies():
    cycle = WORLD.cycle()
    highest = WORLD.choose(make_strategy("entropy"), 5).tolist()
    farthest = WORLD.choose(make_strategy("coreset"), 5).tolist()
    refine = make_strategy("refine(random, entropy, coreset, steps=1, batches=1)")
    picks = WORLD.choose(refine, 5, cycle).tolist()
    assert set(picks) <= {*highest, *farthest}
    assert cycle.diagnostics["left"] == [len({*highest, *farthest})]


def test_parts_of_the_pool_make_batches_differ():
    cycle = WORLD.cycle()
    WORLD.choose(make_strategy("refine(random, entropy, steps=3, batches=4, first=20, share=0.5)"), 5, cycle)
    first, second, third = cycle.diagnostics["left"]
    assert 40 > first >= second >= third >= 5 and first > 5


def test_at_most_so_many_stay():
    cycle = WORLD.cycle()
    WORLD.choose(make_strategy("refine(random, random, steps=1, batches=9, most=12)"), 5, cycle)
    assert cycle.diagnostics["left"] == [12]


@pytest.mark.parametrize("n", [1, 40])
def test_no_steps_and_any_number(n):
    picks = WORLD.choose(make_strategy("refine(entropy, coreset, steps=0)"), n)
    assert picks.tolist() == WORLD.choose(make_strategy("entropy"), n).tolist()
    assert len(np.unique(WORLD.choose(make_strategy("refine(coreset, entropy, steps=2)"), n))) == n


def test_records_say_little_of_the_many_batches():
    cycle = WORLD.cycle()
    WORLD.choose(make_strategy("refine(uherding, coreset, steps=1, batches=3)"), 4, cycle)
    assert set(cycle.diagnostics) == {"left", "cover"}
    assert len(cycle.scores) == 4
