"""Detection: where objects are, with a small detector, torchvision's networks, or the user's own."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

import alkit
from alkit import Metric, Output, Tap, TaskModel, TaskSpec, option
from alkit.errors import TrainingError
from alkit.interfaces import Boxes, Labels
from alkit.training import PortableNetwork, Precision, Recipe, Schedule

from .detectors.average_precision import AveragePrecision, need_pycocotools
from .detectors.box_targets import BoxTargets, moved_with_boxes
from .detectors.detector import Detector, embedding_of
from .detectors.networks import fill, find
from .detectors.portable import portable_detector
from .networks import expected_channels, make, tried_on

if TYPE_CHECKING:
    from alkit import Batch


LOOKS = {"cpu": 6_000, "cuda": 20_000}
"""Total number of images in a training, by device."""
OUTPUT_BYTES = 2**26
"""Of the finest maps for one batch of scoring; several tensors of this size are there at once."""
MOST_SCORED = 64


@dataclass(kw_only=True)
class Detection(TaskModel):
    """Boxes around objects, each with a class; crowds are neither found nor missed."""

    name: ClassVar[str] = "detection"
    labels: ClassVar[type[Labels]] = Boxes
    keeps_aspect: ClassVar[bool] = True
    metrics: ClassVar[tuple[Metric, ...]] = (Metric("map"), Metric("map_50"))

    model: str = option(
        "auto",
        "network: small-fcos, tiny-fcos, ssdlite, fasterrcnn, retinanet, fcos, a torchvision name, or "
        "package.module:factory",
    )
    weights: str | None = option(None, "file of starting weights (.safetensors, or .pt with plain tensors)")
    epochs: int | None = option(
        None, "passes over the labeled images; auto: depends on the number of labels", minimum=1
    )
    batch_size: int | None = option(None, "images per step; auto: 8", minimum=2)
    learning_rate: float | None = option(
        None, "largest learning rate; auto: 0.05, or 0.01 for networks of torchvision", minimum=0
    )
    momentum: float = option(0.9, "momentum of SGD", minimum=0, maximum=1)
    weight_decay: float = option(5e-4, "weight decay of SGD", minimum=0)
    schedule: Schedule = option("one-cycle", "schedule of the learning rate")
    precision: Precision = option("auto", "precision of training; auto: bfloat16 if it is fast on the device")
    augment: bool = option(True, "shift images together with their boxes, and mirror half of them")
    mirror: bool = option(True, "mirror images in training; not for text, or where left and right differ")

    def __post_init__(self) -> None:
        """Make the path of the weights absolute, since a campaign can be opened from other directories."""
        if self.weights:
            self.weights = str(Path(self.weights).absolute())

    def build(self, image_shape: tuple[int, int, int], classes: Sequence[str], device: torch.device) -> None:
        """Make the network, and run it once to learn the shapes of its maps.

        Raises:
            InvalidOption: the network does not exist, cannot take such images, or its weights do not fit.
        """
        self.classes, self._device, self._image_shape = tuple(classes), device, image_shape
        channels, height, width = image_shape
        self._size = (height, width)
        count = max(len(classes), 1)
        self.model = "small-fcos" if self.model == "auto" else self.model
        self._make = find(self.model, channels, count, max(height, width))
        self._more_classes = find(self.model, channels, count + 1, max(height, width))
        self.reset(0)
        maps = self._tried(count)
        self.spec = TaskSpec(
            self.name,
            image_shape,
            count,
            frozenset({"model", "loss", "probabilities", "embedding", "features", "boxes"}),
            tuple(
                Tap(f"level-{number}", part.shape[1], (part.shape[2], part.shape[3]))
                for number, part in enumerate(maps)
            ),
            maps[0].shape[1],
            pretrained=self.weights is not None,
            dense=True,
            num_classes=count + 1,
        )

    def reset(self, seed: int) -> None:
        """Make the network again with weights from a seed, then load any starting weights."""
        network = make(self._make, self.model, seed)
        assert isinstance(network, Detector)
        self._repeat = expected_channels(network) == 3 and self._image_shape[0] == 1
        if self.weights:
            other = make(self._more_classes, self.model, seed)
            assert isinstance(other, Detector)
            fill(network, other, Path(self.weights), f"the network '{self.model}'")
        self.network: Detector = network.to(self._device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def _tried(self, classes: int) -> Sequence[Tensor]:
        """Return the maps of an example, after it went all the way through the network."""
        with tried_on(self.model, self._image_shape), torch.no_grad():
            self.network.eval()
            maps = self.network.maps(self._prepared(torch.zeros(1, *self._image_shape, device=self._device)))
            _, shares = self.network.candidates(self.network.raw(maps), maps, self._size)
            if shares.shape[1] != classes + 1:
                raise ValueError(
                    f"it gives {shares.shape[1]} probabilities for {classes} classes and the background"
                )
        return maps

    def _prepared(self, images: Tensor) -> Tensor:
        images = images.expand(-1, 3, -1, -1) if self._repeat else images
        return images.contiguous(memory_format=torch.channels_last)

    def forward(self, images: Tensor) -> Output:
        """Return raw predictions, the feature pyramid and an embedding; in evaluation also the objects."""
        maps = self.network.maps(self._prepared(images))
        raw = self.network.raw(maps)
        if self.network.training:
            return Output(dict(raw), None, embedding_of(maps, None), tuple(maps))
        objects, shares = self.network.objects(raw, maps, self._size)
        return Output(
            dict(raw), shares, embedding_of(maps, objects), tuple(maps), objects.weights, objects=objects
        )

    def encode(self, values: Sequence[Any]) -> BoxTargets:
        """Return the boxes of each answer."""
        return BoxTargets(values, self.classes)

    def augment_batch(self, images: Tensor, targets: Any, generator: torch.Generator) -> tuple[Tensor, Any]:
        """Shift and mirror images, and their boxes with them."""
        return moved_with_boxes(images, targets, generator, flip=self.mirror)

    def loss(self, output: Output, targets: Any) -> Tensor:
        """Return the loss of each image, normalized by its own objects, [B]."""
        return self.network.losses(output.prediction, output.features, targets, self._size)

    def prepare(self, targets: Any) -> None:
        """Check that there is something to find, and what measures it.

        Raises:
            TrainingError: no image has a box, or pycocotools is missing.
        """
        need_pycocotools()
        if not targets.counts():
            raise TrainingError(
                f"none of the {len(targets)} labeled images has a box; label more images first, for example "
                "with 'alkit query --strategy random'"
            )

    def evaluate(self, batches: Iterable[Batch]) -> dict[str, float]:
        """Return COCO's average precision: mean, at an IoU of 0.5, of each class; and the mean loss."""
        found = AveragePrecision(self.classes)
        total, count = 0.0, 0
        self.network.eval()
        with torch.inference_mode():
            for batch in batches:
                output, targets = self.forward_batch(batch), batch.targets
                assert output.objects is not None
                found.add(output.objects, targets)
                total += float(self.loss(output, targets).sum())
                count += len(batch)
        metrics = found.metrics()
        return metrics | {"loss": total / count} if metrics else {}

    def scoring_batch(self) -> int:
        """Return how many images fit a fixed amount of memory."""
        finest = self.spec.taps[0]
        each = 4 * finest.channels * finest.size[0] * finest.size[1]
        return max(1, min(MOST_SCORED, OUTPUT_BYTES // each))

    def portable(self) -> PortableNetwork:
        """Return the network as plain modules, from images to candidates."""
        return portable_detector(
            self.model, self.network, self._image_shape, max(len(self.classes), 1), grey=self._repeat
        )

    def recipe(self, labeled: int) -> Recipe:
        """Decide what the options leave open: for a similar total number of images."""
        looks = LOOKS.get(self._device.type, LOOKS["cuda"])
        own = self.model.endswith("-fcos")
        return Recipe(
            epochs=self.epochs or min(200, max(20, math.ceil(looks / max(labeled, 1)))),
            batch_size=self.batch_size or 8,
            learning_rate=(0.05 if own else 0.01) if self.learning_rate is None else self.learning_rate,
            momentum=self.momentum,
            weight_decay=self.weight_decay,
            schedule=self.schedule,
            precision=self.precision,
            augment=self.augment,
        )


@alkit.hookimpl
def alkit_tasks() -> list[type[TaskModel]]:
    """Offer detection."""
    return [Detection]
