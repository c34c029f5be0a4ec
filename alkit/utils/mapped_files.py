"""Memory of files that are mapped."""

from __future__ import annotations

import itertools
import mmap
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from alkit._typing import Indices

MOST_MAPPED = 2**28  # bytes of a file whose pages may stay
AROUND = 2**21  # bytes that may come with a single one: the largest page


def let_go(values: npt.NDArray[Any]) -> None:
    """Release the pages of a large mapped file; otherwise all that was read counts as this process's memory.

    The system keeps them as long as it has room, so they are soon there again.
    """
    if (mapped := _map_of(values)) is not None:
        mapped.madvise(mmap.MADV_DONTNEED)


def _map_of(values: npt.NDArray[Any]) -> mmap.mmap | None:
    """Return the map of the file that an array lies in, if it is large."""
    if values.nbytes <= MOST_MAPPED or not hasattr(mmap, "MADV_DONTNEED"):
        return None
    base: Any = values
    while base is not None and not isinstance(base, mmap.mmap):
        base = base.obj if isinstance(base, memoryview) else getattr(base, "base", None)
    return base


class MappedRows:
    """Rows that may be mapped from a file, of which few pages stay in memory; they are read as copies.

    Args:
        values: [N, ...]
    """

    def __init__(self, values: npt.NDArray[Any]) -> None:
        self._values, self._map, self._read = np.asarray(values), _map_of(values), 0
        self._size = values.nbytes // max(len(values), 1)

    def block(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Return the rows from start to stop."""
        rows = np.array(self._values[start:stop])
        self._count(rows.nbytes)
        return rows

    def take(self, index: Indices) -> npt.NDArray[Any]:
        """Return the rows at some positions [n], in their order.

        Ascending positions all over the file are read in parts, so that pages can be let go of between.
        """
        if self._map is None:
            return np.take(self._values, index, axis=0)
        rows = np.empty((len(index), *self._values.shape[1:]), self._values.dtype)
        for part in self._parts(index):
            some = index[part]
            rows[part] = self._values[some]
            self._count(min(AROUND * len(some), AROUND + self._size * int(np.ptp(some) if len(some) else 0)))
        return rows

    def _parts(self, index: Indices) -> list[slice]:
        if (index[1:] < index[:-1]).any():
            return [slice(None)]
        ends = np.flatnonzero(np.diff(index // max(1, MOST_MAPPED // self._size))) + 1
        return [slice(*part) for part in itertools.pairwise([0, *ends.tolist(), len(index)])]

    def _count(self, read: int) -> None:
        self._read += read
        if self._read > MOST_MAPPED and self._map is not None:
            self._map.madvise(mmap.MADV_DONTNEED)
            self._read = 0
