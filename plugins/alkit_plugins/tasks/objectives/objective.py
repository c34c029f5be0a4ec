"""What the tasks with one answer an image share: the width of the head, and what its outputs mean."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor, nn

from alkit import Output, Tap, TaskModel, TaskSpec

PROVIDED = frozenset({"model", "loss", "embedding", "features"})


@dataclass(kw_only=True)
class Objective(TaskModel):
    """Base of what is learned: it knows targets, loss and metrics, whatever network computes the outputs.

    Attributes:
        gives: what its outputs have besides embedding and features, in the words of `Strategy.needs`.
        averages: the loss of an image is the mean over its classes.
        own_names: of the buffers that `own_state` adds.
    """

    gives: ClassVar[frozenset[str]] = frozenset({"probabilities", "targets"})
    averages: ClassVar[bool] = False
    own_names: ClassVar[frozenset[str]] = frozenset()

    _device: torch.device = field(init=False, repr=False, compare=False)

    @abstractmethod
    def set_classes(self, classes: Sequence[str], device: torch.device) -> None:
        """Take the classes, as the first step of `build`."""

    @property
    @abstractmethod
    def width(self) -> int:
        """Number of outputs of the head."""

    @property
    def num_classes(self) -> int:
        """Dimension 1 of the probabilities; the width by default."""
        return self.width

    @abstractmethod
    def output(self, prediction: Tensor, embedding: Tensor, features: tuple[Tensor, ...]) -> Output:
        """Return what the head's outputs [B, width] say."""

    def own_state(self, network: nn.Module) -> None:  # optional
        """Add what it learns besides weights to a new network, as buffers, so that checkpoints hold it."""

    def weights_alone(self) -> dict[str, Tensor]:
        """Return the weights of the network without what `own_state` added."""
        weights = self.network.state_dict()
        return {name: tensor for name, tensor in weights.items() if name not in self.own_names}

    def scale(self) -> tuple[Tensor, Tensor] | None:
        """Return mean and deviation that outputs mean numbers by, [K] each; None if they are logits."""
        return None

    def given(self) -> frozenset[str]:
        """Return what its outputs have with these options; `gives` by default."""
        return self.gives

    def spec_for(
        self, image_shape: tuple[int, int, int], taps: tuple[Tap, ...], dim: int, pretrained: bool
    ) -> TaskSpec:
        """Return the spec of a network with such taps and an embedding of `dim` numbers."""
        return TaskSpec(
            self.name,
            image_shape,
            self.width,
            PROVIDED | self.given(),
            taps,
            dim,
            pretrained,
            num_classes=self.num_classes,
            averages=self.averages,
        )
