"""Images of the pool for a training that looks at more than labeled ones; labels are not among them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from alkit.data.loader import Batch, Loader
from alkit.utils import seeding

if TYPE_CHECKING:
    import torch

    from alkit._typing import Indices
    from alkit.data.store import ImageStore


class PoolImages:
    """Batches of images without labels, which depend on the seed and on what is asked for alone.

    The global generators are left alone, so the labeled images come in the same order with or without it.

    Args:
        images: of the pool.
        indices: [m] int64 ascending, the images that may be seen.
        device: where batches go.
        seed: of all draws.

    Attributes:
        indices: as given.
    """

    def __init__(self, images: ImageStore, indices: Indices, device: torch.device, seed: int) -> None:
        self.indices = indices
        self._loader, self._seed = Loader(images, device), seed

    def __len__(self) -> int:
        return len(self.indices)

    def draw(self, size: int, *purpose: int | str) -> Batch:
        """Return a batch of images drawn at random, not augmented; the same for the same purpose.

        Args:
            size: images in the batch; they are distinct if there are enough.
            *purpose: tells the batches of a training apart, such as `step.seed`.

        Raises:
            ValueError: there are no images.
        """
        if len(self.indices) == 0:
            raise ValueError("there are no images to draw batches from")
        rng = seeding.numpy_generator(self._seed, "draw", *purpose)
        rows = rng.choice(len(self.indices), size, replace=size > len(self.indices))
        return Batch(self._loader, self.indices[rows], None)

    def epoch(self, number: int, size: int, *, augmented: bool = False) -> Iterator[Batch]:
        """Yield every image once, in an order that depends on the number of the epoch.

        Args:
            number: of the epoch, from 0.
            size: images in a batch, at most.
            augmented: flip and move the images.
        """
        rng = seeding.numpy_generator(self._seed, "epoch", number)
        return self._loader.epoch(self.indices, size, rng, augmented=augmented)
