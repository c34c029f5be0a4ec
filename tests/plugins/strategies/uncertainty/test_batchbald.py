"""BatchBALD against joint entropies that are written out label by label."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import alkit.testing
from alkit_plugins.components.joint_information import JointInformation
from alkit_plugins.strategies.uncertainty.bald import Bald, mutual_information
from alkit_plugins.strategies.uncertainty.batchbald import BatchBald, Greedy


def tables(count, passes, classes, seed, sharp=1.5):
    """Random probabilities [count, passes, classes]."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(count, passes, classes, generator=generator, dtype=torch.float64)
    return (sharp * logits).softmax(dim=2)


def joint_information(probabilities, picks):
    """The mutual information of the labels of several images and the pass, from its definition."""
    rows = probabilities[list(picks)].numpy()
    joint = own = 0.0
    for labels in itertools.product(range(rows.shape[2]), repeat=len(picks)):
        each = np.prod([row[:, label] for row, label in zip(rows, labels, strict=True)], axis=0)
        mean = each.mean()
        joint -= mean * math.log(mean) if mean > 0 else 0.0
        own -= float(np.mean([p * math.log(p) if p > 0 else 0.0 for p in each]))
    return joint - own


def greedy(probabilities, n, configurations=10_000):
    state = Greedy(JointInformation(probabilities, configurations, torch.Generator().manual_seed(0)))
    while len(state.picks) < n and state.step():
        pass
    return state


@settings(max_examples=25, deadline=None)
@given(classes=st.integers(2, 3), passes=st.integers(2, 5), seed=st.integers(0, 999))
def test_exact_picks_are_those_of_brute_force(classes, passes, seed):
    probabilities = tables(6, passes, classes, seed)
    state = greedy(probabilities, 4)
    picks, before = [], 0.0
    for gain in state.gains:
        totals = {
            pick: joint_information(probabilities, [*picks, pick]) for pick in range(6) if pick not in picks
        }
        best = max(totals, key=totals.get)
        picks.append(best)
        assert gain == pytest.approx(totals[best] - before, abs=1e-9)
        before = totals[best]
    assert state.picks == picks


def test_certain_labels_make_no_nan():
    probabilities = torch.eye(3, dtype=torch.float64)[torch.tensor([[0, 1, 2], [0, 0, 1], [1, 1, 1]])]
    state = greedy(probabilities, 3)
    assert state.picks == [0]  # it tells all three passes apart
    assert state.gains == pytest.approx([math.log(3)])


def test_drawn_configurations_come_close():
    probabilities = tables(8, 6, 3, 4)
    exact = JointInformation(probabilities, 10_000, torch.Generator().manual_seed(0))
    drawn = JointInformation(probabilities, 8, torch.Generator().manual_seed(0))
    drawn._source = torch.arange(60_000) % 6
    for pick in (3, 5, 1):
        exact.add(pick)
        drawn.add(pick)
    assert exact.exact and not drawn.exact
    rest = np.array([0, 2, 4, 6, 7])
    np.testing.assert_allclose(drawn.gains(rest), exact.gains(rest), atol=0.005)


def test_the_bound_on_configurations_is_kept():
    joint = JointInformation(tables(8, 4, 3, 0), 27, torch.Generator().manual_seed(0))
    for pick, (rows, exact) in enumerate([(3, True), (9, True), (27, True), (28, False), (28, False)]):
        joint.add(pick)
        assert (len(joint._weight), joint.exact) == (rows, exact)
        assert joint._weight.sum() == pytest.approx(1.0)


def test_blocks_change_nothing(monkeypatch):
    probabilities = tables(30, 5, 3, 1)
    usual = greedy(probabilities, 6)
    monkeypatch.setattr("alkit_plugins.components.joint_information.ELEMENTS", 40)
    monkeypatch.setattr("alkit_plugins.strategies.uncertainty.batchbald.LOOK", 1)
    again = greedy(probabilities, 6)
    assert again.picks == usual.picks
    assert again.gains == pytest.approx(usual.gains)


def test_a_copy_of_a_chosen_image_adds_less_than_alone():
    probabilities = tables(20, 8, 3, 2)
    state = greedy(torch.cat([probabilities, probabilities]), 4)
    assert len({pick % 20 for pick in state.picks}) == 4
    alone = mutual_information(probabilities.transpose(0, 1)).numpy()
    assert len({pick % 20 for pick in np.argsort(-np.concatenate([alone, alone]), kind="stable")[:4]}) == 2


def choose(strategy, n, **given):
    world = alkit.testing.make_world(candidates=40, **given)
    world.train(strategy)
    cycle = world.cycle()
    return world.choose(strategy, n, cycle), cycle


def test_the_first_pick_is_that_of_bald():
    picks, cycle = choose(BatchBald(), 5)
    alone, other = choose(Bald(), 1)
    assert picks[0] == alone[0]
    assert cycle.scores[int(picks[0])] == pytest.approx(other.scores[int(alone[0])], rel=1e-9)
    assert cycle.diagnostics["dropout"] == other.diagnostics["dropout"]


def test_when_nothing_is_left_to_learn_the_order_is_that_of_bald(monkeypatch):
    _, whole = choose(BatchBald(passes=2), 40)
    monkeypatch.setattr(
        "alkit_plugins.strategies.uncertainty.batchbald.LEAST", float(np.median(list(whole.scores.values())))
    )
    picks, cycle = choose(BatchBald(passes=2), 40)
    joint = cycle.diagnostics["joint_picks"]
    assert 0 < joint < 40
    assert sorted(cycle.scores) == sorted(picks[:joint].tolist())
    assert cycle.diagnostics["information"] <= math.log(2) + 0.05
    order, _ = choose(Bald(passes=2), 40)
    assert picks[joint:].tolist() == [pick for pick in order.tolist() if pick not in picks[:joint]]


def test_one_pass_tells_nothing():
    picks, cycle = choose(BatchBald(passes=1), 4)
    assert picks.tolist() == cycle.candidates[:4].tolist()
    assert cycle.diagnostics["joint_picks"] == 0
