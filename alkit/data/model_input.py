"""From images of any origin to a model's input: the same preprocessing as in training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .preprocessing import read_blocks

if TYPE_CHECKING:
    from torch import Tensor

    from alkit._typing import Pixels

    from .encoder_input import EncoderInput
    from .source import DecodedImage, Source
    from .store import ImageStore

    Shape = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How an image becomes what a model takes; the same in training and ever after.

    Attributes:
        shape: (C, H, W) that images are stretched to.
        mean: per channel, in [0, 1].
        std: per channel, in [0, 1].
        encoder_input: how an encoder takes images instead, or None.
    """

    shape: Shape
    mean: tuple[float, ...]
    std: tuple[float, ...]
    encoder_input: EncoderInput | None = None

    @classmethod
    def of(cls, images: ImageStore) -> Preprocessing:
        """Return the preprocessing of a pool's images, normalized by their own statistics."""
        return cls(images.shape, tuple(images.mean.tolist()), tuple(images.std.tolist()))

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
        rows = np.zeros((0, *self.shape), dtype=np.uint8)
        for more, fresh in read_blocks(source, keys, self.shape, workers, self.encoder_input):
            readings, rows = readings + more, np.concatenate([rows, fresh])
            while len(rows) >= size:
                yield readings[:size], self._normalized(readings[:size], rows[:size])
                readings, rows = readings[size:], rows[size:]
        if readings:
            yield readings, self._normalized(readings, rows)

    def _normalized(self, readings: Sequence[DecodedImage], rows: Pixels) -> Tensor:
        import torch  # noqa: PLC0415  # torch takes seconds to import

        usable = np.array([reading.unusable is None for reading in readings], dtype=bool)
        return normalize(torch.from_numpy(rows[usable]), torch.tensor(self.mean), torch.tensor(self.std))


def normalize(pixels: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """Return images [B, C, H, W] uint8 as float32, with mean and deviation per channel taken out."""
    offset = (255.0 * mean).view(1, -1, 1, 1).to(pixels.device)
    scale = (255.0 * std).reciprocal().view(1, -1, 1, 1).to(pixels.device)
    return (pixels.float() - offset) * scale
