"""Image classification with any network: built-in, from torchvision, or the user's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import alkit
from alkit import TaskModel

from .image_network import ImageNetwork
from .objectives.class_labels import ClassLabels


@dataclass(kw_only=True)
class Classification(ImageNetwork, ClassLabels):
    """One label per image, trained with cross-entropy."""

    name: ClassVar[str] = "classification"


@alkit.hookimpl
def alkit_tasks() -> list[type[TaskModel]]:
    """Offer classification."""
    return [Classification]
