"""What a task model is: a network, what its outputs mean, and how it is trained and judged."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

from .options import option
from .recipe import Recipe

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from .batches import Batch
    from .recipe import Session


@dataclass(frozen=True, slots=True)
class Tap:
    """A mid-level feature map: the module it leaves, its channels, its size in pixels (1 x 1: a vector)."""

    name: str
    channels: int
    size: tuple[int, int]


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """What is known of a task model before it is trained.

    Attributes:
        task: the task's name.
        image_shape: (C, H, W).
        num_outputs: classes, or values regressed.
        provides: out of `model`, `loss`, `probabilities`, `embedding`, `features`.
        taps: the feature maps, in the order of `Output.features`.
        embedding_dim: width of the embedding, or None.
        pretrained: the embedding can be used while nothing is labeled: its weights were trained before, or
            labels never change it.
    """

    task: str
    image_shape: tuple[int, int, int]
    num_outputs: int
    provides: frozenset[str]
    taps: tuple[Tap, ...] = ()
    embedding_dim: int | None = None
    pretrained: bool = False


@dataclass(frozen=True, slots=True)
class Output:
    """What a task model says of a batch of B images.

    Attributes:
        prediction: [B, ...], raw (logits for a classifier).
        probabilities: [B, classes, positions...] summing to one over dimension 1, or None.
        embedding: [B, D], or None.
        features: one [B, channels, H, W] a tap ([B, channels] for a vector).
    """

    prediction: Tensor
    probabilities: Tensor | None = None
    embedding: Tensor | None = None
    features: tuple[Tensor, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One training step, as a companion sees it.

    Attributes:
        epoch: from 0.
        epochs: how many in all.
        images: [B, C, H, W], normalized and augmented.
        targets: what the task model trains on.
        output: the task model's output, with its graph.
        losses: [B], the task's loss per image, with its graph.
    """

    epoch: int
    epochs: int
    images: Tensor
    targets: Tensor
    output: Output
    losses: Tensor


@runtime_checkable
class Companion(Protocol):
    """A `torch.nn.Module` that is trained together with the task model; its parameters join the optimizer."""

    def extra_loss(self, step: Step, /) -> Tensor:
        """Return a scalar that is added to the mean of the task's losses."""
        ...

    def parameters(self) -> Any:
        """Return the parameters, as `torch.nn.Module` does."""
        ...

    def train(self, mode: bool = ...) -> Any:
        """Switch between training and evaluation, as `torch.nn.Module` does."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Return the weights, as `torch.nn.Module` does."""
        ...

    def load_state_dict(self, state: dict[str, Any], /) -> Any:
        """Take weights back, as `torch.nn.Module` does."""
        ...

    def to(self, device: Any, /) -> Any:
        """Move to a device, as `torch.nn.Module` does."""
        ...


@dataclass(kw_only=True)
class TaskModel(ABC):
    """Base of all task models; the dataclass fields of a subclass are its options.

    `build` is called with the pool's image shape and the classes before anything else; afterwards `spec` and
    `network` exist. `reset` draws new weights.

    Attributes:
        name: what the user types, the same as the entry point.
        uses_classes: labels are names out of a list that the campaign keeps.
        spec: what the task provides, once built.
        network: the network, once built.
        warm_start: an option of every task: a training goes on from the weights of the one before.
        cache_dir: where the model may keep what is costly to compute, set before `build`, or None.
    """

    name: ClassVar[str]
    uses_classes: ClassVar[bool] = True

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
        """Judge the model on labeled batches: a number per metric, the main one first.

        A metric with the word `loss`, `error`, `mae`, `mse`, `rmse`, `nll`, `brier` or `ece` in its name is
        better low, any other is better high.
        """

    def recipe(self, labeled: int) -> Recipe:
        """Return how to train on so many labeled images."""
        return Recipe()

    def prepare(self, targets: Tensor) -> None:  # noqa: B027  # optional
        """Look at all training targets before training, for class weights and the like."""

    def fit(
        self,
        epoch_batches: Callable[[int], Iterable[Batch]],
        companion: Companion | None,
        session: Session,
    ) -> None:
        """Train; `epoch_batches(epoch)` gives that epoch's batches. Override to bring another loop.

        Raises:
            TrainingDiverged: the loss is not finite any more.
        """
        from .training import fit

        fit(self, epoch_batches, companion, session)
