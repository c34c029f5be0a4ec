"""How an encoder takes images: size, resize rule, order of channels, normalization."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from alkit.utils.json_values import AsDict

if TYPE_CHECKING:
    from PIL import Image

    from alkit._typing import Pixels

ResizeRule = Literal["crop", "stretch", "letterbox"]
GREY = 127  # of the bars beside a letterboxed image


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderInput(AsDict):
    """How an image becomes what an encoder takes.

    Attributes:
        size: (height, width) in pixels.
        mean: per channel, in [0, 1].
        std: per channel, in [0, 1].
        resize: `crop` shrinks the shorter side and takes the center; `stretch` changes the proportions;
            `letterbox` keeps them and adds grey bars.
        crop: with `crop`, the share of the shorter side that stays.
        bicubic: interpolate with a bicubic filter instead of a bilinear one.
        channels: their order.
    """

    size: tuple[int, int]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    resize: ResizeRule = "crop"
    crop: float = 1.0
    bicubic: bool = False
    channels: Literal["RGB", "BGR"] = "RGB"

    def __post_init__(self) -> None:
        """Refuse what `prepare` does not know.

        Raises:
            ValueError: there is no such rule or order of channels, or the numbers are too few or too many.
        """
        for name, numbers, count in (("size", self.size, 2), ("mean", self.mean, 3), ("std", self.std, 3)):
            if not isinstance(numbers, (tuple, list)) or len(numbers) != count:
                raise ValueError(f"{name} of EncoderInput should be {count} numbers, not {numbers!r:.60}")
        for name, value, known in (
            ("resize", self.resize, get_args(ResizeRule)),
            ("channels", self.channels, ("RGB", "BGR")),
        ):
            if value not in known:
                raise ValueError(f"{name} of EncoderInput should be one of {', '.join(known)}, not {value!r}")

    def __str__(self) -> str:
        rule = {"crop": f"center {self.crop:.0%}", "stretch": "stretched", "letterbox": "letterboxed"}
        height, width = self.size
        mean, std = (",".join(f"{value:.3g}" for value in values) for values in (self.mean, self.std))
        return f"{height} x {width} pixels, {rule[self.resize]}, {self.channels}, mean {mean}, std {std}"

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of a prepared image."""
        return (3, *self.size)

    @property
    def at_least(self) -> tuple[int, int]:
        """(height, width) that a decoded image should have before it is resized."""
        height, width = self.size
        return (round(height / self.crop), round(width / self.crop))

    def prepare(self, pixels: Pixels) -> Pixels:
        """Turn pixels [h, w, c] uint8 into [3, H, W] uint8, before normalization."""
        from PIL import Image  # noqa: PLC0415  # Pillow is slow to import

        image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).convert("RGB")
        height, width = self.size
        if self.resize == "crop":
            share = max(width / image.width, height / image.height) / self.crop
            image = self._resized(image, share)
            left, top = (image.width - width) // 2, (image.height - height) // 2
            image = image.crop((left, top, left + width, top + height))
        elif self.resize == "letterbox":
            inner = self._resized(image, min(width / image.width, height / image.height))
            image = Image.new("RGB", (width, height), (GREY,) * 3)
            image.paste(inner, ((width - inner.width) // 2, (height - inner.height) // 2))
        else:
            image = image.resize((width, height), self._filter)
        array = np.asarray(image).transpose(2, 0, 1)
        return array[::-1] if self.channels == "BGR" else array

    def _resized(self, image: Image.Image, share: float) -> Image.Image:
        size = (max(1, round(image.width * share)), max(1, round(image.height * share)))
        return image if size == image.size else image.resize(size, self._filter)

    @property
    def _filter(self) -> Image.Resampling:
        from PIL import Image  # noqa: PLC0415  # Pillow is slow to import

        return Image.Resampling.BICUBIC if self.bicubic else Image.Resampling.BILINEAR
