"""Loss prediction from mid-level features: the module, and the losses over pairs that train it.

Yoo and Kweon, Learning Loss for Active Learning, CVPR 2019 (margin); Kim et al., Task-Aware Variational
Adversarial Active Learning, CVPR 2021 (ranking); Lyu and Beksi, Semi-Supervised Variational Adversarial
Active Learning, ICPR 2024 (spearman). Only the order of the losses is learned, since their scale shrinks
during training.
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
OrderLoss = Literal["margin", "ranking", "spearman"]


def margin_pair_loss(predicted: Tensor, losses: Tensor, margin: float = 1.0) -> Tensor:
    """Return the mean margin ranking loss over pairs: max(0, margin - s * difference).

    Element i of the batch forms a pair with element B - 1 - i; the middle element of an odd batch is left
    out. A batch of one gives 0. Equal losses count as "the first is smaller", as in the published code.

    Args:
        predicted: [B].
        losses: [B], the true losses; no gradient flows into them.
        margin: distance that predictions should have.
    """
    difference, larger = _pairs(predicted, losses)
    if len(difference) == 0:
        return 0.0 * predicted.sum()
    # relu, since the gradient of clamp at its bound depends on the version of torch
    return F.relu(margin - (2.0 * larger - 1.0) * difference).mean()


def ranking_pair_loss(predicted: Tensor, losses: Tensor) -> Tensor:
    """Return the mean binary cross-entropy, from logits, of "the first of a pair has the larger loss".

    Pairs and arguments are the same as in `margin_pair_loss`. The published code applies a sigmoid before the
    cross-entropy, which in float32 loses its gradient for differences above about 17; logits do not.
    """
    difference, larger = _pairs(predicted, losses)
    if len(difference) == 0:
        return 0.0 * predicted.sum()
    return F.binary_cross_entropy_with_logits(difference, larger)


def spearman_loss(predicted: Tensor, losses: Tensor) -> Tensor:
    """Return the mean squared difference of the ranks of predictions and losses, both from 0 to 1.

    A prediction's rank is the sum of the sigmoids of its differences to the others, which has a gradient.
    Equal losses share their mean rank. A batch of one gives 0.

    Args:
        predicted: [B].
        losses: [B], the true losses; no gradient flows into them.
    """
    if len(predicted) < 2:
        return 0.0 * predicted.sum()
    return (soft_ranks(predicted) - true_ranks(losses.detach())).square().mean()


def soft_ranks(values: Tensor) -> Tensor:
    """Return how many of the others each value [B] exceeds, as a share; smooth."""
    above = torch.sigmoid(values.unsqueeze(1) - values).sum(dim=1) - 0.5  # not above itself
    return above / (len(values) - 1)


def true_ranks(values: Tensor) -> Tensor:
    """Return how many of the others each value [B] exceeds, as a share; equal ones count half."""
    above = (values.unsqueeze(1) - values).sign().add(1.0).div(2.0).sum(dim=1) - 0.5
    return above / (len(values) - 1)


def order_loss(loss: OrderLoss, predicted: Tensor, losses: Tensor, margin: float = 1.0) -> Tensor:
    """Return one of the losses of a batch."""
    if loss == "margin":
        return margin_pair_loss(predicted, losses, margin)
    return ranking_pair_loss(predicted, losses) if loss == "ranking" else spearman_loss(predicted, losses)


def _pairs(predicted: Tensor, losses: Tensor) -> tuple[Tensor, Tensor]:
    """Return differences of predictions [B // 2], and 1 where the first true loss is strictly larger."""
    half = len(predicted) // 2
    losses = losses.detach()
    larger = losses[:half] > losses.flip(0)[:half]
    return predicted[:half] - predicted.flip(0)[:half], larger.to(predicted.dtype)


class LossPredictor(nn.Module):
    """Predicts each image's loss from the taps of a task model; it is trained together with the task model.

    Each feature map is averaged over its pixels and passes through a linear layer and ReLU; a last linear
    layer turns their concatenation into one number.

    Args:
        channels: channels of each tap.
        hidden: width of each tap's linear layer.
        loss: the loss over pairs, or over the ranks of a batch.
        margin: margin of the margin loss.
        weight: weight of the pair loss, relative to the task's loss.
        detach_after: share of the epochs after which no gradient flows into the task model.
    """

    def __init__(
        self,
        channels: Sequence[int],
        hidden: int = 128,
        *,
        loss: OrderLoss = "margin",
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
        loss: OrderLoss = "margin",
        margin: float = 1.0,
        weight: float = 1.0,
        detach_after: float = 0.6,
    ) -> LossPredictor:
        """Make a loss predictor for the taps of a task."""
        channels = [tap.channels for tap in spec.taps]
        return cls(channels, hidden, loss=loss, margin=margin, weight=weight, detach_after=detach_after)

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Predict losses [B] from one [B, channels, H, W] or [B, channels] per tap."""
        pooled = [tap.flatten(2).mean(2) if tap.dim() > 2 else tap for tap in features]
        hidden = [F.relu(linear(tap)) for linear, tap in zip(self.taps, pooled, strict=True)]
        return self.last(torch.cat(hidden, dim=1)).squeeze(1)

    def predicted_loss(self, output: Output) -> Tensor:
        """Predict losses [B] from a task model's output, for benchmarks to compare with the true losses."""
        predicted: Tensor = self(output.features)
        return predicted

    def extra_loss(self, step: Step, /) -> Tensor:
        """Return the weighted pair loss of a batch."""
        features = step.output.features
        if step.epoch >= self.detach_after * step.epochs:
            features = tuple(tap.detach() for tap in features)
        predicted = self(features).float()
        return self.weight * order_loss(self.loss, predicted, step.losses, self.margin)
