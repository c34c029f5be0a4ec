"""A module with a user's own networks, as `package.module:factory` finds them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

OWN = '''
import torch
from torch import nn


def perceptron(num_classes):
    hidden = [nn.Linear(3 * 8 * 8, 16), nn.ReLU(), nn.Linear(16, 12), nn.ReLU()]
    return nn.Sequential(nn.Flatten(), *hidden, nn.Linear(12, num_classes))


def linear(num_classes, in_channels):
    return nn.Sequential(nn.Flatten(), nn.Linear(in_channels * 64, num_classes))


def grey(num_classes, in_channels):
    body = [nn.Conv2d(in_channels, 5, 3), nn.ReLU(inplace=True), nn.Flatten()]
    return nn.Sequential(*body, nn.Linear(5 * 36, num_classes))


class Isotropic(nn.Module):
    """Residual blocks that never shrink, changed in place right after each block; no linear layer."""

    def __init__(self, num_classes):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        blocks = [nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8)) for _ in range(6)]
        self.blocks = nn.ModuleList(blocks)
        self.scale = nn.Parameter(torch.ones(8, num_classes))

    def forward(self, images):
        features = self.stem(images)
        for block in self.blocks:
            features = block(features).relu_()
        return features.mean(dim=(2, 3)) @ self.scale


def isotropic(num_classes):
    return Isotropic(num_classes)


class Dictionary(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.body = nn.Conv2d(3, 4, 3, stride=2)
        self.head = nn.Linear(4, num_classes)

    def forward(self, images):
        return {"logits": self.head(self.body(images).mean(dim=(2, 3))), "aux": images}


def dictionary(num_classes):
    return Dictionary(num_classes)


def wrong_classes(num_classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 64, num_classes + 3))


def no_module(num_classes):
    return "network"


def no_arguments():
    return nn.Identity()
'''


@pytest.fixture
def own_networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Put a module called `own_networks` on the path; return its name."""
    (tmp_path / "own_networks.py").write_text(OWN)
    (tmp_path / "broken_networks.py").write_text("raise RuntimeError('no license')")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "own_networks"
    sys.modules.pop("own_networks", None)
