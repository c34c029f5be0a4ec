"""DropQuery: which images are clustered, and what is chosen of them."""

from __future__ import annotations

import numpy as np
import torch

from alkit.composition.factory import make_strategy
from alkit.testing.world import make_world
from alkit_plugins.strategies.hybrid.dropquery import DropQuery, changeable, changes


def test_changes_by_hand():
    plain = torch.tensor([[0.9, 0.1], [0.2, 0.8]])
    passes = torch.tensor([[[0.6, 0.4], [0.6, 0.4]], [[0.4, 0.6], [0.7, 0.3]]])
    assert changes(plain, passes).tolist() == [0.5, 1.0]
    assert changes(plain.unsqueeze(2).expand(2, 2, 3), passes.unsqueeze(3).expand(2, 2, 2, 3)).tolist() == [
        0.5,
        1.0,
    ]


def test_images_that_change_in_most_passes_are_clustered():
    changed = np.array([0.0, 1.0, 2 / 3, 1 / 3, 2 / 3, 0.0])
    assert changeable(changed, 2).tolist() == [1, 2, 4]
    assert changeable(changed, 4).tolist() == [1, 2, 3, 4]
    assert changeable(changed, 5).tolist() == [0, 1, 2, 3, 4]


def test_the_choice_lies_near_the_centers_of_what_is_clustered():
    world = make_world(candidates=60)
    strategy = DropQuery()
    world.train(strategy)
    cycle = world.cycle()
    picks = world.choose(strategy, 4, cycle)
    assert cycle.diagnostics["clustered"] >= 4
    assert "head" in cycle.diagnostics["dropout"]
    if cycle.diagnostics["clustered"] > 4:
        assert min(cycle.scores.values()) > 0.5
    assert len(cycle.scores) == len(set(picks.tolist())) == 4


def test_as_many_as_there_are():
    world = make_world(candidates=20)
    strategy = make_strategy("dropquery(passes=5, dropout=0.5)")
    world.train(strategy)
    assert sorted(world.choose(strategy, 20).tolist()) == world.candidates.tolist()
