"""Regression on the features of a frozen encoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

import alkit
from alkit import TaskModel

from .linear_head import minimize
from .objectives.number_labels import NumberLabels
from .on_encoder import OnEncoder


@dataclass(kw_only=True)
class EncodedRegression(OnEncoder, NumberLabels):
    """One or several numbers per image, from the features of a pretrained network that never changes.

    The linear head is a ridge regression.
    """

    name: ClassVar[str] = "encoded-regression"

    def solve(self, linear: nn.Linear, features: Tensor, targets: Tensor) -> float:
        """Solve the ridge regression."""

        def loss(outputs: Tensor, reduction: str) -> Tensor:
            each = self.losses(outputs, targets)
            return (each * self.numbers).sum() if reduction == "sum" else each.mean()

        return minimize(linear, features, loss, strength=self.strength)


@alkit.hookimpl
def alkit_tasks() -> list[type[TaskModel]]:
    """Offer regression on the features of an encoder."""
    return [EncodedRegression]
