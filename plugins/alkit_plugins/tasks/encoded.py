"""Classification on the features of a frozen encoder: only a head is trained, which takes about a second."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

import alkit
from alkit import TaskModel

from .linear_head import fit_linear
from .objectives.class_labels import ClassLabels
from .on_encoder import OnEncoder


@dataclass(kw_only=True)
class Encoded(OnEncoder, ClassLabels):
    """One label per image, from the features of a pretrained network that never changes.

    The features of the originals are computed once. The linear head is the minimum of the cross-entropy with
    an L2 penalty, as scikit-learn's logistic regression; so it depends on nothing but the labels.
    """

    name: ClassVar[str] = "encoded"

    def solve(self, linear: nn.Linear, features: Tensor, targets: Tensor) -> float:
        """Solve the logistic regression."""
        return fit_linear(
            linear,
            features,
            targets,
            strength=self.strength,
            class_weight=self._class_weight,
            smoothing=self.label_smoothing,
        )


@alkit.hookimpl
def alkit_tasks() -> list[type[TaskModel]]:
    """Offer classification on the features of an encoder."""
    return [Encoded]
