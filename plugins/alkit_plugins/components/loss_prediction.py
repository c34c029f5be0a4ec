"""Predicting an image's loss from mid-level features: the module, and the losses over pairs that train it.

Yoo and Kweon, Learning Loss for Active Learning, CVPR 2019 (margin); Kim et al., Task-Aware Variational
Adversarial Active Learning, CVPR 2021 (ranking). Only the order of the losses is learned, since their scale
falls during training.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import torch
import torch.nn.functional as F
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor

    from alkit import Output, Step, TaskSpec


PairLoss = Literal["margin", "ranking"]


def margin_pair_loss(predicted: Tensor, losses: Tensor, margin: float = 1.0) -> Tensor:
    """Return the margin ranking loss over pairs: max(0, margin - s * difference), averaged.

    Element i of the batch meets element B - 1 - i; the middle one of an odd batch meets nobody. A batch of
    one gives 0. Equal losses count as "the first is smaller", as in the published code.

    Args:
        predicted: [B].
        losses: [B], the true losses; no gradient flows into them.
        margin: how far apart predictions should be.
    """
    difference, larger = _pairs(predicted, losses)
    if len(difference) == 0:
        return 0.0 * predicted.sum()
    # relu, since the gradient of clamp at its bound depends on the version of torch
    return F.relu(margin - (2.0 * larger - 1.0) * difference).mean()


def ranking_pair_loss(predicted: Tensor, losses: Tensor) -> Tensor:
    """Return the binary cross-entropy, with logits, of "the first of a pair has the larger loss", averaged.

    Pairs and arguments are those of `margin_pair_loss`. The published code puts a sigmoid before the
    cross-entropy, which in float32 loses its gradient beyond differences of about 17; logits do not.
    """
    difference, larger = _pairs(predicted, losses)
    if len(difference) == 0:
        return 0.0 * predicted.sum()
    return F.binary_cross_entropy_with_logits(difference, larger)


def _pairs(predicted: Tensor, losses: Tensor) -> tuple[Tensor, Tensor]:
    """Differences of predictions [B // 2], and 1 where the first true loss is strictly larger."""
    half = len(predicted) // 2
    losses = losses.detach()
    larger = losses[:half] > losses.flip(0)[:half]
    return predicted[:half] - predicted.flip(0)[:half], larger.to(predicted.dtype)


class LossPredictor(nn.Module):
    """Predicts each image's loss from the taps of a task model, and is trained along with it.

    Each feature map is averaged over its pixels and goes through a linear layer and ReLU; a last linear layer
    turns their concatenation into one number.

    Args:
        channels: of each tap.
        hidden: width of each tap's linear layer.
        loss: which loss over pairs.
        margin: of the margin loss.
        weight: of the pair loss beside the task's loss.
        detach_after: share of the epochs after which no gradient flows into the task model any more.
    """

    def __init__(
        self,
        channels: Sequence[int],
        hidden: int = 128,
        *,
        loss: PairLoss = "margin",
        margin: float = 1.0,
        weight: float = 1.0,
        detach_after: float = 0.6,
    ) -> None:
        super().__init__()
        self.taps = nn.ModuleList(nn.Linear(count, hidden) for count in channels)
        self.last = nn.Linear(hidden * len(self.taps), 1)
        self.loss, self.margin, self.weight, self.detach_after = loss, margin, weight, detach_after

    @classmethod
    def for_task(
        cls,
        spec: TaskSpec,
        hidden: int = 128,
        *,
        loss: PairLoss = "margin",
        margin: float = 1.0,
        weight: float = 1.0,
        detach_after: float = 0.6,
    ) -> LossPredictor:
        """Make one for the taps of a task."""
        channels = [tap.channels for tap in spec.taps]
        return cls(channels, hidden, loss=loss, margin=margin, weight=weight, detach_after=detach_after)

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Predict losses [B] from one [B, channels, H, W] or [B, channels] a tap."""
        pooled = [tap.flatten(2).mean(2) if tap.dim() > 2 else tap for tap in features]
        hidden = [F.relu(linear(tap)) for linear, tap in zip(self.taps, pooled, strict=True)]
        return self.last(torch.cat(hidden, dim=1)).squeeze(1)

    def predicted_loss(self, output: Output) -> Tensor:
        """Predict losses [B] from a task model's output; a benchmark compares them with the true ones."""
        predicted: Tensor = self(output.features)
        return predicted

    def extra_loss(self, step: Step, /) -> Tensor:
        """Return the weighted pair loss of a batch."""
        features = step.output.features
        if step.epoch >= self.detach_after * step.epochs:
            features = tuple(tap.detach() for tap in features)
        predicted = self(features).float()
        if self.loss == "margin":
            return self.weight * margin_pair_loss(predicted, step.losses, self.margin)
        return self.weight * ranking_pair_loss(predicted, step.losses)
