"""Learning Loss: a module attached to the task model learns to predict each image's loss.

Yoo and Kweon, Learning Loss for Active Learning, CVPR 2019. The module's gradient into the task model stops
after a share of the epochs (in the paper, after epoch 120 of 200). Feature maps of any size are averaged over
their pixels. `loss=ranking` is the second version of the loss, used by the code of TA-VAAL.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import torch

import alkit
from alkit import option
from alkit_plugins.components import candidates
from alkit_plugins.components.loss_prediction import LossPredictor, PairLoss

if TYPE_CHECKING:
    from alkit import Companion, Cycle, Indices, Output, TaskSpec


@dataclass(kw_only=True)
class LearningLoss(alkit.ScoreStrategy):
    """Choose the images with the highest predicted loss."""

    name = "learning-loss"
    kind = "learned loss"
    needs = frozenset({"features", "loss"})
    paper = "Yoo and Kweon, Learning Loss for Active Learning, CVPR 2019"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "published": {"loss": "ranking", "detach_after": 0.605, "subset": 10_000}
    }

    loss: PairLoss = option(
        "margin", "loss over pairs of images: the paper's margin loss, or cross-entropy of their order"
    )
    hidden: int = option(128, "width of each tap's linear layer", minimum=1)
    margin: float = option(1.0, "margin between predictions, with loss=margin", minimum=0.0)
    weight: float = option(1.0, "weight of the pair loss, relative to the task's loss", minimum=0.0)
    dense_weight: float = option(
        0.1,
        "the weight in its place for tasks that predict every pixel, or any number of classes",
        minimum=0.0,
    )
    detach_after: float = option(
        0.6,
        "share of the epochs after which the pair loss no longer trains the task model",
        minimum=0.0,
        maximum=1.0,
    )
    subset: int | None = option(None, candidates.SUBSET_HELP, minimum=1)

    def companion(self, spec: TaskSpec) -> Companion:
        """Return the loss predictor for the task's taps."""
        return LossPredictor.for_task(
            spec,
            self.hidden,
            loss=self.loss,
            margin=self.margin,
            weight=self.dense_weight if spec.averages else self.weight,
            detach_after=self.detach_after,
        )

    def score(self, cycle: Cycle, output: Output) -> torch.Tensor:
        """Return the predicted losses [B]."""
        assert isinstance(cycle.companion, torch.nn.Module)
        return cycle.companion(output.features)

    def select(self, cycle: Cycle, n: int) -> Indices:
        """Take the n images with the highest predicted losses."""
        positions = candidates.draw(cycle, self.subset, n)
        with cycle.measure("score"):
            scores = cycle.collect(cycle.candidates[positions], partial(self.score, cycle))
        return candidates.best(cycle, positions, scores, n)


@alkit.hookimpl
def alkit_strategies() -> list[type[alkit.Strategy]]:
    """Offer the strategy."""
    return [LearningLoss]
