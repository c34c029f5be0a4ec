"""The networks of timm, by its names, as feature extractors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import alkit
from alkit.data import EncoderInput
from alkit.errors import InvalidOption, reason_of
from alkit.interfaces import Encoder, OpenEncoder

from .near import near
from .weights import filled

KNOWN_BY = {
    "dino": "vit_small_patch14_dinov2.lvd142m",
    "clip": "vit_base_patch16_clip_224.openai",
}
"""Networks by the name of what made them famous."""


@dataclass(kw_only=True)
class Timm(Encoder):
    """`timm/NAME`: a network with the pretrained weights and the preprocessing that timm knows for it."""

    name: ClassVar[str] = "timm"

    def open(self, variant: str) -> OpenEncoder:
        """Make the network; its weights come from a file or a download."""
        timm = _timm()
        self._check(timm, variant)
        if not self.weights and not self.download:
            raise InvalidOption(
                f"timm/{variant} downloads its weights, or finds them in its own cache; allow that with "
                "--download, or name a file with -t weights=FILE"
            )
        try:
            network = timm.create_model(variant, pretrained=not self.weights, num_classes=0)
        except Exception as error:  # the hub's errors are of many kinds
            raise InvalidOption(f"timm/{variant} cannot be made: {reason_of(error)}") from error
        if self.weights:
            filled(network, Path(self.weights), f"timm/{variant}", has_head=False)
        config = timm.data.resolve_model_data_config(network)
        return OpenEncoder(network=network, input=_input(config), dim=int(network.num_features))

    def identity(self, variant: str) -> str:
        """Name timm's version, which fixes weights and preprocessing; a file is looked into."""
        return "" if self.weights else str(_timm().__version__)

    def source(self, variant: str) -> str:
        """Return code that makes the network with timm."""
        return (
            "import timm\n\n\n"
            "def make_encoder() -> nn.Module:\n"
            '    """Return the network that makes the features."""\n'
            f"    return timm.create_model({variant!r}, pretrained=False, num_classes=0)\n"
        )

    def _check(self, timm: Any, variant: str) -> None:
        plain, _, tag = variant.partition(".")
        if plain not in (known := timm.list_models()):
            close = self.nearest(plain) or near(plain, known, cutoff=0.6)
            hint = f"did you mean 'timm/{close}'?" if close else "for example timm/resnet50"
            raise InvalidOption(f"timm has no network '{variant}'; {hint}")
        tags = [one.partition(".")[2] for one in timm.list_pretrained(f"{plain}.*")]
        if tag and tag not in tags:
            close = near(tag, tags, cutoff=0.6) or next(iter(tags), "")
            hint = f"did you mean 'timm/{plain}.{close}'?" if close else f"write timm/{plain}"
            raise InvalidOption(f"timm has no weights '{tag}' for {plain}; {hint}")

    def nearest(self, guess: str) -> str | None:
        """Return the network that is most like a guess; what people look for most comes first."""
        known = next((one for part, one in KNOWN_BY.items() if guess.lower().startswith(part)), None)
        return known or near(guess.partition(".")[0], _timm().list_models())


def _timm() -> Any:
    try:
        import timm  # noqa: PLC0415  # an extra
    except ImportError as error:
        raise InvalidOption("timm is not installed; install it with: pip install 'alkit[timm]'") from error
    return timm


def _input(config: Any) -> EncoderInput:
    _, height, width = config["input_size"]
    return EncoderInput(
        size=(height, width),
        mean=tuple(config["mean"]),
        std=tuple(config["std"]),
        resize="stretch" if config.get("crop_mode") == "squash" else "crop",
        crop=float(config["crop_pct"]),
        bicubic=config.get("interpolation") == "bicubic",
    )


@alkit.hookimpl
def alkit_encoders() -> list[type[Encoder]]:
    """Offer timm's networks."""
    return [Timm]
