"""SS-VAAL: the loss over ranks, pseudo-labels by agreement, and a ranker that is left alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from alkit import options
from alkit.testing.world import make_world
from alkit_plugins.components.loss_prediction import soft_ranks, spearman_loss, true_ranks
from alkit_plugins.components.pseudo_labels import agreed
from alkit_plugins.strategies.adversarial.ss_vaal import SSVAAL, _places

SMALL = {
    "iterations": 1,
    "batch-size": 4,
    "latent": 4,
    "channels": "4,8",
    "discriminator-hidden": 8,
    "hidden": 4,
}


def test_ranks_by_hand():
    assert true_ranks(torch.tensor([3.0, 1.0, 2.0])).tolist() == [1.0, 0.0, 0.5]
    assert true_ranks(torch.tensor([1.0, 1.0, 5.0])).tolist() == [0.25, 0.25, 1.0]
    assert soft_ranks(torch.tensor([30.0, -40.0, 0.0])).tolist() == pytest.approx([1.0, 0.0, 0.5])
    assert soft_ranks(torch.tensor([2.0, 2.0])).tolist() == [0.5, 0.5]


def test_the_loss_is_zero_for_the_right_order_and_falls_towards_it():
    losses = torch.tensor([0.1, 2.0, 0.7])
    assert float(spearman_loss(torch.tensor([-90.0, 90.0, 0.0]), losses)) == pytest.approx(0.0, abs=1e-6)
    wrong = torch.tensor([1.0, -1.0, 0.0], requires_grad=True)
    spearman_loss(wrong, losses).backward()
    assert wrong.grad[0] > 0.0 > wrong.grad[1]
    assert float(spearman_loss(torch.ones(1), torch.ones(1))) == 0.0


def test_pseudo_labels_need_certainty_and_agreement():
    features = torch.tensor([[0.0], [0.1], [0.2], [9.0], [9.1], [9.2]])
    table = np.array([[0.9, 0.1], [0.97, 0.03], [0.02, 0.98], [0.1, 0.9], [0.01, 0.99], [0.04, 0.96]])
    found = agreed(table, features, np.array([0, 3]), np.array([0, 1]), threshold=0.95, seed=0)
    assert found.tolist() == [False, True, False, False, True, True]
    found = agreed(table, features, np.array([0]), np.array([0]), threshold=0.95, seed=0)
    assert found.tolist() == [False, True, False, False, False, False]


def test_pseudo_labels_change_a_copy_of_the_ranker():
    world = make_world(candidates=40)
    strategy = options.build(SSVAAL, SMALL | {"threshold": 0.0, "ranker-steps": 5})
    world.train(strategy)
    before = {key: value.clone() for key, value in world.companion.state_dict().items()}
    cycle = world.cycle()
    indices = np.concatenate([cycle.labeled, cycle.candidates])
    ranked = strategy.ranked(cycle, indices)
    assert cycle.diagnostics["pseudo_labels"] > 0
    assert torch.equal(ranked, strategy.ranked(world.cycle(), indices))
    plain = options.build(SSVAAL, SMALL | {"ranker-steps": 0}).ranked(world.cycle(), indices)
    expected = world.cycle().collect(indices, lambda output: world.companion(output.features))
    assert torch.allclose(plain, expected, atol=1e-6) and not torch.allclose(plain, ranked)
    assert all(torch.equal(value, before[key]) for key, value in world.companion.state_dict().items())


def test_places():
    assert _places(np.array([7, 2, 9, 4]), np.array([2, 4, 7])).tolist() == [1, 3, 0]
