"""Multi-label classification: any number of classes per image, with any network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import alkit
from alkit import TaskModel

from .image_network import ImageNetwork
from .objectives.set_labels import SetLabels


@dataclass(kw_only=True)
class MultiLabel(ImageNetwork, SetLabels):
    """Any number of classes per image, each with its own logistic output."""

    name: ClassVar[str] = "multi-label"


@alkit.hookimpl
def alkit_tasks() -> list[type[TaskModel]]:
    """Offer multi-label classification."""
    return [MultiLabel]
