"""Batches of tensors from stored images: drawn, normalized and augmented all at once, on the device."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from torch import Tensor

    from alkit._typing import Indices

    from .store import ImageStore


class Batch:
    """Some images of the pool; the pixels are loaded when they are first asked for.

    Attributes:
        indices: [B] int64, positions in the pool.
        targets: [B, ...] on the device, or None if unknown.
        loader: where the batch comes from.
    """

    def __init__(self, loader: Loader, indices: Indices, seed: int | None) -> None:
        self.indices, self.loader = indices, loader
        self._seed = seed
        self._images: Tensor | None = None
        self.targets = None if loader.targets is None else loader.target_rows(indices)

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def images(self) -> Tensor:
        """[B, C, H, W] float32 on the device, normalized, augmented if drawn for training."""
        if self._images is None:
            self._images = self.loader.load(self.indices, self._seed)
        return self._images

    @property
    def features(self) -> Tensor:
        """[B, D] float32 on the device: what the encoder made of the originals.

        Raises:
            ValueError: the images were not encoded.
        """
        if self.loader.store.features is None:
            raise ValueError("these images have no features, because no encoder was named for them")
        rows = np.asarray(self.loader.store.features[self.indices], dtype=np.float32)
        return torch.from_numpy(rows).to(self.loader.device)


class Loader:
    """Turns indices into batches.

    Args:
        images: the stored images.
        device: where batches go.
        targets: [n, ...] rows for the images in `labeled`, or None.
        labeled: [n] int64, the positions that `targets` are for.
        mean: per-channel mean in [0, 1]; the store's own by default.
        std: per-channel standard deviation in [0, 1]; the store's own by default.
    """

    def __init__(
        self,
        images: ImageStore,
        device: torch.device,
        *,
        targets: Tensor | None = None,
        labeled: Indices | None = None,
        mean: Tensor | None = None,
        std: Tensor | None = None,
    ) -> None:
        self.store, self.device = images, device
        self.targets = None if targets is None else targets.to(device)
        self._row = np.full(len(images), -1, dtype=np.int64)
        if labeled is not None:
            self._row[labeled] = np.arange(len(labeled))
        mean = images.mean if mean is None else mean
        std = images.std if std is None else std
        self._mean = (255.0 * mean).view(1, -1, 1, 1).to(device)
        self._scale = (255.0 * std).reciprocal().view(1, -1, 1, 1).to(device)

    def target_rows(self, indices: Indices) -> Tensor | None:
        """Return the targets of images, or None if any target is missing."""
        rows = self._row[indices]
        if self.targets is None or (rows < 0).any():
            return None
        return self.targets[torch.from_numpy(rows).to(self.device)]

    def load(self, indices: Indices, seed: int | None) -> Tensor:
        """Return images as [B, C, H, W] float32, normalized; augmented where a seed is given."""
        pixels = self.store.take(indices).to(self.device, non_blocking=True)
        if seed is not None:
            pixels = augment(pixels, torch.Generator().manual_seed(seed))
        return (pixels.float() - self._mean) * self._scale

    def sequential(self, indices: Indices, size: int) -> Iterator[Batch]:
        """Yield every image once, in order, unaugmented; the last batch may be smaller."""
        for start in range(0, len(indices), size):
            yield Batch(self, indices[start : start + size], None)

    def epoch(
        self, indices: Indices, size: int, rng: np.random.Generator, *, augmented: bool
    ) -> Iterator[Batch]:
        """Yield every image once, shuffled, in batches whose sizes differ by at most one.

        Even sizes keep batch normalization from meeting a batch of one image, for which there may be one
        image more than `size`. A single image is repeated, because one image gives no statistics.
        """
        if len(indices) == 0:
            raise ValueError("there are no images to draw batches from")
        if len(indices) == 1:
            indices = np.repeat(indices, 2)
        count = min(-(-len(indices) // size), len(indices) // 2)
        for part in np.array_split(rng.permutation(indices), count):
            yield Batch(self, part, int(rng.integers(2**62)) if augmented else None)

    def forever(
        self, indices: Indices, size: int, rng: np.random.Generator, *, augmented: bool
    ) -> Iterator[Batch]:
        """Yield shuffled batches of exactly `size` (or all images, if fewer) forever."""
        if len(indices) == 0:
            raise ValueError("there are no images to draw batches from")
        if len(indices) == 1:
            indices = np.repeat(indices, 2)
        size = min(size, len(indices))
        waiting = indices[:0]
        while True:
            while len(waiting) < size:
                waiting = np.concatenate([waiting, rng.permutation(indices)])
            yield Batch(self, waiting[:size], int(rng.integers(2**62)) if augmented else None)
            waiting = waiting[size:]


def augment(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Flip half of the images and move each by up to an eighth of its size, reflecting at the border.

    Args:
        pixels: [B, C, H, W], any dtype.
        generator: on the CPU, so that every device draws the same.
    """
    count, channels, height, width = pixels.shape
    device = pixels.device
    up, left = height // 8, width // 8
    down = torch.randint(0, 2 * up + 1, (count, 1), generator=generator).to(device) - up
    right = torch.randint(0, 2 * left + 1, (count, 1), generator=generator).to(device) - left
    flip = (torch.rand(count, 1, generator=generator) < 0.5).to(device)
    rows = _reflected(torch.arange(height, device=device) + down, height)
    columns = _reflected(torch.arange(width, device=device) + right, width)
    columns = torch.where(flip, width - 1 - columns, columns)
    flat = (rows.unsqueeze(2) * width + columns.unsqueeze(1)).view(count, 1, -1)
    gathered = pixels.flatten(2).gather(2, flat.expand(-1, channels, -1))
    return gathered.view(count, channels, height, width)


def _reflected(positions: Tensor, size: int) -> Tensor:
    positions = positions.abs()
    return torch.where(positions >= size, 2 * (size - 1) - positions, positions)
