"""Encoders by name: finding the plugin, and opening the network when it is needed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from alkit.errors import AlkitError, InvalidOption, UnknownPlugin
from alkit.interfaces.encoder import Encoder, OpenEncoder
from alkit.options import build
from alkit.utils.code_places import told, where
from alkit.utils.suggestions import alike, nearest

from . import registry
from .faults import returned

if TYPE_CHECKING:
    import torch
    from torch import nn

    from alkit.data.encoder_input import EncoderInput

PROBES = 4  # fixed images that tell one network from another
PIXELS_AT_ONCE = 8 * 224 * 224  # on a CPU, where few images at once are faster and need less memory
RECOMMENDED = "efficientnet-lite0"
MOST_USED = ("torchvision", "timm")
EXAMPLES = {
    "open_clip": "open_clip/ViT-B-32/laion2b_s34b_b79k",
    "torchvision": "torchvision/resnet50",
    "transformers": "transformers/facebook/dinov2-small",
    "timm": "timm/vit_small_patch14_dinov2.lvd142m",
    "file": "file:mine.py:make_network",
}


@dataclass(frozen=True)
class NamedEncoder:
    """An encoder by its name; the network is made when something of it is asked for.

    Attributes:
        name: as the user wrote it.
        plugin: with its options.
        variant: what follows the plugin's name.
        precision: in which its features are kept, `float32` or `float16`.
    """

    name: str
    plugin: Encoder
    variant: str
    precision: str = "float32"

    @cached_property
    def opened(self) -> OpenEncoder:
        """The network with its weights, in eval mode.

        Raises:
            InvalidOption: it cannot be made, or does not return features.
        """
        import torch  # noqa: PLC0415  # torch takes seconds to import

        try:
            found = self.plugin.open(self.variant)
        except AlkitError:
            raise
        except Exception as error:  # a file of the user's or a library may raise anything
            raise InvalidOption(f"the encoder '{self.name}' cannot be opened: {told(error)}") from error
        if not isinstance(found, OpenEncoder):
            raise returned(self.plugin, "open", found, "an alkit.interfaces.OpenEncoder")
        found.network.eval().requires_grad_(False)
        with torch.no_grad():
            self._features(found.network, torch.zeros(2, *found.input.shape), found.dim)
        return found

    def _features(self, network: nn.Module, images: torch.Tensor, dim: int) -> torch.Tensor:
        """Return what the network makes of images [B, 3, H, W]: features [B, D].

        Raises:
            InvalidOption: it raises, or returns something else.
        """
        try:
            features: Any = network(images)
        except (MemoryError, OSError):
            raise
        except Exception as error:  # a network of the user's or of a library may raise anything
            size = " x ".join(map(str, images.shape[2:]))
            raise InvalidOption(
                f"the encoder '{self.name}' fails on images of {size} pixels: {told(error)}"
            ) from error
        shape = getattr(features, "shape", None)
        if shape != (len(images), dim) or not dim:
            found = type(features).__name__ if shape is None else tuple(shape)
            raise InvalidOption(
                f"the encoder '{self.name}' should return features [{len(images)}, {dim or 'D'}] of "
                f"images [{', '.join(map(str, images.shape))}], not {found}{self._where(network)}"
            )
        tensor: torch.Tensor = features
        return tensor

    def _where(self, network: nn.Module) -> str:
        """Return where the network's code begins, or the plugin's if it is another's than alkit's own."""
        owner = registry.encoders.owner(type(self.plugin))
        is_own = owner is not None and owner.distribution == "alkit"
        return where(network, "forward") or ("" if is_own else where(self.plugin, "open"))

    @property
    def source(self) -> str:
        """Python code that makes the network without alkit; empty if there is none."""
        return self.plugin.source(self.variant)

    @property
    def network(self) -> nn.Module:
        """The network, in eval mode, on the CPU unless it was moved."""
        return self.opened.network

    @property
    def input(self) -> EncoderInput:
        """How the encoder takes images."""
        return self.opened.input

    @property
    def dim(self) -> int:
        """How many features an image has."""
        return self.opened.dim

    @cached_property
    def identity(self) -> str:
        """A hash of all that the features depend on."""
        text = self.plugin.identity(self.variant)
        if not text:
            text = f"{self.input!r} {self._probed()}"
        return hashlib.sha256(f"{self.name} {text}".encode()).hexdigest()

    def _probed(self) -> str:
        """Hash the weights, and what the network makes of a few fixed images, as far as machines agree on it.

        Features differ in their last digits between machines; so a few sums of them are taken and rounded.
        """
        import torch  # noqa: PLC0415  # torch takes seconds to import

        generator = torch.Generator().manual_seed(0)
        images = torch.randn(PROBES, *self.input.shape, generator=generator)
        with torch.no_grad():
            features = self._features(self.network.cpu(), images, self.dim).double()
        sums = features @ torch.randn(self.dim, 2, generator=generator).double()
        rounded = (sums / features.norm().clamp_min(1e-12) * 1e3).round().to(torch.int64)
        digest = hashlib.sha256(str(rounded.tolist()).encode())
        for name, tensor in self.network.state_dict().items():
            digest.update(name.encode())
            digest.update(tensor.cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()

    def embed(self, device: torch.device) -> Any:
        """Return the encoder as a function from normalized images [B, 3, H, W] to features [B, D]."""
        import torch  # noqa: PLC0415  # torch takes seconds to import

        network = self.network.to(device)

        def embedded(images: torch.Tensor) -> torch.Tensor:
            at_once = max(1, PIXELS_AT_ONCE // (images.shape[2] * images.shape[3]))
            size = at_once if device.type == "cpu" else len(images)
            with torch.inference_mode():
                parts = [
                    self._features(network, part.to(device), self.dim).float()
                    for part in images.split(max(1, size))
                ]
            return torch.cat(parts)

        return embedded


def open_encoder(
    name: str, *, weights: str = "", download: bool = False, precision: str = "float32"
) -> NamedEncoder:
    """Find an encoder by name.

    Args:
        name: `efficientnet-lite0`, `torchvision/resnet50`, `timm/NAME`, `open_clip/MODEL/TAG`,
            `transformers/OWNER/NAME`, `file:PATH.py:factory`, or another plugin's.
        weights: file with the weights; those of the library if empty.
        download: let a library download its weights.
        precision: in which features are kept, `float32` or `float16`.

    Raises:
        UnknownPlugin: there is no such encoder; the message suggests the nearest name.
    """
    plain, _, variant = _split(name)
    try:
        cls = registry.encoders.get(plain)
    except UnknownPlugin as error:
        raise UnknownPlugin(_suggestion(name)) from error
    plugin: Encoder = build(cls, {"weights": weights, "download": download})
    return NamedEncoder(name, plugin, variant, precision)


def installed_encoder() -> str | None:
    """Return the name of the encoder to recommend for photos if it is installed, or None."""
    try:
        plugin: Encoder = build(registry.encoders.get(RECOMMENDED), {})
        return RECOMMENDED if plugin.is_installed() else None
    except AlkitError:
        return None


def _split(name: str) -> tuple[str, str, str]:
    found = re.match(r"([^/:]+)([/:]?)(.*)", name, re.DOTALL)
    return (found[1], found[2], found[3]) if found else (name, "", "")


def _suggestion(name: str) -> str:
    names = sorted({plugin.name for plugin in registry.encoders})
    before, sign, rest = _split(name)

    def called(plugin: str) -> str:
        return f"{plugin}{sign}{rest}" if rest else EXAMPLES.get(plugin, plugin)

    close = nearest(before, names, cutoff=0.85 if rest else 0.75)
    if (rest and close) or any(alike(one, before) for one in names):
        variants = []
    else:
        variants = list(_variants(name, names))
    meant = next((text for text, variant in variants if alike(variant, name)), None)
    meant = meant or (called(close) if close else next((text for text, _ in variants), None))
    shown = ", ".join(EXAMPLES.get(one, one) for one in names)
    return f"there is no encoder '{name}'; " + (
        f"did you mean '{meant}'?" if meant else f"choose from {shown}"
    )


def _variants(guess: str, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield what each encoder takes a guess for: how it is written, and the variant alone."""
    for name in (*MOST_USED, *(one for one in names if one not in MOST_USED)):
        try:
            variant = build(registry.encoders.get(name), {}).nearest(guess)
        except Exception:  # what one plugin cannot say, another may
            continue
        if variant:
            yield f"{name}{':' if name == 'file' else '/'}{variant}", variant
