"""The features of a frozen encoder, on which only a head is trained, which takes about a second."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Tensor, nn

import alkit
from alkit import NamedEncoder, Output, Tap, option, seeding
from alkit.errors import InvalidOption
from alkit.training import PortableNetwork, Recipe

from .linear_head import NORM, Scaled
from .objectives.objective import Objective
from .portable import portable_encoded

if TYPE_CHECKING:
    from alkit import Batch, Companion
    from alkit.training import TrainingRun

LOOKS = 16_000  # images in the gradient steps for a companion; the linear head does not depend on them
LOOKS_OF_MLP = 64_000
HIDDEN = 256


@dataclass(kw_only=True)
class OnEncoder(Objective):
    """Base of tasks on the features of a pretrained network that never changes.

    The features of the originals are computed once. The linear head is the minimum of the loss with an L2
    penalty, so it depends on nothing but the labels.
    """

    misnamed: ClassVar[Mapping[str, str]] = {
        "pretrained": "encoders are pretrained, so leave it out",
        "model": "name the network with encoder=NAME",
    }

    encoder: str = option("", "efficientnet-lite0, torchvision/NAME, timm/NAME, ...; see alkit plugins")
    weights: str = option("", "file with the encoder's weights; those of its library if empty")
    download: bool = option(False, "let the encoder's library download its weights")
    feature_precision: Literal["float32", "float16"] = option(
        "float32", "how features are kept; float16 takes half the space"
    )
    head: Literal["linear", "mlp"] = option("linear", "what is trained on the features")
    strength: float = option(1.0, "inverse strength of the L2 penalty of the linear head (C)", minimum=1e-6)

    def __post_init__(self) -> None:
        """Make paths absolute, since a campaign can be opened from other directories."""
        if self.weights:
            self.weights = str(Path(self.weights).absolute())
        kind, _, rest = self.encoder.partition(":")
        if kind == "file" and rest:
            path, _, function = rest.rpartition(":")
            self.encoder = f"file:{Path(path).absolute()}:{function}"
        self._encoder: NamedEncoder | None = None

    def encoder_of(self) -> NamedEncoder:
        """Return the encoder, without making its network.

        Raises:
            InvalidOption: none is named.
        """
        if not self.encoder:
            raise InvalidOption(
                f"task '{self.name}' needs an encoder, for example --encoder efficientnet-lite0"
            )
        if self._encoder is None:
            self._encoder = alkit.open_encoder(
                self.encoder,
                weights=self.weights,
                download=self.download,
                precision=self.feature_precision,
            )
        return self._encoder

    def named_encoder(self) -> NamedEncoder:
        """Return the encoder whose features `Batch.features` gives."""
        return self.encoder_of()

    def build(self, image_shape: tuple[int, int, int], classes: Sequence[str], device: torch.device) -> None:
        """Make the head.

        Raises:
            InvalidOption: the encoder cannot be used, or not for these images.
        """
        if image_shape[0] not in (1, 3):
            raise InvalidOption(
                f"the encoder '{self.encoder}' takes images of 1 or 3 channels, and these have "
                f"{image_shape[0]}; leave out --encoder, or make the campaign of three of the channels"
            )
        self.set_classes(classes, device)
        self._dim = self.encoder_of().dim
        self.reset(0)
        self.spec = self.spec_for(image_shape, (Tap("embedding", self._dim, (1, 1)),), self._dim, True)

    def reset(self, seed: int) -> None:
        """Draw a new head from a seed."""
        with seeding.fence(seed):
            layers: list[nn.Module] = []
            if self.head == "mlp":
                layers += [nn.Linear(self._dim, HIDDEN), nn.ReLU(), nn.Dropout(0.2)]
                layers.append(nn.Linear(HIDDEN, self.width))
            else:
                layers.append(nn.Linear(self._dim, self.width))
            self._scaled, self._classifier = Scaled(), nn.Sequential(*layers)
            network = nn.Sequential(self._scaled, self._classifier)
            self.own_state(network)
            self.network = network.to(self._device)

    def forward(self, images: Tensor) -> Output:
        """Return the output for images [B, 3, H, W], prepared as the encoder takes them."""
        return self._output(self.encoder_of().embed(self._device)(images))

    def forward_batch(self, batch: Batch) -> Output:
        """Return the output for stored images, from their features."""
        return self._output(batch.features)

    def _output(self, features: Tensor) -> Output:
        embedding = self._scaled(features)
        prediction = self._classifier(embedding)
        return self.output(prediction, embedding, (embedding,))

    def recipe(self, labeled: int) -> Recipe:
        """Return how a companion, or a head that is not linear, is trained."""
        looks = LOOKS_OF_MLP if self.head == "mlp" else LOOKS
        return Recipe(
            epochs=min(100, max(10, looks // max(labeled, 1))),
            batch_size=32,
            learning_rate=1 / NORM**2,
            weight_decay=5e-4,
            precision="float32",
            augment=False,
        )

    def solver(self) -> str:
        """Say that the linear head is the exact minimum."""
        return "solved for the best linear head" if self.head == "linear" else ""

    def portable(self) -> PortableNetwork:
        """Return encoder and head as one network."""
        return portable_encoded(
            self.encoder_of(),
            self._classifier,
            self.scale(),
            hidden=HIDDEN if self.head == "mlp" else 0,
            num_classes=self.width,
            norm=NORM,
        )

    @abstractmethod
    def solve(self, linear: nn.Linear, features: Tensor, targets: Tensor) -> float:
        """Set the linear head to its best weights, and return its mean loss.

        Args:
            linear: the head.
            features: [n, D], each row of length `NORM`.
            targets: of these images, [n, ...].
        """

    def fit(
        self,
        epoch_batches: Callable[[int], Iterable[Batch]],
        companion: Companion | None,
        run: TrainingRun,
    ) -> None:
        """Train a companion, or a head that is not linear, by steps; then solve for the linear head."""
        run.group = None  # on features, this takes seconds
        if companion is not None or self.head != "linear":
            super().fit(epoch_batches, companion, run)
        if self.head == "linear":
            features, targets = _all(epoch_batches(0))
            linear = self._classifier[0]
            assert isinstance(linear, nn.Linear)
            run.history.append(self.solve(linear, self._scaled(features), targets))
        self.network.eval()


def _all(batches: Iterable[Batch]) -> tuple[Tensor, Tensor]:
    """Return features and targets of all batches, in the order of the pool and each image once."""
    found = list(batches)
    indices = torch.cat([torch.from_numpy(batch.indices) for batch in found])
    targets = [batch.targets for batch in found if batch.targets is not None]
    first = {int(index): place for place, index in reversed(list(enumerate(indices.tolist())))}
    order = torch.tensor([first[index] for index in sorted(first)], device=targets[0].device)
    return torch.cat([batch.features for batch in found])[order], torch.cat(targets)[order]
