"""Regression: one or several numbers per image, with any network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import alkit
from alkit import TaskModel

from .image_network import ImageNetwork
from .objectives.number_labels import NumberLabels


@dataclass(kw_only=True)
class Regression(ImageNetwork, NumberLabels):
    """One or several numbers per image, trained with the squared error."""

    name: ClassVar[str] = "regression"


@alkit.hookimpl
def alkit_tasks() -> list[type[TaskModel]]:
    """Offer regression."""
    return [Regression]
