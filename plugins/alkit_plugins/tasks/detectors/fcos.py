"""A small detector for CPUs: every position of one fine map says what is there and how far its edges are.

After Tian, Shen, Chen and He, FCOS: Fully Convolutional One-Stage Object Detection, ICCV 2019, with a single
map of a quarter of the image's size into which coarser ones are added, as in feature pyramids (Lin et al.,
CVPR 2017), and without centerness: only positions near the center of an object are trained to find it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.ops import generalized_box_iou_loss, sigmoid_focal_loss

from ..unet import block
from .detector import Detector, Raw, Size, grid, shares_of_scores

STRIDE = 4
NEAR = 1.5
"""Strides around the center of an object in which positions are trained to find it."""
RARE = 0.01
"""Probability of an object that an untrained network gives."""


class FCOSNetwork(nn.Module):
    """A contracting network, a map to which its coarser maps are added, and two heads on that.

    Args:
        in_channels: channels of the images.
        num_classes: classes of objects.
        base: channels of the first stage.
    """

    def __init__(self, in_channels: int, num_classes: int, base: int = 24) -> None:
        super().__init__()
        widths = [base, 2 * base, 4 * base, 6 * base]
        self.stages = nn.ModuleList([block(in_channels, widths[0], stride=2)])
        self.stages.extend(block(before, after, stride=2) for before, after in itertools.pairwise(widths))
        self.sides = nn.ModuleList(nn.Conv2d(width, 2 * base, 1) for width in widths[1:])
        self.smooth = block(2 * base, 2 * base)
        self.classes = nn.Conv2d(2 * base, num_classes, 3, 1, 1)
        self.edges = nn.Conv2d(2 * base, 4, 3, 1, 1)
        nn.init.normal_(self.classes.weight, std=0.01)
        assert self.classes.bias is not None
        assert self.edges.bias is not None
        nn.init.constant_(self.classes.bias, -math.log((1 - RARE) / RARE))
        nn.init.normal_(self.edges.weight, std=0.01)
        nn.init.zeros_(self.edges.bias)

    def maps(self, images: Tensor) -> Sequence[Tensor]:
        """Return the map of a quarter of the image's size, and the two coarser ones."""
        features, levels = images, []
        for stage in self.stages:
            features = stage(features)
            levels.append(features)
        found: list[Tensor] = []
        for level, side in zip(levels[:0:-1], list(self.sides)[::-1], strict=True):
            here = side(level)
            if found:
                here = here + functional.interpolate(found[-1], size=here.shape[2:])
            found.append(here)
        return [self.smooth(found[-1]), *found[-2::-1]]

    def raw(self, maps: Sequence[Tensor]) -> Raw:
        """Return logits of classes [B, classes, H, W], and logarithms of distances to edges [B, 4, H, W]."""
        return {"classes": self.classes(maps[0]), "edges": self.edges(maps[0])}

    def candidates(self, raw: Raw, maps: Sequence[Tensor], size: Size) -> tuple[Tensor, Tensor]:
        """Return a candidate for each position."""
        boxes = boxes_at(raw, grid(maps[0], size))
        return boxes, shares_of_scores(raw["classes"].float().sigmoid().flatten(2))


class SmallFCOS(FCOSNetwork, Detector):
    """The network with its losses."""

    def losses(self, raw: Raw, maps: Sequence[Tensor], targets: Raw, size: Size) -> Tensor:
        """Return focal loss and generalized IoU loss, each by the number of positions that find an object."""
        places = grid(maps[0], size)
        logits = raw["classes"].float().flatten(2)
        found, ignored = _assigned(places, targets)
        positive = found >= 0
        count = positive.sum(dim=1).clamp_min(1)
        classes = (
            targets["classes"].gather(1, found.clamp_min(0)) if found.numel() and _some(targets) else found
        )
        wanted = functional.one_hot(classes.clamp_min(0), logits.shape[1]).to(logits) * positive.unsqueeze(2)
        focal = sigmoid_focal_loss(logits, wanted.transpose(1, 2), alpha=0.25).sum(dim=1)
        losses = (focal * ~(ignored & ~positive)).sum(dim=1) / count
        rows, positions = positive.nonzero(as_tuple=True)
        if len(rows):
            boxes = boxes_at(raw, places)[rows, positions]
            edges = generalized_box_iou_loss(boxes, targets["boxes"][rows, found[rows, positions]])
            losses = losses + torch.zeros_like(losses).index_add(0, rows, edges) / count
        return losses + 0 * raw["edges"].float().sum(dim=(1, 2, 3))


def _some(targets: Raw) -> bool:
    return targets["classes"].shape[1] > 0


def boxes_at(raw: Raw, places: Tensor) -> Tensor:
    """Return the box of each position, [B, N, 4]."""
    distances = raw["edges"].float().flatten(2).transpose(1, 2).clamp(-6, 6).exp() * 2 * STRIDE
    return torch.cat([places - distances[..., :2], places + distances[..., 2:]], dim=2)


def _assigned(places: Tensor, targets: Raw) -> tuple[Tensor, Tensor]:
    """Return which box each position should find [B, N], -1 for none, and which positions lie in crowds."""
    boxes, real = targets["boxes"], targets["classes"] >= 0
    if not _some(targets):
        nothing = torch.full((len(boxes), len(places)), -1, dtype=torch.int64, device=places.device)
        return nothing, torch.zeros_like(nothing, dtype=torch.bool)
    points, corners = places.view(1, -1, 1, 2), boxes.unsqueeze(1)
    inside = torch.cat([points - corners[..., :2], corners[..., 2:] - points], dim=3).amin(dim=3) > 0
    far = (points - (corners[..., :2] + corners[..., 2:]) / 2).abs().amax(dim=3)
    valid = ((inside & (far < NEAR * STRIDE)) | (far <= STRIDE / 2)) & real.unsqueeze(1)
    sides = (boxes[..., 2:] - boxes[..., :2]).clamp_min(0)
    area = sides.prod(dim=2).unsqueeze(1).expand_as(valid)
    crowd = targets["crowd"].unsqueeze(1)
    smallest, found = area.masked_fill(~valid | crowd, float("inf")).min(dim=2)
    return found.masked_fill(smallest.isinf(), -1), (inside & real.unsqueeze(1) & crowd).any(dim=2)
