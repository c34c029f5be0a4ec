"""The classification networks of torchvision, without their last layer."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from torch import nn

import alkit
from alkit.data import EncoderInput
from alkit.errors import InvalidOption
from alkit.interfaces import Encoder, OpenEncoder

from .near import near
from .torchvision_weights import weights_file
from .weights import filled, linear_head, without_last

INCEPTIONS = ("googlenet", "inception_v3")


@dataclass(kw_only=True)
class Torchvision(Encoder):
    """`torchvision/NAME`: a network with torchvision's default weights and their own preprocessing."""

    name: ClassVar[str] = "torchvision"

    def open(self, variant: str) -> OpenEncoder:
        """Make the network; its weights come from a file, torch's cache, or a download."""
        from torchvision import models  # noqa: PLC0415  # torchvision takes seconds to import

        if variant not in (known := models.list_models(module=models)):
            close = near(variant, known, cutoff=0.6)
            hint = f"did you mean 'torchvision/{close}'?" if close else "for example torchvision/resnet50"
            raise InvalidOption(f"torchvision has no network '{variant}'; {hint}")
        chosen = models.get_model_weights(variant).DEFAULT
        # These two take images as Inception was trained on, and turn ImageNet's statistics into that first.
        options = {"transform_input": True, "init_weights": False} if variant in INCEPTIONS else {}
        network: nn.Module = models.get_model(variant, weights=None, **options)
        filled(network, self._weights(chosen, variant), f"torchvision/{variant}")
        head = linear_head(network)
        return OpenEncoder(
            network=without_last(network), input=_input(chosen.transforms()), dim=head.in_features
        )

    def identity(self, variant: str) -> str:
        """Name torchvision's version and its weights, or the file."""
        import torchvision  # noqa: PLC0415  # torchvision takes seconds to import
        from torchvision import models  # noqa: PLC0415  # torchvision takes seconds to import

        if self.weights or variant not in models.list_models(module=models):
            return ""
        return f"{torchvision.__version__} {models.get_model_weights(variant).DEFAULT}"

    def source(self, variant: str) -> str:
        """Return code that makes the network with torchvision."""
        return (
            "from torchvision import models\n\n\n"
            f"{inspect.getsource(without_last)}\n\n"
            "def make_encoder() -> nn.Module:\n"
            '    """Return the network that makes the features."""\n'
            f"    return without_last(models.get_model({variant!r}, weights=None))\n"
        )

    def nearest(self, guess: str) -> str | None:
        """Return the network of torchvision that is most like a guess."""
        from torchvision import models  # noqa: PLC0415  # torchvision takes seconds to import

        return near(guess, models.list_models(module=models))

    def _weights(self, chosen: Any, variant: str) -> Path:
        """Return the file of the weights.

        Raises:
            InvalidOption: it is not there and must not be downloaded.
        """
        if self.weights:
            return Path(self.weights)
        return weights_file(chosen, f"torchvision/{variant}", download=self.download)


def _input(transforms: Any) -> EncoderInput:
    """Return how torchvision's transforms treat an image."""
    (side,), (resized,) = set(transforms.crop_size), set(transforms.resize_size)
    return EncoderInput(
        size=(side, side),
        mean=tuple(transforms.mean),
        std=tuple(transforms.std),
        resize="crop",
        crop=min(1.0, side / resized),
        bicubic="bicubic" in str(transforms.interpolation).lower(),
    )


@alkit.hookimpl
def alkit_encoders() -> list[type[Encoder]]:
    """Offer torchvision's networks."""
    return [Torchvision]
