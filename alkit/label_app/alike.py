"""Images that look alike, from what the campaign has already: the encoder's features, or the small copies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from alkit.campaign.resources import POOL_CACHE
from alkit.data.features import kept_features
from alkit.data.store import ImageStore, is_whole
from alkit.errors import AlkitError

if TYPE_CHECKING:
    import numpy.typing as npt

    from alkit.data.pixel_types import PixelType
    from alkit.data.store import Shape

    Floats = npt.NDArray[np.float32]


FEATURES_ALIKE = 0.85  # cosine of features around their mean; unrelated images are around 0
PIXELS_ALIKE = 0.97  # correlation of tiny copies; pictures of the same kind of thing reach 0.9
TINY = 16  # pixels per side of a tiny copy
MOST = 6  # neighbors of an image
ROWS = 4096  # at once
SAMPLE = 10_000  # images for the mean


class Compared(NamedTuple):
    """How the images of a query compare: near-duplicates of each, and all in an order of likeness."""

    neighbors: Mapping[int, list[int]]
    order: list[int]


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


def compare(known: Known, indices: Sequence[int], usable: npt.NDArray[np.bool_]) -> Compared:
    """Compare the images of a query with the pool; if the cache cannot be read, nothing is alike.

    Args:
        known: what there is to compare by.
        indices: the images of the query.
        usable: [N] bool, the images that may be found.
    """
    try:
        alike = Alike(known, len(usable))
        return Compared(alike.neighbors(indices, usable), alike.order(indices))
    except (AlkitError, OSError, ValueError):
        return Compared({}, list(indices))


class Alike:
    """Finds near-duplicates and orders images by likeness; computed once per query.

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
        self._alike = PIXELS_ALIKE if self._features is None else FEATURES_ALIKE

    @property
    def known(self) -> bool:
        """Whether there is anything to compare images by."""
        return self._features is not None or self._store is not None

    def neighbors(self, indices: Sequence[int], usable: npt.NDArray[np.bool_]) -> Mapping[int, list[int]]:
        """Return the images that are nearly the same as each of some, the nearest first.

        Args:
            indices: positions in the pool.
            usable: [N] bool, the images that may be found.
        """
        if not self.known or not len(indices):
            return {index: [] for index in indices}
        mean, asked = self._mean(), np.asarray(indices)
        wanted = self._units(asked, mean)
        best = np.zeros((len(asked), 0), dtype=np.float32)
        rows = np.zeros((len(asked), 0), dtype=np.int64)
        for start in range(0, self.count, ROWS):
            block = np.arange(start, min(start + ROWS, self.count))
            likeness = wanted @ self._units(slice(start, start + ROWS), mean).T
            likeness[:, ~usable[block]] = -1
            likeness[asked[:, None] == block[None, :]] = -1  # an image itself
            near = np.argpartition(-likeness, min(MOST, len(block)) - 1, axis=1)[:, :MOST]
            best = np.concatenate([best, np.take_along_axis(likeness, near, axis=1)], axis=1)
            rows = np.concatenate([rows, block[near]], axis=1)
        order = np.argsort(-best, axis=1, kind="stable")[:, :MOST]
        best, rows = np.take_along_axis(best, order, axis=1), np.take_along_axis(rows, order, axis=1)
        return {
            index: rows[place][best[place] >= self._alike].tolist() for place, index in enumerate(indices)
        }

    def order(self, indices: Sequence[int]) -> list[int]:
        """Return images so that each is followed by the one most like it of those that are left."""
        if not self.known or not len(indices):
            return list(indices)
        units = self._units(np.asarray(indices), self._mean())
        left = np.ones(len(indices), dtype=bool)
        chain = [0]
        while len(chain) < len(indices):
            left[chain[-1]] = False
            chain.append(int(np.argmax(np.where(left, units @ units[chain[-1]], -np.inf))))
        return [indices[place] for place in chain]

    def _mean(self) -> Floats | float:
        if self._features is None:
            return 0.0
        rows = np.linspace(0, self.count - 1, min(self.count, SAMPLE)).astype(np.int64)
        mean: Floats = self._features[rows].astype(np.float32).mean(axis=0)
        return mean

    def _units(self, rows: npt.NDArray[np.int64] | slice, mean: Floats | float) -> Floats:
        """Return vectors [n, D] of length one, or zero where there is nothing to compare."""
        kept = self._features
        vectors = self._tiny(rows) if kept is None else kept[rows].astype(np.float32) - mean
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
