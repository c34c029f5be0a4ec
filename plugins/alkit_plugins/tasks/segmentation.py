"""Segmentation: a class for every pixel, with a small U-Net, an encoder, torchvision's, or the user's own."""

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
from alkit import Metric, Output, Tap, TaskModel, TaskSpec, option, seeding
from alkit.data import moved, random_moves
from alkit.errors import InvalidOption, TrainingError
from alkit.interfaces import Labels, Mask
from alkit.training import PortableNetwork, Precision, Recipe, Schedule
from alkit_plugins.encoders.weights import filled

from .confusion import Confusion
from .dense_taps import wire_dense
from .encoder_maps import WIDTH, EncoderMaps, FrozenMaps, MapDecoder, OnEncoder
from .mask_targets import VOID, MaskTargets
from .networks import expected_channels, logits, make, tried_on
from .portable import portable_dense
from .segmentation_networks import find
from .taps import Listener, Wiring

if TYPE_CHECKING:
    from alkit import Batch


LOOKS = {"cpu": 6_000, "cuda": 20_000}
"""Total number of images in a training, by device."""
LOOKS_OF_DECODER = 1_500  # on a frozen encoder; more of them did not help on CamVid
OUTPUT_BYTES = 2**25
"""Of the outputs for one batch of scoring; several tensors of this size are there at once."""
MOST_SCORED = 256
MOST_KEPT = 2**31
"""Bytes of the maps of a frozen encoder; of larger pools they are computed anew for each batch."""


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
    encoder: str = option(
        "",
        "pretrained encoder with a light decoder, in place of model: efficientnet-lite0, torchvision/NAME",
    )
    fine_tune: bool = option(False, "train the encoder too; otherwise it is frozen and its maps are kept")
    void: int = option(VOID, "number of pixels without a label in masks", minimum=0, maximum=65535)
    class_weights: Literal["none", "balanced"] = option(
        "none", "weights of classes in the loss; balanced: rare classes count more"
    )
    weights: str | None = option(
        None, "file of starting weights, or of the encoder's (.safetensors, or .pt with plain tensors)"
    )
    download: bool = option(False, "let the encoder's library download its weights")
    taps: tuple[str, ...] | None = option(None, "modules whose outputs are the mid-level features")
    embedding: str | None = option(None, "module whose output, averaged over positions, is the embedding")
    epochs: int | None = option(
        None, "passes over the labeled images; auto: depends on the number of labels", minimum=1
    )
    batch_size: int | None = option(None, "images per step; auto: 8", minimum=2)
    learning_rate: float | None = option(
        None, "largest learning rate; auto: 0.1, or 0.02 to fine-tune an encoder", minimum=0
    )
    momentum: float = option(0.9, "momentum of SGD", minimum=0, maximum=1)
    weight_decay: float = option(5e-4, "weight decay of SGD", minimum=0)
    schedule: Schedule = option("one-cycle", "schedule of the learning rate")
    precision: Precision = option("auto", "precision of training; auto: bfloat16 if it is fast on the device")
    augment: bool | None = option(
        None, "flip and shift images together with their masks; auto: yes, except with a frozen encoder"
    )

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
        self._maps: EncoderMaps | None = None
        self._frozen: FrozenMaps | None = None
        if self.encoder:
            self._build_on_encoder()
            return
        channels, height, width = image_shape
        num_outputs = max(len(classes), 2)
        self.model = "unet" if self.model == "auto" else self.model
        self._make = find(self.model, channels, num_outputs, max(height, width))
        self.reset(0)
        assert self._wiring is not None
        dim = self._wiring.embedding_dim
        taps = self._wiring.taps or (Tap("embedding", dim, (1, 1)),)
        self.spec = self._spec(taps, dim, self.weights is not None)

    def _spec(self, taps: tuple[Tap, ...], dim: int, pretrained: bool) -> TaskSpec:
        return TaskSpec(
            self.name,
            self._image_shape,
            max(len(self.classes), 2),
            frozenset({"model", "loss", "probabilities", "embedding", "features", "targets"}),
            taps,
            dim,
            pretrained=pretrained,
            dense=True,
            averages=True,
        )

    def _build_on_encoder(self) -> None:
        """Open the encoder and find its maps; the levels of the decoder are the taps.

        Raises:
            InvalidOption: a network is named too, or the encoder cannot be used, or not for these images.
        """
        if self.model != "auto" or self.taps or self.embedding:
            raise InvalidOption(
                f"the encoder '{self.encoder}' is the network; leave out model, taps and embedding"
            )
        self._maps = self._open_maps().to(self._device)
        if self.fine_tune:
            self._pristine = {name: value.clone() for name, value in self._maps.state_dict().items()}
        else:
            self._frozen = FrozenMaps(self._maps, self._device, self.cache_dir)
        self.reset(0)
        taps = tuple(
            Tap(f"level{number}", WIDTH, (height, width))
            for number, (_, height, width) in enumerate(self._maps.shapes)
        )
        self.spec = self._spec(taps, self._maps.dim, True)

    def _open_maps(self) -> EncoderMaps:
        opened = alkit.open_encoder(self.encoder, weights=self.weights or "", download=self.download)
        with tried_on(self.encoder, self._image_shape):
            return EncoderMaps(opened, self._image_shape)

    def _reset_on_encoder(self, maps: EncoderMaps, seed: int) -> None:
        with seeding.fence(seed):
            channels = [count for count, _, _ in maps.shapes]
            self._decoder = MapDecoder(channels, max(len(self.classes), 2)).to(self._device)
        self.network = self._decoder
        if self.fine_tune:
            maps.load_state_dict(self._pristine)
            self.network = nn.ModuleDict({"encoder": maps.requires_grad_(True), "decoder": self._decoder})

    def starting_weights(self) -> dict[str, Any]:
        """Return the network's weights, and those of a frozen encoder."""
        weights = dict(self.network.state_dict())
        if self._frozen is not None:
            weights |= {
                f"encoder.{name}": value for name, value in self._frozen.backbone.state_dict().items()
            }
        return weights

    def reset(self, seed: int) -> None:
        """Make the network again with weights from a seed, then load any starting weights."""
        if self._maps is not None:
            self._reset_on_encoder(self._maps, seed)
            return
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
        if self._frozen is not None:
            return self._decoded(*self._frozen.unpacked(self._frozen.embed(images)))
        if self._maps is not None:
            return self._decoded(*self._maps(images))
        if self._repeat:
            images = images.expand(-1, 3, -1, -1)
        prediction = logits(self.network(images.contiguous(memory_format=torch.channels_last)))
        features, embedding = self._listener.take()
        return Output(prediction, prediction.float().softmax(dim=1), embedding, features or (embedding,))

    def forward_batch(self, batch: Batch) -> Output:
        """Return the output for stored images, from the kept maps of a frozen encoder if possible."""
        if (
            self._frozen is None
            or batch.augmented
            or not self._frozen.fits(len(batch.loader.store), MOST_KEPT)
        ):
            return self.forward(batch.images)
        return self._decoded(*self._frozen.unpacked(self._frozen.cached(batch)))

    def _decoded(self, maps: Sequence[Tensor], embedding: Tensor) -> Output:
        """Return the output for maps of the encoder."""
        prediction, levels = self._decoder(maps, self._image_shape[1:])
        return Output(prediction, prediction.float().softmax(dim=1), embedding, levels)

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
                f"the masks of all labeled images hold {found}, but a network needs at least "
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
        if self._maps is not None:
            counts = [count for count, _, _ in self._maps.shapes]
            whole = OnEncoder(self._open_maps(), MapDecoder(counts, self.spec.num_outputs))
            for part, trained in ((whole.maps, self._maps), (whole.decoder, self._decoder)):
                part.load_state_dict({name: value.cpu() for name, value in trained.state_dict().items()})
            return portable_dense(
                self.encoder, whole, self._image_shape[0], self.spec.num_outputs, grey=False
            )
        fresh = make(self._make, self.model, 0)
        fresh.load_state_dict({name: tensor.cpu() for name, tensor in self.network.state_dict().items()})
        channels = self._image_shape[0]
        return portable_dense(self.model, fresh, channels, self.spec.num_outputs, grey=self._repeat)

    def recipe(self, labeled: int) -> Recipe:
        """Decide what the options leave open: for a similar total number of images."""
        looks, least = LOOKS.get(self._device.type, LOOKS["cuda"]), 20
        if self._frozen is not None:
            looks, least = LOOKS_OF_DECODER, 15
        rate = 0.02 if self._maps is not None and self.fine_tune else 0.1
        return Recipe(
            epochs=self.epochs or min(200, max(least, math.ceil(looks / max(labeled, 1)))),
            batch_size=self.batch_size or 8,
            learning_rate=rate if self.learning_rate is None else self.learning_rate,
            momentum=self.momentum,
            weight_decay=self.weight_decay,
            schedule=self.schedule,
            precision=self.precision,
            augment=self._frozen is None if self.augment is None else self.augment,
        )


@alkit.hookimpl
def alkit_tasks() -> list[type[TaskModel]]:
    """Offer segmentation."""
    return [Segmentation]
