"""The feature maps of a pretrained encoder, and a light decoder that gives every pixel a class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from alkit.errors import InvalidOption

from .frozen import CachedRows
from .networks import logits
from .taps import Call, default_taps, trace

if TYPE_CHECKING:
    from pathlib import Path

    from alkit import NamedEncoder

WIDTH = 64
PADDING = (nn.ZeroPad2d, nn.ConstantPad2d, nn.ReflectionPad2d, nn.ReplicationPad2d)


class EncoderMaps(nn.Module):
    """An encoder that also returns its maps: those at the ends of its stages, up to the last four.

    Args:
        encoder: the encoder.
        image_shape: (C, H, W) of the images; one channel is repeated.

    Attributes:
        shapes: (C, H, W) of each map, the largest first.
        dim: width of the encoder's features.

    Raises:
        InvalidOption: it does not take such images, or it has no maps of at least two sizes.
    """

    def __init__(self, encoder: NamedEncoder, image_shape: tuple[int, int, int]) -> None:
        super().__init__()
        channels, height, width = image_shape
        if channels not in (1, 3):
            raise InvalidOption(
                f"the encoder '{encoder.name}' takes images of 1 or 3 channels, and these have {channels}; "
                "leave out the option 'encoder'"
            )
        self.network, self.dim = encoder.network, encoder.dim
        self._flipped = encoder.input.channels == "BGR"
        _, calls = trace(self.network, torch.zeros(2, 3, height, width))
        self._calls = _stages(calls)
        if len(self._calls) < 2:
            raise InvalidOption(
                f"the encoder '{encoder.name}' has no feature maps of several sizes for images of "
                f"{height} x {width} pixels; choose a convolutional one, such as efficientnet-lite0"
            )
        self.shapes = tuple(_map_shape(call) for call in self._calls)
        self._seen: dict[str, Tensor] = {}
        modules = dict(self.network.named_modules())
        for call in self._calls:
            modules[call.name].register_forward_hook(self._keep(call))

    def forward(self, images: Tensor) -> tuple[list[Tensor], Tensor]:
        """Return the maps, each [B, C, H, W], and the features [B, dim] of images [B, 1 or 3, H, W]."""
        images = images.expand(-1, 3, -1, -1)
        features: Tensor = self.network(images.flip(1) if self._flipped else images)
        maps = [self._seen[call.name] for call in self._calls]
        self._seen.clear()
        return maps, features

    def _keep(self, call: Call) -> Any:
        def hook(module: nn.Module, given: Any, output: Any) -> None:
            found = logits(output)
            self._seen[call.name] = found.movedim(3, 1) if call.channels_last else found

        return hook


def _map_shape(call: Call) -> tuple[int, int, int]:
    height, width = call.size
    return call.shape[3] if call.channels_last else call.shape[1], height, width


def _stages(calls: Sequence[Call]) -> list[Call]:
    """Return the end of each stage of the network, the largest map first; none if there are no maps."""
    maps = [call for call in calls if len(call.shape) == 4 and call.size != (1, 1)]
    names = default_taps([call for call in maps if not isinstance(call.module, PADDING)])
    found = {call.size: call for call in maps if call.name in names}
    return list(found.values()) if len(found) == len(names) else []


class FrozenMaps(CachedRows):
    """The maps and features of a frozen encoder, by image store: one row of numbers per image.

    Args:
        maps: the encoder, on its device.
        device: where rows go.
        cache_dir: folder that keeps rows for other processes, or None.
    """

    def __init__(self, maps: EncoderMaps, device: torch.device, cache_dir: Path | None) -> None:
        self._sizes = [c * h * w for c, h, w in maps.shapes]
        super().__init__(maps, sum(self._sizes) + maps.dim, device, cache_dir)
        self._shapes = maps.shapes

    def fits(self, images: int, most: int) -> bool:
        """Say whether the rows of so many images take at most so many bytes."""
        return images * self._dim * 4 <= most

    def embed(self, images: Tensor) -> Tensor:
        """Return rows [B, D] of images, in float32 wherever they are computed first."""
        with torch.no_grad(), torch.autocast(images.device.type, enabled=False):
            maps, features = self.backbone(images)
        return torch.cat([*(one.flatten(1) for one in maps), features], dim=1).float()

    def unpacked(self, rows: Tensor) -> tuple[list[Tensor], Tensor]:
        """Return the maps and features that rows [B, D] hold."""
        *parts, features = rows.split([*self._sizes, rows.shape[1] - sum(self._sizes)], dim=1)
        return [part.unflatten(1, shape) for part, shape in zip(parts, self._shapes, strict=True)], features


class MapDecoder(nn.Module):
    """A feature pyramid (Lin et al., CVPR 2017) with one classifier on its largest level.

    Args:
        channels: of each map, the largest map first.
        num_classes: number of outputs.
        width: channels of each level.
    """

    def __init__(self, channels: Sequence[int], num_classes: int, width: int = WIDTH) -> None:
        super().__init__()
        self.laterals = nn.ModuleList(
            nn.Sequential(nn.Conv2d(count, width, 1, bias=False), nn.BatchNorm2d(width)) for count in channels
        )
        self.smooth = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)
        )
        self.head = nn.Conv2d(width, num_classes, 1)

    def forward(self, maps: Sequence[Tensor], size: tuple[int, int]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Return logits [B, classes, *size], and the levels [B, width, H, W], the largest first."""
        levels: list[Tensor] = []
        for lateral, one in zip(reversed(self.laterals), reversed(maps), strict=True):
            level = lateral(one)
            if levels:
                level = level + functional.interpolate(levels[0], size=level.shape[2:])
            levels.insert(0, functional.relu(level))
        found = self.head(self.smooth(levels[0]))
        return functional.interpolate(found, size=size, mode="bilinear", align_corners=False), tuple(levels)


class OnEncoder(nn.Module):
    """An encoder and a decoder as one network.

    Args:
        maps: the encoder.
        decoder: on its maps.
    """

    def __init__(self, maps: EncoderMaps, decoder: MapDecoder) -> None:
        super().__init__()
        self.maps, self.decoder = maps, decoder

    def forward(self, images: Tensor) -> Tensor:
        """Return logits [B, classes, H, W] for images [B, C, H, W]."""
        logits: Tensor = self.decoder(self.maps(images)[0], (images.shape[2], images.shape[3]))[0]
        return logits
