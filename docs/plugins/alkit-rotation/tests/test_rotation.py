"""The conformance kit, and a pretraining that happens once."""

from __future__ import annotations

import torch
from alkit_rotation import rotated

import alkit.testing


class TestRotation(alkit.testing.TaskTests):
    name = "rotation"


def test_rotations_come_with_their_number() -> None:
    images = torch.arange(12.0).view(3, 1, 2, 2)
    turned, numbers = rotated(images)
    assert numbers.tolist() == [0] * 3 + [1] * 3 + [2] * 3 + [3] * 3
    assert torch.equal(turned[:3], images)
    assert turned[3, 0].tolist() == [[1.0, 3.0], [0.0, 2.0]]
    assert rotated(torch.zeros(2, 3, 4, 8))[0].shape == (8, 3, 8, 8)
