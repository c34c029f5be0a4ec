"""What a task model is: a network, what its outputs mean, and how it is trained and judged."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from alkit.options import option
from alkit.training.recipe import Recipe

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from alkit.data.loader import Batch
    from alkit.training.recipe import TrainingRun
    from alkit.training.types import Companion, Metric, Output, TaskSpec


@dataclass(kw_only=True)
class TaskModel(ABC):
    """Base of all task models; the dataclass fields of a subclass are its options.

    `build` is called with the pool's image shape and the classes before anything else; afterwards `spec` and
    `network` exist. `reset` draws new weights.

    Attributes:
        name: what the user types, the same as the entry point.
        uses_classes: labels are names out of a list that the campaign keeps.
        metrics: what `evaluate` returns, the main one first; whatever is not declared is better high.
        spec: what the task provides, once built.
        network: the network, once built.
        warm_start: an option of every task: a training goes on from the weights of the one before.
        cache_dir: where the model may keep what is costly to compute, set before `build`, or None.
    """

    name: ClassVar[str]
    uses_classes: ClassVar[bool] = True
    metrics: ClassVar[tuple[Metric, ...]] = ()

    spec: TaskSpec = field(init=False, repr=False, compare=False)
    network: nn.Module = field(init=False, repr=False, compare=False)
    cache_dir: Path | None = field(init=False, default=None, repr=False, compare=False)
    warm_start: bool = option(False, "go on from the last cycle's weights instead of new ones")

    @abstractmethod
    def build(self, image_shape: tuple[int, int, int], classes: Sequence[str], device: torch.device) -> None:
        """Make the network for images of (C, H, W) on a device, and say what it provides in `spec`."""

    @abstractmethod
    def reset(self, seed: int) -> None:
        """Draw new starting weights from a seed."""

    def starting_weights(self) -> dict[str, Any]:
        """Return all that a training starts from; override where weights stand outside `network`."""
        return self.network.state_dict()

    @abstractmethod
    def forward(self, images: Tensor) -> Output:
        """Run the network on normalized images [B, C, H, W]."""

    def forward_batch(self, batch: Batch) -> Output:
        """Run the network on a batch; override where something is cached by index."""
        return self.forward(batch.images)

    @abstractmethod
    def encode(self, values: Sequence[Any]) -> Tensor:
        """Turn accepted answers into targets, one row an answer.

        Raises:
            InvalidAnswers: a value does not fit the task.
        """

    @classmethod
    def parse(cls, text: str) -> Any:
        """Turn the text of a label, as people write it, into the value that is kept (JSON).

        Raises:
            ValueError: it is no label of this task.
        """
        return text

    @abstractmethod
    def loss(self, output: Output, targets: Tensor) -> Tensor:
        """Return the loss per image, [B]."""

    @abstractmethod
    def evaluate(self, batches: Iterable[Batch]) -> dict[str, float]:
        """Judge the model on labeled batches: a number per metric, in the order of `metrics`."""

    def recipe(self, labeled: int) -> Recipe:
        """Return how to train on so many labeled images."""
        return Recipe()

    def prepare(self, targets: Tensor) -> None:  # noqa: B027  # optional
        """Look at all training targets before training, for class weights and the like."""

    def fit(
        self,
        epoch_batches: Callable[[int], Iterable[Batch]],
        companion: Companion | None,
        run: TrainingRun,
    ) -> None:
        """Train; `epoch_batches(epoch)` gives that epoch's batches. Override to bring another loop.

        Raises:
            TrainingDiverged: the loss is not finite any more.
        """
        from alkit.training.loop import fit

        fit(self, epoch_batches, companion, run)
