"""Margin sampling."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from alkit.training.types import Output
from alkit_plugins.strategies.uncertainty.margin import Margin


def score(probabilities):
    return Margin().score(None, Output(probabilities, probabilities))


def test_known_values():
    rows = torch.tensor([[0.5, 0.4, 0.1], [1.0, 0.0, 0.0], [0.25, 0.5, 0.25]])
    assert score(rows).tolist() == pytest.approx([-0.1, -1.0, -0.25], abs=1e-6)


def test_positions_keep_their_place():
    probabilities = torch.softmax(torch.randn(4, 3, 5, 6), dim=1)
    scored = score(probabilities)
    assert scored.shape == (4, 5, 6)
    _, middle, high = sorted(probabilities[2, :, 1, 4].tolist())
    assert scored[2, 1, 4].item() == pytest.approx(middle - high, rel=1e-5)


def test_picks_the_smallest_margins(make_cycle):
    cycle = make_cycle()
    picks = Margin().select(cycle, 5)
    outputs = torch.cat([output.probabilities for output in cycle.outputs(cycle.candidates)]).numpy()
    ordered = np.sort(outputs, axis=1)
    margins = ordered[:, -1] - ordered[:, -2]
    assert picks.tolist() == cycle.candidates[np.argsort(margins, kind="stable")[:5]].tolist()
