"""The interface of task models: a network, the meaning of its outputs, its training and its evaluation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from alkit.errors import UnsupportedTask
from alkit.options import option
from alkit.training.recipe import Recipe

from .labels import PLAIN_KINDS, ClassLabel, Labels

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from alkit._typing import Indices
    from alkit.data.loader import Batch
    from alkit.data.targets import Targets
    from alkit.distances import RowView
    from alkit.plugin.encoders import NamedEncoder
    from alkit.training.pool_images import PoolImages
    from alkit.training.recipe import TrainingRun
    from alkit.training.types import Companion, Metric, Output, PortableNetwork, TaskSpec


@dataclass(kw_only=True)
class TaskModel(ABC):
    """Base of all task models; the dataclass fields of a subclass are its options.

    `build` is called first, with the pool's image shape and the classes; it sets `spec` and `network`.
    `reset` draws new weights.

    Attributes:
        name: what the user types, the same as the entry point.
        labels: the kind of labels that it learns from; one class per image by default.
        keeps_aspect: images keep their proportions where nobody names a size.
        metrics: what `evaluate` returns, the main metric first; for others, higher is better.
        spec: what the task provides; set by `build`.
        network: the network; set by `build`.
        warm_start: an option of every task: training continues from the weights of the training before.
        uses_unlabeled: `fit` looks at images of the pool that have no label, in `run.unlabeled`.
        known_labels: the campaign's labels, set before `build`, for tasks whose values are files.
        cache_dir: folder where the model may keep what is expensive to compute, set before `build`; or None.
    """

    name: ClassVar[str]
    labels: ClassVar[type[Labels]] = ClassLabel
    keeps_aspect: ClassVar[bool] = False
    metrics: ClassVar[tuple[Metric, ...]] = ()
    uses_unlabeled: ClassVar[bool] = False

    spec: TaskSpec = field(init=False, repr=False, compare=False)
    network: nn.Module = field(init=False, repr=False, compare=False)
    known_labels: Labels | None = field(init=False, default=None, repr=False, compare=False)
    cache_dir: Path | None = field(init=False, default=None, repr=False, compare=False)
    warm_start: bool = option(False, "start from the last cycle's weights instead of new ones")

    @abstractmethod
    def build(self, image_shape: tuple[int, int, int], classes: Sequence[str], device: torch.device) -> None:
        """Make the network for images of (C, H, W) on a device, and set `spec` to what it provides."""

    @abstractmethod
    def reset(self, seed: int) -> None:
        """Draw new starting weights from a seed."""

    def starting_weights(self) -> dict[str, Any]:
        """Return all weights that training starts from; override if some are outside `network`."""
        return self.network.state_dict()

    @abstractmethod
    def forward(self, images: Tensor) -> Output:
        """Run the network on normalized images [B, C, H, W]."""

    def forward_batch(self, batch: Batch) -> Output:
        """Run the network on a batch; override to use values cached by index."""
        return self.forward(batch.images)

    @abstractmethod
    def encode(self, values: Sequence[Any]) -> Tensor | Targets:
        """Turn accepted answers into targets, one row per answer; `Targets` are made when they are needed.

        Raises:
            InvalidAnswers: a value does not fit the task.
        """

    @property
    def predicts_class(self) -> bool:
        """Whether it predicts one class an image, which an answer then confirms or not."""
        return self.labels.kind == "class" and "probabilities" in self.spec.provides

    def make_labels(
        self, classes: Sequence[str], *, slots: Sequence[str | None] = (), folder: Path | None = None
    ) -> Labels:
        """Return what reads and writes labels; override it where options of the task matter.

        Args:
            classes: names in the order of their numbers.
            slots: see `Labels`.
            folder: the campaign's directory.
        """
        return self.labels(classes=classes, slots=slots, folder=folder)

    @classmethod
    def has_plain_labels(cls) -> bool:
        """Say whether its labels are alkit's own of their kind, whatever the options of the task are."""
        plain = cls.make_labels is TaskModel.make_labels
        return plain and PLAIN_KINDS.get(cls.labels.kind) is cls.labels

    def augment_batch(self, images: Tensor, targets: Any, generator: torch.Generator) -> tuple[Tensor, Any]:
        """Change images for training, and targets with them where they have positions.

        By default half of the images are flipped and all are moved a little; targets stay as they are. A
        task whose targets have positions overrides it, for example with `alkit.data.random_moves`.

        Args:
            images: [B, C, H, W] uint8.
            targets: of these images, as `encode` makes them, or None if unknown.
            generator: on the CPU; the only source of randomness.
        """
        from alkit.data.loader import augment  # noqa: PLC0415  # torch takes seconds to import

        return augment(images, generator), targets

    def scoring_batch(self) -> int:
        """Return how many images to run through the network at once when nothing is trained."""
        return 256

    @abstractmethod
    def loss(self, output: Output, targets: Any) -> Tensor:
        """Return the loss per image, [B]."""

    def targets_of(self, output: Output, generator: torch.Generator | None = None) -> Any:
        """Return the targets that an output stands for, one row per image, as if they were answers.

        Strategies and companions ask for them where they need the loss or gradient of labels that nobody has
        given. By default they are the classes, sets of classes or masks of the probabilities. A task that
        provides `targets` and encodes other labels, or encodes them otherwise, overrides it.

        Args:
            output: of a batch; its probabilities may have been replaced.
            generator: on the CPU; draws labels as the output says they are distributed. None takes the most
                probable ones.

        Raises:
            UnsupportedTask: the output does not say what labels there may be.
        """
        from alkit.training.possible_labels import class_targets  # noqa: PLC0415  # torch takes seconds to import

        return class_targets(output, self.labels.kind, generator)

    @abstractmethod
    def evaluate(self, batches: Iterable[Batch]) -> dict[str, float]:
        """Evaluate the model on labeled batches: a number per metric, in the order of `metrics`."""

    def stored_embeddings(self, indices: Indices) -> RowView | None:
        """Return embeddings [n, D] that lie in a file and need no network; None if there are none.

        Args:
            indices: positions in the pool, ascending.
        """
        return None

    def named_encoder(self) -> NamedEncoder | None:
        """Return the encoder whose features of the originals `Batch.features` should give, if any."""
        return None

    def recipe(self, labeled: int) -> Recipe:
        """Return how to train on this number of labeled images."""
        return Recipe()

    def solver(self) -> str:
        """Say how the model is trained if not by the steps of the recipe, in a word or two; empty if by them.

        A companion is trained by these steps in any case.
        """
        return ""

    def prepare(self, targets: Any) -> None:  # noqa: B027  # optional
        """Look at all training targets before training, for example to weight classes."""

    @property
    def pretrains(self) -> bool:
        """Whether it learns from all images of the pool first, without labels, with `pretrain`."""
        return False

    def pretrain(self, pool: PoolImages, run: TrainingRun) -> Mapping[str, Tensor]:
        """Learn from images without labels, and return the weights that every training starts from.

        It is called once for the same images, options and seed, after `reset`; the weights are kept in
        `cache_dir` for later cycles, other strategies of a benchmark, and predictions.

        Args:
            pool: all images that can be used, labeled or not.
            run: recipe for this number of images, device, progress.
        """
        raise NotImplementedError(f"the task '{self.name}' should override TaskModel.pretrain")

    def start_from(self, weights: Mapping[str, Tensor]) -> None:
        """Put what `pretrain` returned into a network that was just reset; by default by name.

        Raises:
            ValueError: the network has no weights of such a name.
        """
        own = self.network.state_dict()
        if strange := sorted(weights.keys() - own.keys()):
            raise ValueError(f"the network of task '{self.name}' has no weights '{strange[0]}'")
        self.network.load_state_dict({**own, **weights})

    def portable(self) -> PortableNetwork:
        """Return the trained network in a form that works without alkit, for `alkit export-model`.

        Raises:
            UnsupportedTask: the task has no such form.
        """
        raise UnsupportedTask(
            f"the task '{self.name}' does not say how its network works without alkit; its author can "
            "override TaskModel.portable"
        )

    def fit(
        self,
        epoch_batches: Callable[[int], Iterable[Batch]],
        companion: Companion | None,
        run: TrainingRun,
    ) -> None:
        """Train; `epoch_batches(epoch)` returns the batches of an epoch. Override to use another loop.

        Raises:
            TrainingDiverged: the loss is no longer finite.
        """
        from alkit.training.loop import fit  # noqa: PLC0415  # torch takes seconds to import

        fit(self, epoch_batches, companion, run)
