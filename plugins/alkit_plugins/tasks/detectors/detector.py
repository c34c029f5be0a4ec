"""The interface of networks that find objects, and how their many candidates become a few objects."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.ops import batched_nms, roi_align

from alkit.training import Objects

Raw = Mapping[str, Tensor]
Size = tuple[int, int]

MOST_OBJECTS = 100
"""Objects of an image, as in COCO's evaluation."""
CONSIDERED = 400
"""Candidates of an image from which objects are chosen."""
SAME = 0.6
"""Intersection over union from which two candidates of one class are one object."""
COUNTS_FROM = 0.05
"""Score from which an object counts for strategies; the best one of an image always does."""
WITHOUT_OBJECTS = 0.05
"""Weight of the whole image in its embedding, beside the scores of its objects."""


class Detector(nn.Module):
    """Base of networks that find objects; `num_classes` does not count the background.

    Sizes are (height, width) of the images, boxes are [.., 4] as x1, y1, x2, y2 in their pixels.
    """

    @abstractmethod
    def maps(self, images: Tensor) -> Sequence[Tensor]:
        """Return the feature pyramid, finest first: one [B, channels, H, W] per level."""

    @abstractmethod
    def raw(self, maps: Sequence[Tensor]) -> Raw:
        """Return what the network predicts from its pyramid, whatever that is: tensors [B, ...]."""

    @abstractmethod
    def losses(self, raw: Raw, maps: Sequence[Tensor], targets: Raw, size: Size) -> Tensor:
        """Return the loss of each image, [B]; see `BoxTargets` for the targets."""

    @abstractmethod
    def candidates(self, raw: Raw, maps: Sequence[Tensor], size: Size) -> tuple[Tensor, Tensor]:
        """Return boxes [B, N, 4] and probabilities [B, classes + 1, N], the background last."""

    def objects(self, raw: Raw, maps: Sequence[Tensor], size: Size) -> tuple[Objects, Tensor]:
        """Return the objects, and their probabilities [B, classes + 1, M]."""
        boxes, shares = self.candidates(raw, maps, size)
        height, width = size
        limits = boxes.new_tensor([width, height, width, height])
        boxes = boxes.float().clamp(min=0).minimum(limits)
        scores, classes = shares[:, :-1].float().max(dim=1)
        kept = [_distinct(*each) for each in zip(boxes, scores, classes, strict=True)]
        rows = torch.stack([_padded(found, MOST_OBJECTS) for found in kept])
        there = (rows >= 0).float()
        rows = rows.clamp_min(0)
        boxes = boxes.gather(1, rows.unsqueeze(2).expand(-1, -1, 4)) * there.unsqueeze(2)
        scores = scores.gather(1, rows) * there
        counted = (scores >= COUNTS_FROM).float()
        counted[:, 0] = there[:, 0]
        shares = shares.float().gather(2, rows.unsqueeze(1).expand(-1, shares.shape[1], -1))
        found = Objects(
            boxes=boxes,
            scores=scores,
            classes=classes.gather(1, rows),
            weights=counted,
            features=_features(maps[0].float(), boxes, size),
        )
        return found, shares


def shares_of_scores(scores: Tensor) -> Tensor:
    """Return probabilities that sum to one, the background last, from independent scores [B, classes, N]."""
    total = scores.sum(dim=1, keepdim=True)
    objects = scores / total.clamp_min(1)
    return torch.cat([objects, (1 - total).clamp_min(0)], dim=1)


def embedding_of(maps: Sequence[Tensor], objects: Objects | None) -> Tensor:
    """Return the features of an image [B, D]: the mean over its objects, weighted by their scores."""
    whole = maps[0].float().mean(dim=(2, 3))
    if objects is None:
        return whole
    weights = (objects.scores * objects.weights).unsqueeze(2)
    total = (objects.features * weights).sum(dim=1) + WITHOUT_OBJECTS * whole
    return total / (weights.sum(dim=1) + WITHOUT_OBJECTS)


def _features(finest: Tensor, boxes: Tensor, size: Size) -> Tensor:
    """Return the mean of the finest map in each box, [B, M, D]."""
    scale = finest.shape[3] / size[1]
    pooled = roi_align(
        finest, list(boxes), output_size=1, spatial_scale=scale, sampling_ratio=2, aligned=True
    )
    return pooled.flatten(1).view(*boxes.shape[:2], -1)


def _distinct(boxes: Tensor, scores: Tensor, classes: Tensor) -> Tensor:
    """Return the rows of candidates that are distinct objects, the most certain first."""
    best = scores.topk(min(CONSIDERED, len(scores))).indices
    return best[batched_nms(boxes[best], scores[best], classes[best], SAME)][:MOST_OBJECTS]


def _padded(rows: Tensor, count: int) -> Tensor:
    return nn.functional.pad(rows, (0, count - len(rows)), value=-1)


def grid(maps: Tensor, size: Size) -> Tensor:
    """Return the centers of a map's positions in the image, [H * W, 2] as x, y."""
    height, width = maps.shape[2:]
    rows = (torch.arange(height, device=maps.device) + 0.5) * (size[0] / height)
    columns = (torch.arange(width, device=maps.device) + 0.5) * (size[1] / width)
    return torch.cartesian_prod(rows, columns).flip(1)


def real_boxes(targets: Any, row: int) -> dict[str, Tensor]:
    """Return the boxes and classes of one image as torchvision takes them; crowds are left out."""
    real = (targets["classes"][row] >= 0) & ~targets["crowd"][row]
    return {"boxes": targets["boxes"][row][real], "labels": targets["classes"][row][real]}
