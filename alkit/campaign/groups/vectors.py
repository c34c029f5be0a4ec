"""Vectors to compare the images of a pool by: the encoder's features, or tiny copies of the images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from alkit.campaign.resources import POOL_CACHE
from alkit.data.features import kept_features
from alkit.data.store import ImageStore, is_whole

if TYPE_CHECKING:
    import numpy.typing as npt

    from alkit.data.pixel_types import PixelType
    from alkit.data.store import Shape

    Floats = npt.NDArray[np.float32]


FEATURES_ALIKE = 0.85  # cosine of features around their mean; unrelated images are around 0
PIXELS_ALIKE = 0.97  # correlation of tiny copies; pictures of the same kind of thing reach 0.9
TINY = 16  # pixels per side of a tiny copy
SAMPLE = 10_000  # images for the mean


@dataclass(frozen=True, slots=True)
class Known:
    """What a campaign has to compare images by.

    Attributes:
        cache: folder of its cache.
        shape: (C, H, W) of the small copies.
        pixel_type: of their values.
        vectors: [N, D] of a pool of vectors, or None.
    """

    cache: Path
    shape: Shape
    pixel_type: PixelType = "uint8"
    vectors: npt.NDArray[np.floating[Any]] | None = None


class ImageVectors:
    """One vector of length one for each image; the product of two says how much they look alike.

    Attributes:
        count: images of the pool.
        alike: product from which images are nearly the same.

    Args:
        has: what there is to compare by.
        count: images of the pool.
    """

    def __init__(self, has: Known, count: int) -> None:
        self.count = count
        self._features = kept_features(has.cache, "pool", count) if has.vectors is None else has.vectors
        store = has.cache / POOL_CACHE
        self._store: ImageStore | None = None
        if self._features is None and is_whole(store, has.shape, count, has.pixel_type):
            self._store = ImageStore.open(store, has.shape, count, in_memory=False, pixel_type=has.pixel_type)
        self.alike = PIXELS_ALIKE if self._features is None else FEATURES_ALIKE
        self._mean = self._mean_of_features()

    @property
    def known(self) -> bool:
        """Whether there is anything to compare images by."""
        return self._features is not None or self._store is not None

    @property
    def by(self) -> str:
        """What is compared: `features` or `pixels`."""
        return "pixels" if self._features is None else "features"

    def _mean_of_features(self) -> Floats | float:
        if self._features is None:
            return 0.0
        rows = np.linspace(0, self.count - 1, min(self.count, SAMPLE)).astype(np.int64)
        mean: Floats = self._features[rows].astype(np.float32).mean(axis=0)
        return mean

    def units(self, rows: npt.NDArray[np.int64] | slice) -> Floats:
        """Return vectors [n, D] of length one, or zero where there is nothing to compare."""
        kept = self._features
        vectors = self._tiny(rows) if kept is None else kept[rows].astype(np.float32) - self._mean
        length = np.linalg.norm(vectors, axis=1, keepdims=True)
        units: Floats = (vectors / np.maximum(length, 1e-6)).astype(np.float32)
        return units

    def _tiny(self, rows: npt.NDArray[np.int64] | slice) -> Floats:
        """Return tiny copies around the mean of each [n, C * 16 * 16]."""
        from torch.nn.functional import adaptive_avg_pool2d  # noqa: PLC0415  # torch takes seconds to import

        assert self._store is not None
        if isinstance(rows, slice):
            rows = np.arange(rows.start, min(rows.stop, self.count))
        images = self._store.take(rows).float()
        side = (min(TINY, images.shape[2]), min(TINY, images.shape[3]))
        vectors: Floats = np.nan_to_num(adaptive_avg_pool2d(images, side).flatten(1).numpy())
        return vectors - vectors.mean(axis=1, keepdims=True)
