"""From images of any origin to a model's input: the same preprocessing as in training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .pixel_types import WHITE, PixelType
from .preprocessing import read_blocks

if TYPE_CHECKING:
    from torch import Tensor

    from alkit._typing import Values

    from .encoder_input import EncoderInput
    from .source import DecodedImage, Source
    from .store import ImageStore

    Shape = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How an image becomes what a model takes; the same in training and ever after.

    Attributes:
        shape: (C, H, W) that images are stretched to.
        mean: per channel, of values divided by `white`: in [0, 1], or as stored of float32.
        std: per channel, likewise.
        encoder_input: how an encoder takes images instead, or None.
        pixel_type: of the values that a model takes; an encoder takes uint8.
    """

    shape: Shape
    mean: tuple[float, ...]
    std: tuple[float, ...]
    encoder_input: EncoderInput | None = None
    pixel_type: PixelType = "uint8"

    @classmethod
    def of(cls, images: ImageStore) -> Preprocessing:
        """Return the preprocessing of a pool's images, normalized by their own statistics."""
        mean, std = tuple(images.mean.tolist()), tuple(images.std.tolist())
        return cls(images.shape, mean, std, pixel_type=images.pixel_type)

    @property
    def white(self) -> float:
        """By which values are divided first."""
        return WHITE[self.pixel_type]

    @classmethod
    def of_encoder(cls, taken: EncoderInput) -> Preprocessing:
        """Return the preprocessing that an encoder brings."""
        return cls(taken.shape, taken.mean, taken.std, taken)

    def batches(
        self, source: Source, keys: Sequence[str], size: int, *, workers: int | None = None
    ) -> Iterator[tuple[list[DecodedImage], Tensor]]:
        """Yield readings, and images [n, C, H, W] float32 on the CPU, `size` at a time, in order.

        An image that cannot be used counts among the readings only: n is the number of the others.
        """
        readings: list[DecodedImage] = []
        rows = np.zeros((0, *self.shape), dtype=self.pixel_type)
        for more, fresh in read_blocks(source, keys, self.shape, workers, self.encoder_input):
            readings, rows = readings + more, np.concatenate([rows, fresh])
            while len(rows) >= size:
                yield readings[:size], self._normalized(readings[:size], rows[:size])
                readings, rows = readings[size:], rows[size:]
        if readings:
            yield readings, self._normalized(readings, rows)

    def _normalized(self, readings: Sequence[DecodedImage], rows: Values) -> Tensor:
        import torch  # noqa: PLC0415  # torch takes seconds to import

        usable = np.array([reading.unusable is None for reading in readings], dtype=bool)
        kept = rows[usable].astype(np.int32) if rows.dtype == np.uint16 else rows[usable]
        return normalize(torch.from_numpy(kept), torch.tensor(self.mean), torch.tensor(self.std), self.white)


def normalize(pixels: Tensor, mean: Tensor, std: Tensor, white: float = 255.0) -> Tensor:
    """Return images [B, C, H, W] as float32, divided by `white`, mean and deviation per channel taken out."""
    offset = (white * mean).view(1, -1, 1, 1).to(pixels.device)
    scale = (white * std).reciprocal().view(1, -1, 1, 1).to(pixels.device)
    return (pixels.float() - offset) * scale
