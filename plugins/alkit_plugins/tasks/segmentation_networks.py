"""Networks for segmentation: a small U-Net, those of torchvision, and any other by import path."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .networks import find as find_classifier
from .networks import torchvision_builder
from .unet import UNet

if TYPE_CHECKING:
    from torch import nn

SHORT = {
    "lraspp": "lraspp_mobilenet_v3_large",
    "deeplabv3": "deeplabv3_mobilenet_v3_large",
    "fcn": "fcn_resnet50",
}
BASES = {"unet": 24, "tiny-unet": 12}


def find(name: str, in_channels: int, num_classes: int, side: int) -> Callable[[], nn.Module]:
    """Return a function that makes a network for segmentation.

    Args:
        name: `unet`, `tiny-unet`, a name of torchvision (also `lraspp`, `deeplabv3`, `fcn`), or
            `package.module:factory`.
        in_channels: channels of the images.
        num_classes: number of outputs.
        side: of the images in pixels.

    Raises:
        InvalidOption: there is no such network.
    """
    if name in BASES:
        return lambda: UNet(in_channels, num_classes, BASES[name])
    if ":" in name:
        return find_classifier(name, in_channels, num_classes, side)
    _, builder = torchvision_builder(name, "segmentation", SHORT, BASES)
    return lambda: builder(weights=None, weights_backbone=None, num_classes=num_classes)
