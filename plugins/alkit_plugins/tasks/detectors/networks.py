"""Detectors by name: two small ones, those of torchvision, and any other by import path."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from alkit_plugins.encoders.weights import filled

from ..networks import find as find_classifier
from ..networks import torchvision_builder
from .fcos import SmallFCOS
from .torchvision_networks import WITH_BACKGROUND, adapted

if TYPE_CHECKING:
    from torch import nn

    from .detector import Detector

BASES = {"small-fcos": 24, "tiny-fcos": 12}
SHORT = {
    "ssdlite": "ssdlite320_mobilenet_v3_large",
    "fasterrcnn": "fasterrcnn_mobilenet_v3_large_fpn",
    "retinanet": "retinanet_resnet50_fpn_v2",
    "fcos": "fcos_resnet50_fpn",
}
OTHERS = ("keypointrcnn", "maskrcnn")
"""Networks of torchvision that need more than boxes."""


def find(name: str, in_channels: int, num_classes: int, side: int) -> Callable[[], Detector]:
    """Return a function that makes a detector.

    Args:
        name: `small-fcos`, `tiny-fcos`, a name of torchvision (also `ssdlite`, `fasterrcnn`, `retinanet`,
            `fcos`), or `package.module:factory`.
        in_channels: channels of the images.
        num_classes: classes of objects.
        side: of the images in pixels.

    Raises:
        InvalidOption: there is no such network.
    """
    if name in BASES:
        return lambda: SmallFCOS(in_channels, num_classes, BASES[name])
    if ":" in name:
        make = find_classifier(name, in_channels, num_classes, side)
        return lambda: adapted(make(), name)
    full, builder = torchvision_builder(name, "detection", SHORT, BASES, without=OTHERS)
    background = full.startswith(("ssd", "fasterrcnn"))

    def built() -> nn.Module:
        network: nn.Module = builder(
            weights=None, weights_backbone=None, num_classes=num_classes + int(background)
        )
        assert isinstance(network, WITH_BACKGROUND) == background
        return network

    return lambda: adapted(built(), name)


def fill(detector: Detector, more_classes: Detector, path: Path, named: str) -> None:
    """Load weights from a file; layers whose size depends on the number of classes may keep their own.

    Args:
        detector: what to fill.
        more_classes: the same network for another number of classes.
        path: file of named tensors, as torchvision offers them, for example.
        named: what messages call the network.

    Raises:
        InvalidOption: the file cannot be read, or does not fit.
    """
    network, other = (getattr(one, "network", one) for one in (detector, more_classes))
    theirs = other.state_dict()
    depends = frozenset(
        name for name, tensor in network.state_dict().items() if theirs[name].shape != tensor.shape
    )
    filled(network, path, named, has_head=False, spared=depends)
