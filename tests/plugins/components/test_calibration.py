"""Temperatures from images left out in turn, and the calibration error by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from alkit_plugins.components.calibration import calibration_error, temperature, tempered


def test_calibration_error_by_hand():
    confidence = np.array([0.95, 0.85, 0.3, 0.2])
    right = np.array([True, False, False, True])
    # two bins: (0.05 - 0.85) / 4 above, (-0.3 + 0.8) / 4 below
    assert calibration_error(confidence, right, bins=2) == pytest.approx((0.8 + 0.5) / 4)


def test_guessing_needs_a_higher_temperature_than_knowing():
    rng = np.random.default_rng(0)
    targets = torch.from_numpy(rng.integers(0, 2, 80))
    noise = torch.from_numpy(rng.standard_normal((80, 30)))
    known = noise + 30.0 * targets.unsqueeze(1)
    assert temperature(noise, targets, np.random.default_rng(1)) > 2.0
    assert temperature(known, targets, np.random.default_rng(1)) == 1.0


@pytest.mark.parametrize(
    "targets",
    [
        torch.zeros(40, dtype=torch.long),
        torch.arange(5),
        torch.rand(40),
        torch.zeros(40, 2, 2, dtype=torch.long),
    ],
)
def test_too_little_to_judge_by(targets):
    assert temperature(torch.randn(len(targets), 3), targets, np.random.default_rng(0)) == 1.0


def test_a_class_that_only_one_fold_has():
    targets = torch.tensor([0, 1] * 10 + [2])
    assert temperature(torch.eye(21), targets, np.random.default_rng(0)) >= 1.0


def test_tempered_by_hand():
    probabilities = torch.tensor([[0.9, 0.1, 0.0], [1.0, 0.0, 0.0]], dtype=torch.float64)
    assert torch.equal(tempered(probabilities, 1.0), probabilities)
    assert tempered(probabilities, 2.0)[0].tolist() == pytest.approx([0.75, 0.25, 0.0])
    assert tempered(probabilities, 2.0)[1].tolist() == [1.0, 0.0, 0.0]
