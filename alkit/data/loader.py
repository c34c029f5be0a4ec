"""Batches of tensors from stored images: drawn, normalized and augmented all at once, on the device."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from .targets import Targets, map_tensors

if TYPE_CHECKING:
    from torch import Tensor

    from alkit._typing import Indices

    from .store import ImageStore

    Augment = Callable[[Tensor, Any, torch.Generator], tuple[Tensor, Any]]


UNREAD = object()


class Batch:
    """Some images of the pool; pixels and targets are loaded when they are first asked for.

    Attributes:
        indices: [B] int64, positions in the pool.
        loader: where the batch comes from.
    """

    def __init__(self, loader: Loader, indices: Indices, seed: int | None) -> None:
        self.indices, self.loader = indices, loader
        self._seed = seed
        self._images: Tensor | None = None
        self._targets: Any = UNREAD

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def augmented(self) -> bool:
        """Whether the images are changed for training, so that nothing computed from stored ones fits."""
        return self._seed is not None

    @property
    def images(self) -> Tensor:
        """[B, C, H, W] float32 on the device, normalized, augmented if drawn for training."""
        if self._images is None:
            self._load()
        assert self._images is not None
        return self._images

    @property
    def targets(self) -> Any:
        """[B, ...] on the device, moved along with augmented images; None if unknown."""
        if self._targets is UNREAD:
            if self._seed is None or self.loader.augment is None:
                self._targets = self.loader.target_rows(self.indices)
            else:
                self._load()
        return self._targets

    def _load(self) -> None:
        if self._seed is None or self.loader.augment is None:
            self._images = self.loader.load(self.indices, self._seed)
        else:
            self._images, self._targets = self.loader.load_with_targets(self.indices, self._seed)

    @property
    def pixels(self) -> Tensor:
        """[B, C, H, W] on the device: the images as they are stored, never augmented."""
        return self.loader.store.take(self.indices).to(self.loader.device, non_blocking=True)

    def normalized(self, pixels: Tensor) -> Tensor:
        """Return pixels [B, C, H, W] of the stored type as `images` has them, float32."""
        return self.loader.normalized(pixels)

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


class BatchPart(Batch):
    """Consecutive images of a batch, augmented as they are within it.

    Args:
        whole: the batch.
        begin: the first image.
        end: one after the last.
    """

    def __init__(self, whole: Batch, begin: int, end: int) -> None:
        super().__init__(whole.loader, whole.indices[begin:end], None)
        self._whole, self._begin, self._end = whole, begin, end

    @property
    def images(self) -> Tensor:
        """[B, C, H, W] float32 on the device, as in the batch."""
        return self._whole.images[self._begin : self._end]

    @property
    def targets(self) -> Any:
        """[B, ...] on the device, as in the batch."""
        return map_tensors(lambda part: part[self._begin : self._end], self._whole.targets)


class Loader:
    """Turns indices into batches.

    Args:
        images: the stored images.
        device: where batches go.
        targets: [n, ...] rows for the images in `labeled`, `Targets`, or None.
        labeled: [n] int64, the positions that `targets` are for.
        mean: per-channel mean in [0, 1]; the store's own by default.
        std: per-channel standard deviation in [0, 1]; the store's own by default.
        augment: moves images and their targets, see `TaskModel.augment_batch`; only images by default.
    """

    def __init__(
        self,
        images: ImageStore,
        device: torch.device,
        *,
        targets: Tensor | Targets | None = None,
        labeled: Indices | None = None,
        mean: Tensor | None = None,
        std: Tensor | None = None,
        augment: Augment | None = None,
    ) -> None:
        self.store, self.device, self.augment = images, device, augment
        self.targets = targets.to(device) if isinstance(targets, torch.Tensor) else targets
        self._row = np.full(len(images), -1, dtype=np.int64)
        if labeled is not None:
            self._row[labeled] = np.arange(len(labeled))
        mean = images.mean if mean is None else mean
        std = images.std if std is None else std
        self._mean = (images.white * mean).view(1, -1, 1, 1).to(device)
        self._scale = (images.white * std).reciprocal().view(1, -1, 1, 1).to(device)

    def target_rows(self, indices: Indices) -> Any:
        """Return the targets of images, or None if any target is missing."""
        rows = self._row[indices]
        if self.targets is None or (rows < 0).any():
            return None
        if isinstance(self.targets, Targets):
            return map_tensors(lambda part: part.to(self.device), self.targets.take(rows))
        return self.targets[torch.from_numpy(rows).to(self.device)]

    def load(self, indices: Indices, seed: int | None) -> Tensor:
        """Return images as [B, C, H, W] float32, normalized; augmented where a seed is given."""
        pixels = self.store.take(indices).to(self.device, non_blocking=True)
        if seed is not None:
            pixels = augment(pixels, torch.Generator().manual_seed(seed))
        return self.normalized(pixels)

    def normalized(self, pixels: Tensor) -> Tensor:
        """Return stored pixels [B, C, H, W] as float32 of mean 0 and deviation 1 over the pool."""
        return (pixels.float() - self._mean) * self._scale

    def load_with_targets(self, indices: Indices, seed: int) -> tuple[Tensor, Any]:
        """Return images as `load` does and their targets, augmented together."""
        assert self.augment is not None
        pixels = self.store.take(indices).to(self.device, non_blocking=True)
        generator = torch.Generator().manual_seed(seed)
        pixels, targets = self.augment(pixels, self.target_rows(indices), generator)
        return self.normalized(pixels), targets

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
    return moved(pixels, random_moves(pixels, generator))


def random_moves(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Draw a flip and a shift for each image, as `augment` does: where each pixel comes from.

    Args:
        pixels: [B, C, H, W], any dtype.
        generator: on the CPU, so that every device draws the same.

    Returns:
        [B, 1, H * W] int64, positions in the flattened image.
    """
    count, _, height, width = pixels.shape
    device = pixels.device
    up, left = height // 8, width // 8
    down = torch.randint(0, 2 * up + 1, (count, 1), generator=generator).to(device) - up
    right = torch.randint(0, 2 * left + 1, (count, 1), generator=generator).to(device) - left
    flip = (torch.rand(count, 1, generator=generator) < 0.5).to(device)
    rows = _reflected(torch.arange(height, device=device) + down, height)
    columns = _reflected(torch.arange(width, device=device) + right, width)
    columns = torch.where(flip, width - 1 - columns, columns)
    return (rows.unsqueeze(2) * width + columns.unsqueeze(1)).view(count, 1, -1)


def moved(pixels: Tensor, moves: Tensor) -> Tensor:
    """Move the pixels of images [B, C, H, W], or of masks [B, H, W], as `random_moves` says."""
    if pixels.dim() == 3:
        return moved(pixels.unsqueeze(1), moves).squeeze(1)
    gathered = pixels.flatten(2).gather(2, moves.expand(-1, pixels.shape[1], -1))
    return gathered.view(pixels.shape)


def _reflected(positions: Tensor, size: int) -> Tensor:
    positions = positions.abs()
    return torch.where(positions >= size, 2 * (size - 1) - positions, positions)
