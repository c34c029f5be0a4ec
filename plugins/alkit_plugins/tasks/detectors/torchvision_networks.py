"""The detectors of torchvision, applied to images of the campaign's size, with a loss for each image."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models.detection import FCOS, FasterRCNN, RetinaNet
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.ssd import SSD
from torchvision.ops import box_iou

from alkit.errors import InvalidOption

from .detector import Detector, Raw, Size, real_boxes, shares_of_scores

WITH_BACKGROUND = (SSD, FasterRCNN)
"""Networks whose number of classes counts the background, which has the number 0."""


class OneStageNetwork(nn.Module):
    """RetinaNet, FCOS or SSD: every anchor is a candidate."""

    def __init__(self, network: RetinaNet | FCOS | SSD) -> None:
        super().__init__()
        self.network = network

    def maps(self, images: Tensor) -> Sequence[Tensor]:
        """Return the maps of the backbone."""
        return list(self.network.backbone(images).values())

    def raw(self, maps: Sequence[Tensor]) -> Raw:
        """Return the outputs of the heads, a row for each anchor."""
        found: Raw = self.network.head(list(maps))
        return found

    def candidates(self, raw: Raw, maps: Sequence[Tensor], size: Size) -> tuple[Tensor, Tensor]:
        """Return a candidate for each anchor."""
        logits, edges = raw["cls_logits"].float(), raw["bbox_regression"].float()
        network, anchors = self.network, self.anchors(maps, size).expand(*edges.shape[:2], 4)
        if isinstance(network, SSD):
            shares = background_last(logits.softmax(dim=2))
        elif isinstance(network, FCOS):
            shares = shares_of_scores((logits.sigmoid() * raw["bbox_ctrness"].float().sigmoid()).sqrt().mT)
        else:
            shares = shares_of_scores(logits.sigmoid().mT)
        decode = network.box_coder.decode if isinstance(network, FCOS) else network.box_coder.decode_single
        return decode(edges.flatten(0, 1), anchors.flatten(0, 1)).view(edges.shape), shares

    def anchors(self, maps: Sequence[Tensor], size: Size) -> Tensor:
        """Return the anchors, which are the same for all images, [N, 4]."""
        images = ImageList(maps[0].new_empty(1, 1, *size), [size])
        found: Tensor = self.network.anchor_generator(images, [part[:1].float() for part in maps])[0]
        return found


class OneStage(OneStageNetwork, Detector):
    """The network with its losses."""

    def losses(self, raw: Raw, maps: Sequence[Tensor], targets: Raw, size: Size) -> Tensor:
        """Return the sum of torchvision's losses, image by image."""
        anchors = self.anchors(maps, size)
        found = []
        for row in range(len(maps[0])):
            target = _shifted(real_boxes(targets, row), isinstance(self.network, SSD))
            head = {name: part[row : row + 1].float() for name, part in raw.items()}
            found.append(sum(self._loss(target, head, anchors, maps).values()))
        return torch.stack([torch.as_tensor(loss) for loss in found])

    def _loss(self, target: dict[str, Tensor], head: Raw, anchors: Tensor, maps: Sequence[Tensor]) -> Any:
        network = self.network
        if isinstance(network, SSD):
            matched = torch.full((len(anchors),), -1, dtype=torch.int64, device=anchors.device)
            if len(target["boxes"]):
                matched = network.proposal_matcher(box_iou(target["boxes"], anchors))
            return network.compute_loss([target], head, [anchors], [matched])
        if isinstance(network, FCOS):
            counts = [part.shape[2] * part.shape[3] for part in maps]
            return network.compute_loss([target], head, [anchors], counts)
        return network.compute_loss([target], head, [anchors])


class TwoStageNetwork(nn.Module):
    """Faster R-CNN: every proposal of the first stage is a candidate."""

    def __init__(self, network: FasterRCNN) -> None:
        super().__init__()
        self.network = network
        self._names: tuple[str, ...] = ()

    def maps(self, images: Tensor) -> Sequence[Tensor]:
        """Return the maps of the backbone."""
        found = self.network.backbone(images)
        self._names = tuple(found)
        return list(found.values())

    def raw(self, maps: Sequence[Tensor]) -> Raw:
        """Return the maps: which proposals there are depends on the boxes in training."""
        return dict(zip(self._names, maps, strict=True))

    def candidates(self, raw: Raw, maps: Sequence[Tensor], size: Size) -> tuple[Tensor, Tensor]:
        """Return a candidate for each proposal, with the box that its most probable class gives it."""
        heads, images = self.network.roi_heads, images_of(maps, size)
        features = {name: part.float() for name, part in raw.items()}
        proposals, _ = self.network.rpn(images, features)
        pooled = heads.box_head(heads.box_roi_pool(features, proposals, images.image_sizes))
        logits, edges = heads.box_predictor(pooled)
        shares = logits.float().softmax(dim=1)
        boxes = heads.box_coder.decode(edges.float(), proposals)
        best = shares[:, 1:].argmax(dim=1) + 1
        boxes = boxes[torch.arange(len(boxes), device=boxes.device), best]
        counts = [len(own) for own in proposals]
        nothing = torch.zeros_like(shares[:1])
        nothing[:, 0] = 1  # of padding, which is background for certain
        most = max([1, *counts])
        padded = [
            (
                torch.cat([box, box.new_zeros(most - len(box), 4)]),
                torch.cat([share, nothing.expand(most - len(share), -1)]),
            )
            for box, share in zip(boxes.split(counts), shares.split(counts), strict=True)
        ]
        return (
            torch.stack([box for box, _ in padded]),
            background_last(torch.stack([share for _, share in padded])),
        )


class TwoStage(TwoStageNetwork, Detector):
    """The network with its losses."""

    def losses(self, raw: Raw, maps: Sequence[Tensor], targets: Raw, size: Size) -> Tensor:
        """Return the sum of torchvision's losses of both stages, image by image."""
        found = []
        with _training(self.network.rpn, self.network.roi_heads):
            for row in range(len(maps[0])):
                target = _shifted(real_boxes(targets, row), True)
                own = {name: part[row : row + 1].float() for name, part in raw.items()}
                images = images_of(list(own.values()), size)
                proposals, first = self.network.rpn(images, own, [target])
                _, second = self.network.roi_heads(own, proposals, [size], [target])
                found.append(sum([*first.values(), *second.values()]))
        return torch.stack([torch.as_tensor(loss) for loss in found])


def adapted(network: nn.Module, name: str) -> Detector:
    """Return a network as a detector.

    Raises:
        InvalidOption: it is neither a `Detector` nor one of torchvision.
    """
    if isinstance(network, Detector):
        return network
    if isinstance(network, FasterRCNN):
        return TwoStage(network)
    if isinstance(network, (RetinaNet, FCOS, SSD)):
        return OneStage(network)
    raise InvalidOption(
        f"the network '{name}' is a {type(network).__name__}; it should be one of torchvision's FasterRCNN, "
        "RetinaNet, FCOS and SSD, or a Detector of alkit_plugins.tasks.detectors.detector"
    )


def background_last(shares: Tensor) -> Tensor:
    """Turn [B, N, background + classes] into [B, classes + background, N]."""
    return torch.cat([shares[..., 1:], shares[..., :1]], dim=2).mT


def _shifted(target: dict[str, Tensor], background: bool) -> dict[str, Tensor]:
    return {**target, "labels": target["labels"] + int(background)}


def images_of(maps: Sequence[Tensor], size: Size) -> ImageList:
    """Return images without pixels, which say how large the images of these maps are."""
    count = len(maps[0])
    return ImageList(maps[0].new_empty(count, 1, *size), [size] * count)


@contextlib.contextmanager
def _training(*modules: nn.Module) -> Iterator[None]:
    """Let modules compute their losses also in evaluation; what is in them stays as it is."""
    before = [module.training for module in modules]
    for module in modules:
        module.training = True
    try:
        yield
    finally:
        for module, training in zip(modules, before, strict=True):
            module.training = training
