"""A tiny encoder for tests: mean, deviation and maximum of each channel."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from alkit.data import EncoderInput


class Means(nn.Module):
    """Returns nine features."""

    def forward(self, images: Tensor) -> Tensor:
        return torch.cat([images.mean((2, 3)), images.std((2, 3)), images.amax((2, 3))], dim=1)


def make() -> tuple[nn.Module, EncoderInput]:
    """Return the network and how it takes images."""
    return Means(), EncoderInput(size=(16, 16), mean=(0.5,) * 3, std=(0.5,) * 3)
