"""Any network on images: built-in, from torchvision, or the user's own; with any of the objectives."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn

from alkit import Output, Tap, option
from alkit.errors import InvalidOption
from alkit.training import PortableNetwork, Precision, Recipe, Schedule
from alkit_plugins.encoders.torchvision_weights import is_name, named_weights, weights_file
from alkit_plugins.encoders.weights import filled

from .frozen import FrozenBackbone
from .networks import SMALL, expected_channels, find, logits, make, tried_on
from .objectives.objective import Objective
from .portable import NetworkRecipe, joined, portable
from .taps import Listener, Wiring, wire

if TYPE_CHECKING:
    from alkit import Batch, Companion
    from alkit.training import TrainingRun


# Total number of images in a training, by device; tuned with small-cnn on CIFAR-10 with 500 to 2,000 labels.
LOOKS = {"cpu": 40_000, "cuda": 128_000}
LOOKS_OF_HEAD = 64_000
FEW = 5_000  # with fewer labels than this, a stronger weight decay generalizes better


@dataclass(kw_only=True)
class ImageNetwork(Objective):
    """Base of tasks that train a network on images; subclasses add what is learned."""

    misnamed: ClassVar[Mapping[str, str]] = {"pretrained": "for pretrained weights, write weights=pretrained"}

    model: str = option(
        "auto", "network: small-cnn, tiny-cnn, resnet18, a torchvision name, or package.module:factory"
    )
    weights: str | None = option(
        None,
        "starting weights: a file (.safetensors, or .pt with plain tensors), or pretrained: torchvision's",
    )
    download: bool = option(False, "let torchvision download the weights that are named")
    freeze_backbone: bool = option(False, "train only a linear classifier, on cached embeddings")
    taps: tuple[str, ...] | None = option(None, "modules whose outputs are the mid-level features")
    embedding: str | None = option(None, "module whose output is the embedding")
    epochs: int | None = option(
        None, "passes over the labeled images; auto: depends on the number of labels", minimum=1
    )
    batch_size: int | None = option(None, "images per step; auto: depends on the number of labels", minimum=2)
    learning_rate: float | None = option(
        None, "largest learning rate; auto: 0.1 for batches of 128, in proportion for others", minimum=0
    )
    momentum: float = option(0.9, "momentum of SGD", minimum=0, maximum=1)
    weight_decay: float | None = option(
        None, "weight decay of SGD; auto: 0.0005, and 0.005 below 5,000 labels", minimum=0
    )
    schedule: Schedule = option("one-cycle", "schedule of the learning rate")
    precision: Precision = option("auto", "precision of training; auto: bfloat16 if it is fast on the device")
    augment: bool | None = option(
        None, "flip and shift images; auto: yes, except for gray images or a frozen backbone"
    )

    def __post_init__(self) -> None:
        """Make the path of the weights absolute, since a campaign can be opened from other directories."""
        if self.weights and not is_name(self.weights):
            self.weights = str(Path(self.weights).absolute())

    def build(self, image_shape: tuple[int, int, int], classes: Sequence[str], device: torch.device) -> None:
        """Make the network and find its taps and embedding.

        Raises:
            InvalidOption: the network does not exist, cannot take such images, or its weights do not fit.
        """
        self.set_classes(classes, device)
        self._image_shape = image_shape
        self._frozen: FrozenBackbone | None = None
        self._wiring: Wiring | None = None
        channels, height, width = image_shape
        num_outputs = self.width
        self.model = self._settled_model(image_shape, device)
        self._make = find(self.model, channels, num_outputs, max(height, width))
        self.reset(0)
        assert self._wiring is not None
        dim = self._wiring.embedding_dim
        taps = self._wiring.taps or (Tap("embedding", dim, (1, 1)),)
        if self.freeze_backbone:
            self._frozen = FrozenBackbone(
                self.network, self._listener, dim, num_outputs, device, self.cache_dir
            )
            taps = self._frozen.taps
            self.reset(0)
        self.spec = self.spec_for(image_shape, taps, dim, self.freeze_backbone or self.weights is not None)

    def reset(self, seed: int) -> None:
        """Make the network again with weights from a seed, then load any starting weights."""
        if self._frozen is not None:
            self.network = self._frozen.new_head(seed)
            self.own_state(self.network)
            return
        network = make(self._make, self.model, seed)
        self._repeat = expected_channels(network) == 3 and self._image_shape[0] == 1
        if self._wiring is None:
            self._wiring = self._wire(network)
        if self.weights:
            filled(network, self._weights_file(self.weights), f"the network '{self.model}'")
        self.own_state(network)
        self.network = network.to(self._device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._listener = Listener(self.network, self._wiring)

    def _weights_file(self, weights: str) -> Path:
        """Return the file of starting weights.

        Raises:
            InvalidOption: torchvision has none of that name for the network, or they are not there.
        """
        if not is_name(weights):
            return Path(weights)
        chosen = named_weights(self.model, weights)
        if self.model == "resnet18" and max(self._image_shape[1:]) <= SMALL:
            raise InvalidOption(
                f"torchvision's weights do not fit the resnet18 for images of up to {SMALL} pixels; make "
                "them larger, for example with --image-size 128, or choose another network, such as resnet34"
            )
        return weights_file(chosen, f"the network '{self.model}'", download=self.download)

    def starting_weights(self) -> dict[str, Any]:
        """Return the network's weights, and those of a frozen backbone."""
        weights = dict(self.network.state_dict())
        if self._frozen is not None:
            backbone = self._frozen.backbone.state_dict()
            weights.update({f"backbone.{name}": tensor for name, tensor in backbone.items()})
        return weights

    def _wire(self, network: nn.Module) -> Wiring:
        example = torch.zeros(2, 3 if self._repeat else self._image_shape[0], *self._image_shape[1:])
        with tried_on(self.model, self._image_shape):
            return wire(network, example, self.width, self.taps, self.embedding)

    def forward(self, images: Tensor) -> Output:
        """Return the output for normalized images [B, C, H, W], with embedding and taps."""
        if self._frozen is not None:
            return self._head(self._frozen.embed(self._ready(images)))
        prediction = logits(self.network(self._ready(images)))
        features, embedding = self._listener.take()
        return self.output(prediction, embedding, features or (embedding,))

    def forward_batch(self, batch: Batch) -> Output:
        """Run the network; if the backbone is frozen, run only the head on cached embeddings."""
        if self._frozen is not None:
            return self._head(self._frozen.cached(batch))
        return self.forward(batch.images)

    def _head(self, embedding: Tensor) -> Output:
        prediction = self.network(embedding)
        return self.output(prediction, embedding, (embedding,))

    def fit(
        self,
        epoch_batches: Callable[[int], Iterable[Batch]],
        companion: Companion | None,
        run: TrainingRun,
    ) -> None:
        """Train by steps; on a frozen backbone in one process."""
        if self._frozen is not None:
            run.group = None  # on cached embeddings, this takes seconds
        super().fit(epoch_batches, companion, run)

    def recipe(self, labeled: int) -> Recipe:
        """Decide what the options leave open: 30 to 200 epochs, for a similar total number of images."""
        looks = LOOKS_OF_HEAD if self.freeze_backbone else LOOKS.get(self._device.type, LOOKS["cuda"])
        batch_size = self.batch_size or (128 if labeled >= 20_000 else 64 if labeled >= 2_500 else 32)
        decay = 5e-3 if labeled < FEW and not self.freeze_backbone else 5e-4
        grey = self._image_shape[0] == 1
        augmented = self.augment if self.augment is not None else not grey
        return Recipe(
            epochs=self.epochs or min(200, max(30, math.ceil(looks / max(labeled, 1)))),
            batch_size=batch_size,
            learning_rate=0.1 * batch_size / 128 if self.learning_rate is None else self.learning_rate,
            momentum=self.momentum,
            weight_decay=decay if self.weight_decay is None else self.weight_decay,
            schedule=self.schedule,
            precision="float32" if self.freeze_backbone else self.precision,
            augment=augmented and not self.freeze_backbone,
        )

    def portable(self) -> PortableNetwork:
        """Return the whole network as plain modules, with the backbone if that is frozen."""
        assert self._wiring is not None
        weights = self.weights_alone()
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
        return portable(recipe, weights, self.scale())

    def _ready(self, images: Tensor) -> Tensor:
        if self._repeat:
            images = images.expand(-1, 3, -1, -1)
        return images.contiguous(memory_format=torch.channels_last)

    def _settled_model(self, image_shape: tuple[int, int, int], device: torch.device) -> str:
        if self.model != "auto":
            return self.model
        return "small-cnn" if device.type == "cpu" and max(image_shape[1:]) <= 128 else "resnet18"
