"""A small U-Net for CPUs."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional


def block(before: int, after: int, *, stride: int = 1) -> nn.Sequential:
    """Return two 3 x 3 convolutions with batch normalization."""
    return nn.Sequential(
        nn.Conv2d(before, after, 3, stride, 1, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(inplace=True),
        nn.Conv2d(after, after, 3, 1, 1, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(inplace=True),
    )


class UNet(nn.Module):
    """An encoder and a decoder with skip connections (Ronneberger et al., MICCAI 2015), made small.

    The first convolution has stride 2, and the classifier's map is enlarged to the image: a quarter of the
    computation, with a little less detail at edges. Images may have any size.

    Args:
        in_channels: channels of the images.
        num_classes: number of outputs.
        base: channels of the first stage; each of the next three has twice as many.
    """

    def __init__(self, in_channels: int, num_classes: int, base: int = 24) -> None:
        super().__init__()
        widths = [base, 2 * base, 4 * base, 8 * base]
        self.stages = nn.ModuleList([block(in_channels, widths[0], stride=2)])
        self.stages.extend(block(before, after) for before, after in itertools.pairwise(widths))
        self.ups = nn.ModuleList(
            block(deep + skip, skip) for deep, skip in zip(widths[:0:-1], widths[-2::-1], strict=True)
        )
        self.head = nn.Conv2d(base, num_classes, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits [B, classes, H, W] for images [B, C, H, W]."""
        skips: list[Tensor] = []
        features = images
        for number, stage in enumerate(self.stages):
            if number:
                features = functional.max_pool2d(features, 2, ceil_mode=True)
            features = stage(features)
            skips.append(features)
        for up, skip in zip(self.ups, skips[-2::-1], strict=True):
            enlarged = functional.interpolate(features, size=skip.shape[2:])
            features = up(torch.cat([enlarged, skip], dim=1))
        return functional.interpolate(
            self.head(features), size=images.shape[2:], mode="bilinear", align_corners=False
        )
