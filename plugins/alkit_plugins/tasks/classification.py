"""Image classification with any network: built-in, from torchvision, or the user's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import alkit
from alkit import TaskModel
from alkit.training import PortableNetwork

from .image_network import ImageNetwork
from .objectives.class_labels import ClassLabels
from .portable import NetworkRecipe, joined, portable


@dataclass(kw_only=True)
class Classification(ImageNetwork, ClassLabels):
    """One label per image, trained with cross-entropy."""

    name: ClassVar[str] = "classification"

    def portable(self) -> PortableNetwork:
        """Return the whole network as plain modules, with the backbone if that is frozen."""
        assert self._wiring is not None
        weights = self.network.state_dict()
        if self._frozen is not None:
            weights = joined(backbone=self._frozen.backbone.state_dict(), head=weights)
        recipe = NetworkRecipe(
            name=self.model,
            in_channels=self._image_shape[0],
            num_classes=self.spec.num_outputs,
            side=max(self._image_shape[1:]),
            grey=self._repeat,
            frozen=self._wiring if self._frozen is not None else None,
        )
        return portable(recipe, weights)


@alkit.hookimpl
def alkit_tasks() -> list[type[TaskModel]]:
    """Offer classification."""
    return [Classification]
