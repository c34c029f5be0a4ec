"""Learning Loss as a strategy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from alkit.options import build
from alkit.training.types import Tap, TaskSpec
from alkit_plugins.strategies.learned.learning_loss import LearningLoss

SPEC = TaskSpec("t", (1, 8, 8), 3, frozenset(), (Tap("a", 1, (2, 2)), Tap("b", 4, (1, 1))))


def test_companion_follows_the_options():
    given = {"loss": "ranking", "hidden": "16", "margin": "0.5", "weight": "2", "detach-after": "0.25"}
    predictor = build(LearningLoss, given).companion(SPEC)
    assert (predictor.loss, predictor.margin, predictor.weight, predictor.detach_after) == (
        "ranking",
        0.5,
        2,
        0.25,
    )
    assert [linear.weight.shape for linear in predictor.taps] == [(16, 1), (16, 4)]


def test_published_detaches_after_121_of_200_epochs():
    assert 120 < build(LearningLoss, {"preset": "published"}).detach_after * 200 <= 121


def test_picks_the_highest_predicted_loss(make_cycle):
    strategy = LearningLoss(hidden=4)
    predictor = strategy.companion(SPEC)
    cycle = make_cycle(companion=predictor)
    picks = strategy.select(cycle, 6)
    with torch.no_grad():
        losses = torch.cat([predictor(output.features) for output in cycle.outputs(cycle.candidates)]).numpy()
    assert picks.tolist() == cycle.candidates[np.argsort(-losses, kind="stable")[:6]].tolist()
    assert cycle.scores[int(picks[0])] == pytest.approx(losses.max())


def test_subset_limits_what_is_looked_at(make_cycle):
    strategy = LearningLoss(hidden=4, subset=7)
    cycle = make_cycle(companion=strategy.companion(SPEC))
    assert len(strategy.select(cycle, 5)) == 5
    assert cycle.model.asked == 7
    assert len(set(strategy.select(cycle, 12))) == 12
    assert cycle.model.asked == 7 + 12
