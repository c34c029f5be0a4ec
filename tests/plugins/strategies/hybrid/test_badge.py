"""BADGE: factors of gradients, and what is drawn from them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

import alkit.testing
from alkit.engine.cycle import Cycle
from alkit_plugins.strategies.hybrid import badge
from alkit_plugins.strategies.hybrid.badge import Badge, prediction_errors


def world_and_cycle(task="classification", **given):
    world = alkit.testing.make_world(task, **given)
    world.train(Badge())
    return world, world.cycle()


def gradients(world, cycle):
    """The gradients of the last layer's weights for each candidate's likeliest label, by autograd."""
    head, found = world.model.network.head, []
    for batch in cycle.batches(cycle.candidates, size=1):
        logits = world.model.forward_batch(batch).prediction
        loss = functional.cross_entropy(logits, logits.argmax(dim=1))
        found.append(torch.autograd.grad(loss, head.weight)[0].flatten())
    return torch.stack(found).double().numpy()


def test_scores_are_distances_of_the_real_gradients():
    world, cycle = world_and_cycle()
    picks = Badge().select(cycle, 8)
    rows = gradients(world, cycle)
    where = np.searchsorted(cycle.candidates, picks)
    assert where[0] == (rows**2).sum(axis=1).argmax()
    assert int(picks[0]) not in cycle.scores
    for k in range(1, 8):
        nearest = np.linalg.norm(rows[where[:k]] - rows[where[k]], axis=1).min()
        assert cycle.scores[int(picks[k])] == pytest.approx(nearest, rel=1e-3)


def test_a_confident_class_keeps_its_digits():
    probabilities = torch.tensor([[1.0 - 1e-9, 1e-9, 0.0]])  # the first is 1 in float32
    assert prediction_errors(probabilities)[0, 0].item() == pytest.approx(-1e-9)


def test_errors_add_up_to_nothing_at_every_position():
    probabilities = torch.softmax(torch.randn(3, 4, 2, 5), dim=1)
    errors = prediction_errors(probabilities)
    assert errors.shape == probabilities.shape
    torch.testing.assert_close(errors.sum(dim=1), torch.zeros(3, 2, 5))
    one_hot = functional.one_hot(probabilities.argmax(dim=1), 4).permute(0, 3, 1, 2)
    torch.testing.assert_close(errors, probabilities - one_hot)


def test_certain_predictions_are_drawn_uniformly_and_this_is_said():
    world, cycle = world_and_cycle(certain=True)
    picks = world.choose(Badge(), 6, cycle)
    assert len(set(picks.tolist())) == 6
    assert cycle.diagnostics["drawn_uniformly"] == 5


def test_seeds_draw_differently_but_begin_alike():
    (_, first), (_, second) = world_and_cycle(), world_and_cycle()
    second.rng = np.random.default_rng(99)
    one, other = Badge().select(first, 8), Badge().select(second, 8)
    assert one[0] == other[0]
    assert one.tolist() != other.tolist()


def test_uniform_begins_anywhere():
    starts = set()
    for seed in range(8):
        _, cycle = world_and_cycle()
        cycle.rng = np.random.default_rng(seed)
        starts.add(int(Badge(first="uniform").select(cycle, 1)[0]))
    assert len(starts) > 3


def test_subset_limits_what_is_looked_at(make_cycle):
    cycle = make_cycle()
    cycle.model.spec = alkit.TaskSpec("t", (1, 8, 8), 3, frozenset())
    assert len(Badge(subset=7).select(cycle, 5)) == 5
    assert cycle.model.asked == 7


def test_embeddings_in_a_file_are_left_there_and_give_the_same_picks(monkeypatch):
    world = alkit.testing.make_world()
    world.train(Badge())
    world.from_files(Badge.needs)
    with monkeypatch.context() as patch:
        patch.setattr(badge, "_factors", None)  # would copy them
        picks = world.choose(Badge(), 8)
    monkeypatch.setattr(Cycle, "stored_embeddings", lambda *_: None)
    np.testing.assert_array_equal(world.choose(Badge(), 8), picks)
