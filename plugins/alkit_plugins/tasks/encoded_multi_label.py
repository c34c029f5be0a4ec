"""Multi-label classification on the features of a frozen encoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

import alkit
from alkit import TaskModel

from .linear_head import minimize
from .objectives.set_labels import SetLabels
from .on_encoder import OnEncoder


@dataclass(kw_only=True)
class EncodedMultiLabel(OnEncoder, SetLabels):
    """Any number of classes per image, from the features of a pretrained network that never changes.

    The linear head is one logistic regression for each class.
    """

    name: ClassVar[str] = "encoded-multi-label"

    def solve(self, linear: nn.Linear, features: Tensor, targets: Tensor) -> float:
        """Solve the logistic regressions, which share nothing."""
        known = (targets >= 0).sum(dim=1)

        def loss(outputs: Tensor, reduction: str) -> Tensor:
            each = self.losses(outputs, targets)
            return (each * known).sum() if reduction == "sum" else each.mean()

        return minimize(linear, features, loss, strength=self.strength)


@alkit.hookimpl
def alkit_tasks() -> list[type[TaskModel]]:
    """Offer multi-label classification on the features of an encoder."""
    return [EncodedMultiLabel]
