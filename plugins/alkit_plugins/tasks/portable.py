"""Networks without alkit: the source of a module that makes one, and the network itself with its weights.

They return logits. Where the labels are numbers, `ScaledNumbers` is around them.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from alkit.training import PortableNetwork

from .networks import (
    BUILT_IN,
    SMALL,
    SmallCNN,
    factory_options,
    imported,
    resnet18_cifar,
    torchvision_options,
)
from .segmentation_networks import BASES
from .taps import Wiring
from .unet import UNet, block

if TYPE_CHECKING:
    from alkit import NamedEncoder

Scale = tuple[Tensor, Tensor]
"""Mean and deviation of numbers, [K] each."""
HEAD = '''"""The network of this model; it takes normalized images, and alkit is not needed."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
'''


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkRecipe:
    """How a network is made.

    Attributes:
        name: as users name it.
        in_channels: of the images.
        num_classes: outputs.
        side: the longer side of the images in pixels.
        grey: grey images go into a network for three channels.
        frozen: where a frozen backbone's embedding comes from, for a linear classifier; None if the network
            classifies by itself.
    """

    name: str
    in_channels: int
    num_classes: int
    side: int
    grey: bool = False
    frozen: Wiring | None = None


class FirstOutput(nn.Module):
    """The main output of a network that may have several.

    Args:
        network: of any kind.
        grey: it takes three channels, and the images have one.
    """

    def __init__(self, network: nn.Module, *, grey: bool) -> None:
        super().__init__()
        self.network, self.grey = network, grey

    def forward(self, images: Tensor) -> Tensor:
        """Return logits [B, classes] for images [B, C, H, W]."""
        output = self.network(images.expand(-1, 3, -1, -1) if self.grey else images)
        while not isinstance(output, torch.Tensor):
            output = next(iter(output.values())) if isinstance(output, dict) else output[0]
        return output


class FrozenClassifier(nn.Module):
    """A linear classifier on the embedding that a module of the backbone takes in or returns.

    Args:
        backbone: the whole network.
        module: name of the module in it.
        from_input: the embedding is the module's input, not its output.
        channels_last: its maps are [B, H, W, C].
        width: of the embedding.
        num_classes: outputs.
    """

    def __init__(
        self,
        backbone: nn.Module,
        module: str,
        *,
        from_input: bool,
        channels_last: bool,
        width: int,
        num_classes: int,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = nn.Sequential(nn.BatchNorm1d(width, affine=False), nn.Linear(width, num_classes))
        self._channels_last = channels_last
        self._found: list[Any] = []
        place = backbone.get_submodule(module)
        if from_input:
            place.register_forward_pre_hook(lambda _, inputs: self._found.append(inputs[0]))
        else:
            place.register_forward_hook(lambda _, inputs, output: self._found.append(output))

    def forward(self, images: Tensor) -> Tensor:
        """Return logits [B, classes] for images [B, C, H, W]."""
        self.backbone(images)
        found = self._found.pop()
        self._found.clear()
        while not isinstance(found, torch.Tensor):
            found = next(iter(found.values())) if isinstance(found, dict) else found[0]
        if found.dim() == 4:
            found = found.mean(dim=(1, 2) if self._channels_last else (2, 3))
        elif found.dim() == 3:
            found = found.mean(dim=1)
        logits: Tensor = self.head(found.float())
        return logits


class ScaledNumbers(nn.Module):
    """Numbers in the units of the labels, from a network that computes them with mean 0 and deviation 1.

    Args:
        network: returns [B, K], or [B, 2 K] with the logarithms of variances.
        count: how many numbers, K.
    """

    def __init__(self, network: nn.Module, count: int) -> None:
        super().__init__()
        self.network = network
        self.mean: Tensor
        self.deviation: Tensor
        self.register_buffer("mean", torch.zeros(count))
        self.register_buffer("deviation", torch.ones(count))

    def forward(self, images: Tensor) -> Tensor:
        """Return numbers [B, K], and after them their standard deviations if the network computes these."""
        raw = self.network(images).float()
        count = len(self.mean)
        numbers = raw[:, :count] * self.deviation + self.mean
        if raw.shape[1] == count:
            return numbers
        spread = (raw[:, count:].clamp(-5.0, 5.0) / 2).exp()
        return torch.cat([numbers, spread * self.deviation], dim=1)


class EncodedClassifier(nn.Module):
    """A classifier on the features of an encoder, which all get the same length.

    Args:
        encoder: from images to features.
        width: of the features.
        hidden: units between features and outputs; none for a linear classifier.
        num_classes: outputs.
        norm: the length.
    """

    def __init__(self, encoder: nn.Module, *, width: int, hidden: int, num_classes: int, norm: float) -> None:
        super().__init__()
        self.encoder, self.norm = encoder, norm
        layers: list[nn.Module] = []
        if hidden:
            layers += [nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(0.2)]
        layers.append(nn.Linear(hidden or width, num_classes))
        self.classifier = nn.Sequential(*layers)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits [B, classes] for images [B, 3, H, W]."""
        features = nn.functional.normalize(self.encoder(images).float(), dim=1)
        logits: Tensor = self.classifier(self.norm * features)
        return logits


def portable_encoded(
    encoder: NamedEncoder,
    classifier: nn.Module,
    scale: Scale | None = None,
    *,
    hidden: int,
    num_classes: int,
    norm: float,
) -> PortableNetwork:
    """Return a classifier on an encoder without alkit; its source is empty if the encoder has none.

    Args:
        encoder: makes the features.
        classifier: the layers on them.
        scale: of numbers; None for logits.
        hidden: units between features and outputs.
        num_classes: outputs.
        norm: length of the features.
    """
    arguments: dict[str, Any] = {
        "width": encoder.dim,
        "hidden": hidden,
        "num_classes": num_classes,
        "norm": norm,
    }
    source = encoder.source
    network: nn.Module
    if source:
        definitions = [HEAD + source, inspect.getsource(EncodedClassifier), *_scaling(scale)]
        made = f"EncodedClassifier(make_encoder(), {_arguments(arguments)})"
        source = "\n\n".join([*definitions, making([f"network: nn.Module = {made}"], scale)])
        network = run_source(source)
    else:
        network = EncodedClassifier(copy.deepcopy(encoder.network).cpu(), **arguments)
        network = network if scale is None else ScaledNumbers(network, len(scale[0]))
    weights = joined(encoder=encoder.network.state_dict(), classifier=classifier.state_dict())
    _inside(network, scale).load_state_dict({name: tensor.detach().cpu() for name, tensor in weights.items()})
    return PortableNetwork(
        network=network.eval().requires_grad_(False),
        source=source,
        name=encoder.name.rpartition("/")[2] if encoder.name.startswith("file:") else encoder.name,
        arguments={**arguments, "frozen_backbone": True},
    )


def joined(**parts: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights of modules as those of a module that has them under these names."""
    return {f"{part}.{name}": tensor for part, weights in parts.items() for name, tensor in weights.items()}


def portable(
    recipe: NetworkRecipe, weights: Mapping[str, Tensor], scale: Scale | None = None
) -> PortableNetwork:
    """Return a network without alkit, made by its own source.

    Args:
        recipe: how it is made.
        weights: of the network, or of `backbone` and `head` if the backbone is frozen.
        scale: of numbers; None for logits.
    """
    wrapped = recipe.grey or ":" in recipe.name
    source = source_of(recipe, scale, wrapped=wrapped)
    network = run_source(source)
    kept = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    inner = _inside(network, scale)
    if wrapped:  # around the whole network, or around the backbone
        if recipe.frozen is None:
            inner = inner.get_submodule("network")
        else:
            kept = {
                name.replace("backbone.", "backbone.network.", 1) if name.startswith("backbone.") else name: w
                for name, w in kept.items()
            }
    inner.load_state_dict(kept)
    return PortableNetwork(
        network=network.eval(),
        source=source,
        name=recipe.name,
        arguments={
            "in_channels": recipe.in_channels,
            "num_classes": recipe.num_classes,
            "side": recipe.side,
            "frozen_backbone": recipe.frozen is not None,
        },
    )


def portable_dense(
    name: str, network: nn.Module, in_channels: int, num_classes: int, *, grey: bool
) -> PortableNetwork:
    """Return a network for masks without alkit; its source is empty unless it is the built-in U-Net.

    Args:
        name: as users name it.
        network: with its weights, on the CPU.
        in_channels: of the images.
        num_classes: outputs for each pixel.
        grey: grey images go into a network for three channels.
    """
    source = ""
    if name in BASES:
        imports = "import itertools\n\nfrom torch.nn import functional\n"
        made = f"network: nn.Module = UNet({in_channels}, {num_classes}, {BASES[name]})"
        definitions = [inspect.getsource(block), inspect.getsource(UNet)]
        source = "\n\n".join([HEAD + imports, *definitions, making([made])])
    else:
        network = FirstOutput(network, grey=grey)
    return PortableNetwork(
        network=network.eval().requires_grad_(False),
        source=source,
        name=name,
        arguments={"in_channels": in_channels, "num_classes": num_classes, "frozen_backbone": False},
    )


def run_source(source: str) -> nn.Module:
    """Return the network that a source makes."""
    namespace: dict[str, Any] = {"__name__": "network"}
    exec(compile(source, "network.py", "exec"), namespace)
    network: nn.Module = namespace["make_network"]()
    return network


def _inside(network: nn.Module, scale: Scale | None) -> nn.Module:
    """Set the scale, and return the network whose numbers get it; the network itself for logits."""
    if scale is None:
        return network
    for name, value in zip(("mean", "deviation"), scale, strict=True):
        network.get_buffer(name).copy_(value.detach().cpu())
    return network.get_submodule("network")


def _scaling(scale: Scale | None) -> list[str]:
    return [] if scale is None else [inspect.getsource(ScaledNumbers)]


def making(lines: Sequence[str], scale: Scale | None = None) -> str:
    """Return the function that makes the network, from the lines that make the one inside."""
    scaled = [] if scale is None else [f"network = ScaledNumbers(network, {len(scale[0])})"]
    body = "\n".join(f"    {line}" for line in [*lines, *scaled, "return network"])
    doc = '    """Return the network with new weights; those of the model are in model.safetensors."""'
    return f"def make_network() -> nn.Module:\n{doc}\n{body}\n"


def source_of(recipe: NetworkRecipe, scale: Scale | None = None, *, wrapped: bool) -> str:
    """Return the text of a module whose `make_network()` makes the network."""
    imports, definitions, made = _made(recipe)
    lines = [f"network: nn.Module = {made}"]
    if wrapped:
        definitions.append(inspect.getsource(FirstOutput))
        lines.append(f"network = FirstOutput(network, grey={recipe.grey})")
    if (wiring := recipe.frozen) is not None:
        definitions.append(inspect.getsource(FrozenClassifier))
        place = f"network.{wiring.embedding}" if wrapped else wiring.embedding
        lines += [
            "network = FrozenClassifier(",
            "    network,",
            f"    {place!r},",
            f"    from_input={wiring.from_input},",
            f"    channels_last={not wiring.from_input and wiring.embedding in wiring.channels_last},",
            f"    width={wiring.embedding_dim},",
            f"    num_classes={recipe.num_classes},",
            ")",
        ]
    return "\n\n".join([HEAD + imports, *definitions, *_scaling(scale), making(lines, scale)])


def _made(recipe: NetworkRecipe) -> tuple[str, list[str], str]:
    """Return imports, definitions and the expression that makes a network."""
    name, channels, classes, side = recipe.name, recipe.in_channels, recipe.num_classes, recipe.side
    if name in ("small-cnn", "tiny-cnn"):
        base = "" if name == "small-cnn" else ", base=16"
        return "", [inspect.getsource(SmallCNN)], f"SmallCNN({channels}, {classes}, {side}{base})"
    if name == BUILT_IN[2] and side <= SMALL:
        return "", [inspect.getsource(resnet18_cifar)], f"resnet18_cifar({channels}, {classes})"
    if ":" in name:
        module, _, attribute = name.partition(":")
        return (
            f"from {module} import {attribute}\n",
            [],
            call_text(attribute, factory_options(imported(name), channels, classes)),
        )
    options = torchvision_options(name, classes, side)
    return "from torchvision import models\n", [], call_text("models.get_model", options, repr(name))


def call_text(function: str, options: Mapping[str, Any], *first: str) -> str:
    """Return the text of a call."""
    return f"{function}({', '.join([*first, _arguments(options)])})"


def _arguments(options: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={value!r}" for key, value in options.items())
