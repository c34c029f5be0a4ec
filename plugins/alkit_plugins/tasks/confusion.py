"""Metrics of segmentation, all from one confusion matrix over pixels."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .mask_targets import VOID


class Confusion:
    """How many pixels of each class were predicted as each class.

    Args:
        classes: how many there are.
        device: where it counts.
    """

    def __init__(self, classes: int, device: torch.device) -> None:
        self._classes = classes
        self.counts = torch.zeros(classes * classes, dtype=torch.int64, device=device)

    def add(self, predicted: Tensor, targets: Tensor) -> None:
        """Count the pixels of a batch, [B, H, W] each; void does not count."""
        valid = targets != VOID
        pairs = targets[valid].long() * self._classes + predicted[valid]
        self.counts += torch.bincount(pairs, minlength=len(self.counts))

    def metrics(self, names: Sequence[str]) -> dict[str, float]:
        """Return mean IoU, pixel accuracy, and the IoU of each class that is in masks or predictions.

        The mean is over the classes that occur in the masks or in the predictions.
        """
        table = self.counts.view(self._classes, self._classes).double()
        hit = table.diagonal()
        union = table.sum(dim=0) + table.sum(dim=1) - hit
        there = union > 0
        if not bool(there.any()):
            return {}
        shares = hit / union.clamp_min(1)
        found = {
            "mean_iou": float(shares[there].mean()),
            "pixel_accuracy": float(hit.sum() / table.sum().clamp_min(1)),
        }
        each = {
            f"iou_{name}": float(shares[number]) for number, name in enumerate(names) if bool(there[number])
        }
        return found | each
