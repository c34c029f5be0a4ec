"""Detectors without alkit: the source of a module that makes one, and the network itself with its weights."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from alkit.training import PortableNetwork

from ..networks import factory_options, imported
from ..portable import HEAD, call_text, making, run_source
from ..unet import block
from .detector import CONSIDERED, MOST_OBJECTS, SAME, Size, grid, shares_of_scores
from .fcos import RARE, STRIDE, FCOSNetwork, SmallFCOS, boxes_at
from .networks import BASES, SHORT
from .torchvision_networks import (
    WITH_BACKGROUND,
    OneStage,
    OneStageNetwork,
    TwoStage,
    TwoStageNetwork,
    background_last,
    images_of,
)

TYPES = "from collections.abc import Mapping, Sequence\n"
ALIASES = "\nRaw = Mapping[str, Tensor]\nSize = tuple[int, int]\n"
OF_FCOS = f"""import itertools

from torch.nn import functional

STRIDE = {STRIDE}
RARE = {RARE}
"""
OF_TORCHVISION = """from torchvision import models
from torchvision.models.detection import FCOS, FasterRCNN, RetinaNet
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.ssd import SSD
"""
CHOICE = {"considered": CONSIDERED, "overlap": SAME, "most": MOST_OBJECTS}
"""How candidates become objects: see `PortableNetwork.choice`."""


class Candidates(nn.Module):
    """Everything that a detector takes for an object, before any choice.

    Args:
        detector: the network.
        size: (height, width) of the images.
        grey: it takes three channels, and the images have one.
    """

    def __init__(self, detector: Any, size: Size, *, grey: bool) -> None:
        super().__init__()
        self.detector, self.size, self.grey = detector, size, grey

    def forward(self, images: Tensor) -> Tensor:
        """Return x1, y1, x2, y2 and the score of each class of every candidate, [B, N, 4 + classes]."""
        images = images.expand(-1, 3, -1, -1) if self.grey else images
        maps = self.detector.maps(images)
        boxes, shares = self.detector.candidates(self.detector.raw(maps), maps, self.size)
        height, width = self.size
        limits = boxes.new_tensor([width, height, width, height])
        return torch.cat([boxes.float().clamp(min=0).minimum(limits), shares[:, :-1].float().mT], dim=2)


def portable_detector(
    name: str, detector: nn.Module, shape: tuple[int, int, int], num_classes: int, *, grey: bool
) -> PortableNetwork:
    """Return a detector without alkit; its source is empty if it is one of the user's own.

    Args:
        name: as users name it.
        detector: with its weights.
        shape: (C, H, W) of the images.
        num_classes: without the background.
        grey: grey images go into a network for three channels.
    """
    channels, height, width = shape
    made = _definitions(name, detector, channels, num_classes)
    kept = copy.deepcopy(detector).cpu()
    network: nn.Module
    if made is None:
        source, network = "", Candidates(kept, (height, width), grey=grey)
    else:
        definitions, expression = made
        line = f"network: nn.Module = Candidates({expression}, ({height}, {width}), grey={grey})"
        source = "\n\n".join([definitions, inspect.getsource(Candidates), making([line])])
        network = run_source(source)
        network.get_submodule("detector").load_state_dict(kept.state_dict())
    return PortableNetwork(
        network=network.eval().requires_grad_(False),
        source=source,
        name=name,
        arguments={"in_channels": channels, "num_classes": num_classes, "frozen_backbone": False},
        choice=CHOICE,
        traceable=not isinstance(detector, TwoStage),
    )


def _definitions(name: str, detector: nn.Module, channels: int, num_classes: int) -> tuple[str, str] | None:
    """Return the text of what a network is made of, and the expression that makes it.

    None if it is a `Detector` of the user's, which needs alkit.
    """
    if type(detector) is SmallFCOS:
        parts = [block, grid, shares_of_scores, boxes_at, FCOSNetwork]
        made = f"FCOSNetwork({channels}, {num_classes}, {BASES[name]})"
        return _text(OF_FCOS, parts), made
    if not isinstance(detector, (OneStage, TwoStage)):
        return None
    kind = OneStageNetwork if isinstance(detector, OneStage) else TwoStageNetwork
    imports, made = _of_torchvision(name, detector, channels, num_classes)
    return _text(imports, [shares_of_scores, background_last, images_of, kind]), f"{kind.__name__}({made})"


def _of_torchvision(
    name: str, detector: OneStage | TwoStage, channels: int, num_classes: int
) -> tuple[str, str]:
    """Return the imports for one of torchvision's networks, and the expression that makes it."""
    if ":" in name:
        module, _, attribute = name.partition(":")
        made = call_text(attribute, factory_options(imported(name), channels, num_classes))
        return f"{OF_TORCHVISION}\nfrom {module} import {attribute}\n", made
    count = num_classes + isinstance(detector.network, WITH_BACKGROUND)
    options = {"weights": None, "weights_backbone": None, "num_classes": count}
    return OF_TORCHVISION, call_text("models.get_model", options, repr(SHORT.get(name, name)))


def _text(imports: str, parts: Sequence[Any]) -> str:
    return "\n\n".join([HEAD + TYPES + imports + ALIASES, *map(inspect.getsource, parts)])
