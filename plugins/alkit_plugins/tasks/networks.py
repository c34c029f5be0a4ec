"""Networks for classification: three built-in ones, those of torchvision, and any other by import path."""

from __future__ import annotations

import contextlib
import difflib
import importlib
import inspect
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn

from alkit import seeding
from alkit.errors import AlkitError, InvalidOption

ENCODERS = {
    "dino": "timm/vit_small_patch14_dinov2.lvd142m",
    "clip": "timm/vit_base_patch16_clip_224.openai",
    "efficientnet": "efficientnet-lite0",
}
"""Encoders that are meant, by a word in the name of a network."""
SMALL = 64
"""Side up to which `resnet18` is the variant for small images."""
BUILT_IN = ("small-cnn", "tiny-cnn", "resnet18")


class SmallCNN(nn.Module):
    """Up to five 3 x 3 convolutions with batch normalization, with the image halved between them.

    Made for CPUs and images of 8 to 96 pixels; about 0.2 million weights.

    Args:
        in_channels: channels of the images.
        num_classes: number of outputs.
        side: side of the images in pixels.
        base: channels of the first convolution; the others are in proportion.
    """

    def __init__(self, in_channels: int, num_classes: int, side: int, base: int = 32) -> None:
        super().__init__()
        halvings = min(4, max(1, int(math.log2(max(side, 2))) - 1))
        widths = [base * share // 2 for share in (2, 4, 6, 8, 8)[: halvings + 1]]
        stages, before = [], in_channels
        for number, width in enumerate(widths):
            layers: list[nn.Module] = [nn.MaxPool2d(2, ceil_mode=True)] if number else []
            # Above 48 pixels the first convolution has stride 2, so that the cost stays similar.
            stride = 2 if number == 0 and side > 48 else 1
            layers += [
                nn.Conv2d(before, width, 3, stride, 1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(inplace=True),
            ]
            stages.append(nn.Sequential(*layers))
            before = width
        self.stages = nn.Sequential(*stages)
        self.head = nn.Linear(before, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits [B, classes] for images [B, C, H, W]."""
        features: Tensor = self.stages(images)
        return self.head(features.mean(dim=(2, 3)))


def resnet18_cifar(in_channels: int, num_classes: int) -> nn.Module:
    """Return ResNet-18 with a 3 x 3 stem and no max-pooling (He et al., CVPR 2016, as used on CIFAR)."""
    from torchvision.models import resnet18  # noqa: PLC0415  # torchvision takes seconds to import

    network: nn.Module = resnet18(weights=None, num_classes=num_classes)
    network.conv1 = nn.Conv2d(in_channels, 64, 3, 1, 1, bias=False)
    network.maxpool = nn.Identity()
    return network


def find(name: str, in_channels: int, num_classes: int, side: int) -> Callable[[], nn.Module]:
    """Return a function that makes the network `name`: built-in, torchvision's or `package.module:factory`.

    A factory is called with `num_classes` and, if it takes it, `in_channels`.

    Raises:
        InvalidOption: there is no such network.
    """
    if name == "small-cnn":
        return lambda: SmallCNN(in_channels, num_classes, side)
    if name == "tiny-cnn":
        return lambda: SmallCNN(in_channels, num_classes, side, base=16)
    if name == "resnet18" and side <= SMALL:
        return lambda: resnet18_cifar(in_channels, num_classes)
    if ":" in name:
        own = imported(name)
        options = factory_options(own, in_channels, num_classes)
        return lambda: own(**options)
    from torchvision import models  # noqa: PLC0415  # torchvision takes seconds to import

    if name not in models.list_models(module=models):
        raise InvalidOption(
            f"there is no network '{name}'{_nearest(name)}; choose from {', '.join(BUILT_IN)}, "
            "torchvision's classification models (resnet50, mobilenet_v3_small, vit_b_16, ...) or your own "
            "as package.module:factory"
        )
    builder, options = models.get_model_builder(name), torchvision_options(name, num_classes, side)
    return lambda: builder(**options)


def torchvision_builder(
    name: str,
    family: Literal["segmentation", "detection"],
    short: Mapping[str, str],
    own: Iterable[str],
    *,
    without: tuple[str, ...] = (),
) -> tuple[str, Callable[..., nn.Module]]:
    """Return the full name and the function of one of torchvision's networks that are not for classification.

    Args:
        name: full, or a short one.
        family: what the networks are for.
        short: full names by short ones.
        own: names of alkit's own networks, for the message.
        without: beginnings of the names of networks that cannot be used.

    Raises:
        InvalidOption: there is no such network.
    """
    from torchvision import models  # noqa: PLC0415  # torchvision takes seconds to import

    full = short.get(name, name)
    if full not in models.list_models(module=getattr(models, family)) or full.startswith(without):
        raise InvalidOption(
            f"there is no network '{name}' for {family}; choose from {', '.join([*own, *short])}, "
            f"torchvision's {family} models, or your own as package.module:factory"
        )
    return full, models.get_model_builder(full)


def _nearest(name: str) -> str:
    """Return a suggestion for a name that is no network, in parentheses."""
    from torchvision import models  # noqa: PLC0415  # torchvision takes seconds to import

    encoder = (
        name if "/" in name else next((full for word, full in ENCODERS.items() if word in name.lower()), "")
    )
    if encoder:
        return f" (did you mean the pretrained --encoder {encoder}?)"
    close = difflib.get_close_matches(name, [*BUILT_IN, *models.list_models(module=models)], n=1)
    return f" (did you mean '{close[0]}'?)" if close else ""


def torchvision_options(name: str, num_classes: int, side: int) -> dict[str, Any]:
    """Return the arguments of torchvision's function that makes a network."""
    options: dict[str, Any] = {"weights": None, "num_classes": num_classes}
    if name in ("googlenet", "inception_v3"):
        options.update(aux_logits=False, init_weights=True)
    if name.startswith("vit_"):
        options["image_size"] = side
    return options


def imported(path: str) -> Any:
    """Return a user's factory from its path, `package.module:factory`.

    Raises:
        InvalidOption: it cannot be imported.
    """
    module_name, _, attribute = path.partition(":")
    try:
        return getattr(importlib.import_module(module_name), attribute)
    except Exception as error:  # third-party modules may raise anything
        raise InvalidOption(
            f"the network '{path}' cannot be imported: {type(error).__name__}: {error}; check that its "
            "folder is on PYTHONPATH"
        ) from error


def factory_options(factory: Any, in_channels: int, num_classes: int) -> dict[str, Any]:
    """Return the arguments of a user's factory."""
    try:
        takes_channels = "in_channels" in inspect.signature(factory).parameters
    except (TypeError, ValueError):
        takes_channels = False
    return {"num_classes": num_classes, **({"in_channels": in_channels} if takes_channels else {})}


def make(factory: Callable[[], nn.Module], name: str, seed: int) -> nn.Module:
    """Make a network with weights from a seed.

    Raises:
        InvalidOption: the factory, which may be the user's code, raises or returns something else.
    """
    with seeding.fence(seed):
        try:
            network = factory()
        except Exception as error:
            raise InvalidOption(f"the network '{name}' cannot be made: {_in_words(error)}") from error
    if not isinstance(network, nn.Module):
        raise InvalidOption(
            f"the network '{name}' should be a torch.nn.Module, but its factory returned "
            f"{type(network).__name__}"
        )
    return network


@contextlib.contextmanager
def tried_on(name: str, image_shape: tuple[int, int, int]) -> Iterator[None]:
    """Run a network for the first time.

    Raises:
        InvalidOption: it raises; the message says which images it cannot take.
    """
    try:
        yield
    except AlkitError:
        raise
    except Exception as error:  # the user's code may raise anything
        size = "x".join(map(str, image_shape))
        raise InvalidOption(
            f"the network '{name}' cannot take images of {size} (channels, height, width); choose "
            f"another image size or network: {_in_words(error)}"
        ) from error


def _in_words(error: Exception) -> str:
    """Return the first line of an error; its kind too where the line does not say much without it."""
    line = (str(error).strip() or "no message").splitlines()[0]
    plain = isinstance(error, (RuntimeError, ValueError, TypeError))
    return line if plain else f"{type(error).__name__}: {line}"


def expected_channels(network: nn.Module) -> int | None:
    """Return the input channels of the first convolution, or None if there is no convolution."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            return module.in_channels
    return None


def logits(raw: Any) -> Tensor:
    """Return the main output of a network, which may return several."""
    while not isinstance(raw, torch.Tensor):
        raw = next(iter(raw.values())) if isinstance(raw, dict) else raw[0]
    return raw
