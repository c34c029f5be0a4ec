"""Least confidence."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from alkit.training.types import Output
from alkit_plugins.strategies.uncertainty.least_confidence import LeastConfidence


def score(probabilities):
    return LeastConfidence().score(None, Output(probabilities, probabilities))


def test_known_values():
    rows = torch.tensor([[0.5, 0.4, 0.1], [1.0, 0.0, 0.0], [0.25, 0.25, 0.5]])
    assert score(rows).tolist() == pytest.approx([0.5, 0.0, 0.5], abs=1e-6)


def test_positions_keep_their_place():
    probabilities = torch.softmax(torch.randn(4, 3, 5, 6), dim=1)
    scored = score(probabilities)
    assert scored.shape == (4, 5, 6)
    assert scored[2, 1, 4].item() == pytest.approx(1 - probabilities[2, :, 1, 4].max().item(), rel=1e-5)


def test_picks_the_least_confident(make_cycle):
    cycle = make_cycle()
    picks = LeastConfidence().select(cycle, 5)
    outputs = torch.cat([output.probabilities for output in cycle.outputs(cycle.candidates)]).numpy()
    assert picks.tolist() == cycle.candidates[np.argsort(outputs.max(axis=1), kind="stable")[:5]].tolist()
