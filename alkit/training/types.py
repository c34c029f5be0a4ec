"""Types shared by task models and companions: taps, the spec of a task, outputs, training steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

Reduction = Literal["mean", "sum", "top", "max"]
"""How the scores of positions become that of an image."""
TOP = 0.1

if TYPE_CHECKING:
    from torch import Tensor, nn

    from alkit.interfaces.task import TaskModel

    from .pool_images import PoolImages


@dataclass(frozen=True, slots=True)
class Tap:
    """A mid-level feature map: the module it leaves, its channels, its size in pixels (1 x 1: a vector)."""

    name: str
    channels: int
    size: tuple[int, int]


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """Properties of a task model before it is trained.

    Attributes:
        task: the task's name.
        image_shape: (C, H, W).
        num_outputs: classes, or values regressed: dimension 1 of the prediction.
        provides: out of `model`, `loss`, `probabilities`, `numbers`, `embedding`, `features`, `boxes` (the
            `objects` of an output), `targets` (`TaskModel.targets_of` works).
        taps: the feature maps, in the order of `Output.features`.
        embedding_dim: width of the embedding, or None.
        dense: predictions and probabilities have positions, such as one per pixel.
        num_classes: dimension 1 of the probabilities; `num_outputs` by default.
        pretrained: the embedding can be used while nothing is labeled: its weights were trained before, or
            labels never change it.
        averages: the loss of an image is a mean over many answers: its pixels, or all classes that may apply.
            It is much smaller than a cross-entropy, so companions have to count less. As `dense` by default.
    """

    task: str
    image_shape: tuple[int, int, int]
    num_outputs: int
    provides: frozenset[str]
    taps: tuple[Tap, ...] = ()
    embedding_dim: int | None = None
    pretrained: bool = False
    dense: bool = False
    num_classes: int = 0
    averages: bool = False

    def __post_init__(self) -> None:
        """Let there be as many classes as outputs, where nothing else is said; dense tasks average."""
        object.__setattr__(self, "num_classes", self.num_classes or self.num_outputs)
        object.__setattr__(self, "averages", self.averages or self.dense)


@dataclass(frozen=True, slots=True)
class Metric:
    """A number that `TaskModel.evaluate` returns: name, direction, and whether it is a share of images."""

    name: str
    higher_is_better: bool = True
    is_share: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Objects:
    """The objects that a detector finds in each image, the most certain first, padded to M.

    Attributes:
        boxes: [B, M, 4] as x1, y1, x2, y2, in pixels of the images that the network sees.
        scores: [B, M], the probability of the class.
        classes: [B, M] int64, numbers of the classes.
        weights: [B, M], 1 for an object that counts, 0 for padding and for what is hardly an object.
        features: [B, M, D], of what is in the box.
    """

    boxes: Tensor
    scores: Tensor
    classes: Tensor
    weights: Tensor
    features: Tensor


@dataclass(frozen=True, slots=True)
class Output:
    """A task model's output for a batch of B images.

    Attributes:
        prediction: [B, ...], raw (logits for a classifier), or a tree of lists, tuples and dicts of such
            tensors.
        probabilities: [B, classes, positions...] summing to one over dimension 1, or None.
        embedding: [B, D], or None.
        features: one [B, channels, H, W] per tap ([B, channels] for a vector).
        weights: [B, positions...], how much each position counts: 0 for padding; all the same by default.
        numbers: [B, K] predicted by regression, in the units of the labels, or None.
        variances: [B, K] of the labels around these numbers, if the model predicts them too.
        objects: what a detector finds; its positions are then those of the probabilities, which have the
            background as their last class.
    """

    prediction: Any
    probabilities: Tensor | None = None
    embedding: Tensor | None = None
    features: tuple[Tensor, ...] = ()
    weights: Tensor | None = None
    numbers: Tensor | None = None
    variances: Tensor | None = None
    objects: Objects | None = None

    def per_image(self, scores: Tensor, reduce: Reduction = "mean") -> Tensor:
        """Turn scores of positions [B, positions...] into one for each image, [B].

        Args:
            scores: [B, positions...]; [B] is returned as it is.
            reduce: `mean` over positions, weighted; their `sum`, likewise; the mean of the highest tenth of
                those that count (`top`); or the highest of them (`max`).
        """
        if scores.dim() == 1:
            return scores
        flat = scores.flatten(1)
        weights = None if self.weights is None else self.weights.flatten(1).to(flat)
        if reduce == "mean":
            if weights is None:
                return flat.mean(dim=1)
            return (flat * weights).sum(dim=1) / weights.sum(dim=1).clamp_min(1e-12)
        if reduce == "sum":
            return flat.sum(dim=1) if weights is None else (flat * weights).sum(dim=1)
        import torch  # noqa: PLC0415  # torch takes seconds to import

        counted = flat if weights is None else flat.masked_fill(weights <= 0, -float("inf"))
        if reduce == "max":
            return counted.amax(dim=1)
        ordered = counted.sort(dim=1, descending=True).values
        valid = torch.isfinite(ordered).sum(dim=1)
        kept = (valid * TOP).ceil().clamp_min(1)
        first = torch.arange(flat.shape[1], device=flat.device) < kept.unsqueeze(1)
        return ordered.masked_fill(~first, 0).sum(dim=1) / kept


@dataclass(frozen=True, slots=True, kw_only=True)
class PortableNetwork:
    """A trained network that works without alkit: images in, outputs out.

    Outputs are logits: [B, classes], also where any number of classes applies, or [B, classes, H, W] for
    masks. Numbers are [B, K] in the units of the labels, with their standard deviations after them if the
    network predicts these too. For boxes they are candidates [B, N, 4 + classes]: x1, y1, x2 and y2 in the
    pixels of the images, and then the score of each class.

    Attributes:
        network: takes normalized images [B, C, H, W]; in eval mode, on the CPU.
        source: text of a Python module whose `make_network()` returns the same network with new weights; it
            may import anything but alkit. If it is empty, the network is exported as a program.
        name: of the architecture, as users name it.
        arguments: of the architecture, as JSON values.
        choice: how candidates become objects: of the `considered` best ones, those that overlap a better one
            of their class by an intersection over union of more than `overlap` are dropped, and the best of
            the others are kept, `most` at most.
        traceable: it can be written as a graph; false where its computation depends on what it finds.
    """

    network: nn.Module
    source: str
    name: str
    arguments: Mapping[str, Any]
    choice: Mapping[str, float] = field(default_factory=dict)
    traceable: bool = True


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
        model: the task model, in training mode.
        unlabeled: images of the pool that have no label, if the companion says `uses_unlabeled`.
        seed: of this step, for what the companion draws.
    """

    epoch: int
    epochs: int
    images: Tensor
    targets: Any
    output: Output
    losses: Tensor
    model: TaskModel | None = None
    unlabeled: PoolImages | None = None
    seed: int = 0


@runtime_checkable
class Companion(Protocol):
    """A `torch.nn.Module` that is trained together with the task model; its parameters join the optimizer.

    If it has a true attribute `uses_unlabeled`, its steps bring images of the pool that have no label.
    """

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
