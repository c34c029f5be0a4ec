"""Images that look alike, from what the campaign has already: the encoder's features, or the small copies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from alkit.campaign.groups.vectors import ImageVectors, Known
from alkit.errors import AlkitError

if TYPE_CHECKING:
    import numpy.typing as npt


MOST = 6  # neighbors of an image
ROWS = 4096  # at once


class Compared(NamedTuple):
    """How the images of a query compare: near-duplicates of each, and all in an order of likeness."""

    neighbors: Mapping[int, list[int]]
    order: list[int]


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
        self._vectors = ImageVectors(has, count)

    @property
    def known(self) -> bool:
        """Whether there is anything to compare images by."""
        return self._vectors.known

    def neighbors(self, indices: Sequence[int], usable: npt.NDArray[np.bool_]) -> Mapping[int, list[int]]:
        """Return the images that are nearly the same as each of some, the nearest first.

        Args:
            indices: positions in the pool.
            usable: [N] bool, the images that may be found.
        """
        if not self.known or not len(indices):
            return {index: [] for index in indices}
        asked = np.asarray(indices)
        wanted = self._vectors.units(asked)
        best = np.zeros((len(asked), 0), dtype=np.float32)
        rows = np.zeros((len(asked), 0), dtype=np.int64)
        for start in range(0, self.count, ROWS):
            block = np.arange(start, min(start + ROWS, self.count))
            likeness = wanted @ self._vectors.units(slice(start, start + ROWS)).T
            likeness[:, ~usable[block]] = -1
            likeness[asked[:, None] == block[None, :]] = -1  # an image itself
            near = np.argpartition(-likeness, min(MOST, len(block)) - 1, axis=1)[:, :MOST]
            best = np.concatenate([best, np.take_along_axis(likeness, near, axis=1)], axis=1)
            rows = np.concatenate([rows, block[near]], axis=1)
        order = np.argsort(-best, axis=1, kind="stable")[:, :MOST]
        best, rows = np.take_along_axis(best, order, axis=1), np.take_along_axis(rows, order, axis=1)
        return {
            index: rows[place][best[place] >= self._vectors.alike].tolist()
            for place, index in enumerate(indices)
        }

    def order(self, indices: Sequence[int]) -> list[int]:
        """Return images so that each is followed by the one most like it of those that are left."""
        if not self.known or not len(indices):
            return list(indices)
        units = self._vectors.units(np.asarray(indices))
        left = np.ones(len(indices), dtype=bool)
        chain = [0]
        while len(chain) < len(indices):
            left[chain[-1]] = False
            chain.append(int(np.argmax(np.where(left, units @ units[chain[-1]], -np.inf))))
        return [indices[place] for place in chain]
