"""Entropy sampling."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from alkit.training.types import Output
from alkit_plugins.strategies.uncertainty.entropy import Entropy


def score(probabilities):
    return Entropy().score(None, Output(probabilities, probabilities))


def test_known_values():
    rows = torch.tensor([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0], [1 / 3, 1 / 3, 1 / 3]])
    assert score(rows).tolist() == pytest.approx([math.log(2), 0.0, math.log(3)], abs=1e-6)


def test_positions_keep_their_place():
    probabilities = torch.softmax(torch.randn(4, 3, 5, 6), dim=1)
    scored = score(probabilities)
    assert scored.shape == (4, 5, 6)
    at = probabilities[2, :, 1, 4]
    assert scored[2, 1, 4] == pytest.approx(-(at * at.log()).sum().item(), rel=1e-5)


def test_reduced_precision_is_scored_in_float32():
    assert score(torch.full((2, 4), 0.25, dtype=torch.bfloat16)).dtype == torch.float32


def test_picks_the_most_uncertain(make_cycle):
    cycle = make_cycle()
    picks = Entropy().select(cycle, 5)
    outputs = torch.cat([output.probabilities for output in cycle.outputs(cycle.candidates)])
    expected = cycle.candidates[np.argsort(score(outputs).numpy())[::-1][:5]]
    assert picks.tolist() == expected.tolist()
