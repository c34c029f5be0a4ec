"""Segmentation: a class for every pixel, with a small U-Net, torchvision's networks, or the user's own."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

import alkit
from alkit import Metric, Output, Tap, TaskModel, TaskSpec, option
from alkit.data import moved, random_moves
from alkit.errors import TrainingError
from alkit.interfaces import Labels, Mask
from alkit.training import PortableNetwork, Precision, Recipe, Schedule
from alkit_plugins.encoders.weights import filled

from .confusion import Confusion
from .dense_taps import wire_dense
from .mask_targets import VOID, MaskTargets
from .networks import expected_channels, logits, make, tried_on
from .portable import portable_dense
from .segmentation_networks import find
from .taps import Listener, Wiring

if TYPE_CHECKING:
    from alkit import Batch


LOOKS = {"cpu": 6_000, "cuda": 20_000}
"""Total number of images in a training, by device."""
OUTPUT_BYTES = 2**25
"""Of the outputs for one batch of scoring; several tensors of this size are there at once."""
MOST_SCORED = 256


@dataclass(kw_only=True)
class Segmentation(TaskModel):
    """One class per pixel, trained with cross-entropy; pixels without a label do not count."""

    name: ClassVar[str] = "segmentation"
    labels: ClassVar[type[Labels]] = Mask
    keeps_aspect: ClassVar[bool] = True
    metrics: ClassVar[tuple[Metric, ...]] = (Metric("mean_iou"), Metric("pixel_accuracy"))

    model: str = option(
        "auto",
        "network: unet, tiny-unet, lraspp, deeplabv3, fcn, a torchvision name, or package.module:factory",
    )
    void: int = option(VOID, "number of pixels without a label in masks", minimum=0, maximum=65535)
    class_weights: Literal["none", "balanced"] = option(
        "none", "weights of classes in the loss; balanced: rare classes count more"
    )
    weights: str | None = option(None, "file of starting weights (.safetensors, or .pt with plain tensors)")
    taps: tuple[str, ...] | None = option(None, "modules whose outputs are the mid-level features")
    embedding: str | None = option(None, "module whose output, averaged over positions, is the embedding")
    epochs: int | None = option(
        None, "passes over the labeled images; auto: depends on the number of labels", minimum=1
    )
    batch_size: int | None = option(None, "images per step; auto: 8", minimum=2)
    learning_rate: float | None = option(None, "largest learning rate; auto: 0.1", minimum=0)
    momentum: float = option(0.9, "momentum of SGD", minimum=0, maximum=1)
    weight_decay: float = option(5e-4, "weight decay of SGD", minimum=0)
    schedule: Schedule = option("one-cycle", "schedule of the learning rate")
    precision: Precision = option("auto", "precision of training; auto: bfloat16 if it is fast on the device")
    augment: bool = option(True, "flip and shift images together with their masks")

    def __post_init__(self) -> None:
        """Make the path of the weights absolute, since a campaign can be opened from other directories."""
        if self.weights:
            self.weights = str(Path(self.weights).absolute())

    def make_labels(
        self, classes: Sequence[str], *, slots: Sequence[str | None] = (), folder: Path | None = None
    ) -> Labels:
        """Return masks in which pixels of the number `void` have no label."""
        return Mask(classes=classes, slots=slots, folder=folder, void=self.void)

    def build(self, image_shape: tuple[int, int, int], classes: Sequence[str], device: torch.device) -> None:
        """Make the network and find its taps and embedding.

        Raises:
            InvalidOption: the network does not exist, cannot take such images, or its weights do not fit.
        """
        self.classes, self._device, self._image_shape = tuple(classes), device, image_shape
        self._class_weight: Tensor | None = None
        self._wiring: Wiring | None = None
        channels, height, width = image_shape
        num_outputs = max(len(classes), 2)
        self.model = "unet" if self.model == "auto" else self.model
        self._make = find(self.model, channels, num_outputs, max(height, width))
        self.reset(0)
        assert self._wiring is not None
        dim = self._wiring.embedding_dim
        self.spec = TaskSpec(
            self.name,
            image_shape,
            num_outputs,
            frozenset({"model", "loss", "probabilities", "embedding", "features"}),
            self._wiring.taps or (Tap("embedding", dim, (1, 1)),),
            dim,
            pretrained=self.weights is not None,
            dense=True,
        )

    def reset(self, seed: int) -> None:
        """Make the network again with weights from a seed, then load any starting weights."""
        network = make(self._make, self.model, seed)
        self._repeat = expected_channels(network) == 3 and self._image_shape[0] == 1
        if self._wiring is None:
            self._wiring = self._wire(network)
        if self.weights:
            filled(network, Path(self.weights), f"the network '{self.model}'")
        self.network = network.to(self._device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._listener = Listener(self.network, self._wiring)

    def _wire(self, network: nn.Module) -> Wiring:
        example = torch.zeros(2, 3 if self._repeat else self._image_shape[0], *self._image_shape[1:])
        with tried_on(self.model, self._image_shape):
            return wire_dense(network, example, max(len(self.classes), 2), self.taps, self.embedding)

    def forward(self, images: Tensor) -> Output:
        """Return logits and probabilities [B, classes, H, W], embedding and taps."""
        if self._repeat:
            images = images.expand(-1, 3, -1, -1)
        prediction = logits(self.network(images.contiguous(memory_format=torch.channels_last)))
        features, embedding = self._listener.take()
        return Output(prediction, prediction.float().softmax(dim=1), embedding, features or (embedding,))

    def encode(self, values: Sequence[Any]) -> MaskTargets:
        """Return targets that read a mask when a batch needs it."""
        assert isinstance(self.known_labels, Mask)
        return MaskTargets(self.known_labels, values, self._image_shape[1:])

    def augment_batch(self, images: Tensor, targets: Any, generator: torch.Generator) -> tuple[Tensor, Any]:
        """Flip and move images, and their masks with them."""
        moves = random_moves(images, generator)
        return moved(images, moves), None if targets is None else moved(targets, moves)

    def loss(self, output: Output, targets: Any) -> Tensor:
        """Return the cross-entropy per image, averaged over the pixels that have a label, [B]."""
        wanted = targets.long()
        losses = functional.cross_entropy(
            output.prediction.float(), wanted, self._class_weight, ignore_index=VOID, reduction="none"
        )
        valid = wanted != VOID
        if self._class_weight is None:
            weights = valid.to(losses)
        else:
            weights = self._class_weight[wanted.masked_fill(~valid, 0)] * valid
        return losses.sum(dim=(1, 2)) / weights.sum(dim=(1, 2)).clamp_min(1e-6)

    def prepare(self, targets: Any) -> None:
        """Check that there are at least two classes, and weight them."""
        names = targets.present()
        if len(names) < 2:
            found = f"only '{next(iter(names))}'" if names else "no class"
            raise TrainingError(
                f"the masks of all {len(targets)} labeled images hold {found}, but a network needs at least "
                "two classes; label more images first, for example with 'alkit query --strategy random'"
            )
        if self.class_weights == "balanced":
            counts = targets.counts(self.spec.num_outputs)
            weight = counts.sum() / ((counts > 0).sum() * counts.clamp_min(1))
            self._class_weight = weight.clamp_max(10).float().to(self._device)

    def evaluate(self, batches: Iterable[Batch]) -> dict[str, float]:
        """Return the mean IoU, the pixel accuracy, the IoU of each class and the mean loss per image."""
        found = Confusion(self.spec.num_outputs, self._device)
        total, count = 0.0, 0
        self.network.eval()
        with torch.inference_mode():
            for batch in batches:
                output, targets = self.forward_batch(batch), batch.targets
                found.add(output.prediction.argmax(dim=1), targets)
                total += float(self.loss(output, targets).sum())
                count += len(batch)
        metrics = found.metrics(self.classes)
        return metrics | {"loss": total / count} if metrics else {}

    def scoring_batch(self) -> int:
        """Return how many images fit a fixed amount of memory."""
        _, height, width = self._image_shape
        each = 4 * self.spec.num_outputs * height * width
        return max(1, min(MOST_SCORED, OUTPUT_BYTES // each))

    def portable(self) -> PortableNetwork:
        """Return the network as plain modules."""
        fresh = make(self._make, self.model, 0)
        fresh.load_state_dict({name: tensor.cpu() for name, tensor in self.network.state_dict().items()})
        channels = self._image_shape[0]
        return portable_dense(self.model, fresh, channels, self.spec.num_outputs, grey=self._repeat)

    def recipe(self, labeled: int) -> Recipe:
        """Decide what the options leave open: for a similar total number of images."""
        looks = LOOKS.get(self._device.type, LOOKS["cuda"])
        return Recipe(
            epochs=self.epochs or min(200, max(20, math.ceil(looks / max(labeled, 1)))),
            batch_size=self.batch_size or 8,
            learning_rate=0.1 if self.learning_rate is None else self.learning_rate,
            momentum=self.momentum,
            weight_decay=self.weight_decay,
            schedule=self.schedule,
            precision=self.precision,
            augment=self.augment,
        )


@alkit.hookimpl
def alkit_tasks() -> list[type[TaskModel]]:
    """Offer segmentation."""
    return [Segmentation]
