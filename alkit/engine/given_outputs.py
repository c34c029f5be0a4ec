"""The outputs of a model that somebody trained elsewhere, in the place of a task model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from alkit.data.store import ImageStore
from alkit.distances.row_view import RowView
from alkit.errors import UnsupportedTask
from alkit.interfaces.task import TaskModel
from alkit.training.recipe import Recipe
from alkit.training.types import Output, TaskSpec
from alkit.utils.mapped_files import let_go

if TYPE_CHECKING:
    import numpy.typing as npt

    from alkit._typing import Indices
    from alkit.data.loader import Batch
    from alkit.data.targets import Targets

PROVIDED = frozenset({"probabilities", "embedding"})
"""What files can provide of all that a strategy may need."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputRows:
    """The outputs of one kind.

    Attributes:
        values: [N, ...], one row per image that has some; it may be mapped from a file.
        row: [images of the pool] int64, the row of each image; -1 without one.
        refuse: raises an error that names images without a row, by their positions.
    """

    values: npt.NDArray[Any]
    row: Indices
    refuse: Callable[[Indices], None]

    def check(self, indices: Indices) -> None:
        """Refuse images without a row."""
        if (missing := self.row[indices] < 0).any():
            self.refuse(indices[missing])

    def take(self, indices: Indices, device: torch.device) -> Tensor:
        """Return the rows of images, [B, ...] float32."""
        self.check(indices)
        rows = self.row[indices]
        taken = np.asarray(self.values[rows], dtype=np.float32)
        let_go(self.values)
        return torch.from_numpy(taken).to(device)


class NoNetwork(nn.Module):
    """Stands where a network would be."""

    def forward(self, *_: Any) -> Tensor:
        """Refuse to run.

        Raises:
            UnsupportedTask: always.
        """
        raise UnsupportedTask(
            "this strategy runs a network, and a query from files has none; its needs should list 'model'"
        )


@dataclass(kw_only=True)
class GivenOutputs(TaskModel):
    """Returns outputs that were computed elsewhere; it has no network and is never trained.

    Attributes:
        task: what the labels mean.
        probabilities: [N, classes, positions...], or None.
        embeddings: [N, D], or None.
        device: where tensors live.
        names_classes: the outputs are probabilities of the task's classes, in their order.
    """

    name = "given"

    task: TaskModel = field(repr=False)
    probabilities: OutputRows | None = field(default=None, repr=False)
    embeddings: OutputRows | None = field(default=None, repr=False)
    device: torch.device
    names_classes: bool = True

    def __post_init__(self) -> None:
        """Say what the files provide."""
        rows = self.probabilities
        given = (("probabilities", rows), ("embedding", self.embeddings))
        provides = frozenset(word for word, some in given if some is not None)
        self.spec = TaskSpec(
            self.name,
            self.task.spec.image_shape,
            self.task.spec.num_outputs if rows is None else rows.values.shape[1],
            provides,
            embedding_dim=None if self.embeddings is None else self.embeddings.values.shape[1],
            pretrained=True,
        )
        self.network = NoNetwork()

    @property
    def predicts_class(self) -> bool:
        """Whether the files give probabilities of the task's classes, one class an image."""
        given = self.names_classes and self.probabilities is not None
        return given and self.task.labels.kind == "class"

    def build(self, image_shape: tuple[int, int, int], classes: Sequence[str], device: torch.device) -> None:
        """Do nothing: there is no network."""

    def reset(self, seed: int) -> None:
        """Do nothing: there are no weights."""

    def forward(self, images: Tensor) -> Output:
        """Refuse pixels, as the network does."""
        return Output(self.network(images))

    def forward_batch(self, batch: Batch) -> Output:
        """Return what the files say about the images of a batch."""
        device, indices = self.device, batch.indices
        probabilities = None if self.probabilities is None else self.probabilities.take(indices, device)
        embedding = None if self.embeddings is None else self.embeddings.take(indices, device)
        prediction = torch.empty(len(indices), 0, device=device)
        return Output(
            prediction if probabilities is None else probabilities.clamp_min(1e-30).log(),
            probabilities,
            embedding,
        )

    def stored_embeddings(self, indices: Indices) -> RowView | None:
        """Return the embeddings of images as a view of their file, if images are there in order."""
        given = self.embeddings
        if given is None or self.device.type != "cpu" or given.values.dtype not in (np.float16, np.float32):
            return None
        given.check(indices)
        rows = given.row[indices]
        return RowView(given.values, rows) if (rows[1:] > rows[:-1]).all() else None

    def encode(self, values: Sequence[Any]) -> Tensor | Targets:
        """Turn labels into targets, as the task does."""
        return self.task.encode(values)

    def loss(self, output: Output, targets: Any) -> Tensor:
        """Return the loss per image, as the task does."""
        return self.task.loss(output, targets)

    def evaluate(self, batches: Iterable[Batch]) -> dict[str, float]:
        """Return nothing: there is no model to evaluate."""
        return {}

    def recipe(self, labeled: int) -> Recipe:
        """Compute in full precision."""
        return Recipe(precision="float32")


class NoPixels(ImageStore):
    """Images whose pixels cannot be looked at: a query from files is about the numbers in them.

    Args:
        shape: (C, H, W) that the images would have.
        count: how many there are.
    """

    def __init__(self, shape: tuple[int, int, int], count: int) -> None:
        super().__init__(np.broadcast_to(np.zeros((), dtype=np.uint8), (count, *shape)))

    def take(self, indices: Indices) -> Tensor:
        """Refuse.

        Raises:
            UnsupportedTask: always.
        """
        raise UnsupportedTask(
            "this strategy looks at the pixels of images, and a query from files is about the numbers in "
            "them; leave out --embeddings and --predictions, or choose another strategy"
        )

    @property
    def mean(self) -> Tensor:
        """[C] of a half: there is nothing to normalize."""
        return torch.full((self.shape[0],), 0.5)

    @property
    def std(self) -> Tensor:
        """[C] of a half."""
        return torch.full((self.shape[0],), 0.5)
