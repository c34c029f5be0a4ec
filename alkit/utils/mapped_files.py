"""Memory of files that are mapped."""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy.typing as npt

MOST_MAPPED = 2**28  # bytes of a file whose pages may stay
AROUND = 2**16  # bytes that the system maps around one that is read


def let_go(values: npt.NDArray[Any]) -> None:
    """Release the pages of a large mapped file; otherwise all that was read counts as this process's memory.

    The system keeps them as long as it has room, so they are soon there again.
    """
    if values.nbytes <= MOST_MAPPED or not hasattr(mmap, "MADV_DONTNEED"):
        return
    base: Any = values
    while base is not None and not isinstance(base, mmap.mmap):
        base = base.obj if isinstance(base, memoryview) else getattr(base, "base", None)
    if base is not None:
        base.madvise(mmap.MADV_DONTNEED)


class ReadPages:
    """Counts what is read from an array that may be mapped, and lets go of the pages now and then.

    Args:
        values: [N, ...]
    """

    def __init__(self, values: npt.NDArray[Any]) -> None:
        self._values, self._read = values, 0

    def count(self, rows: npt.NDArray[Any]) -> None:
        """Count rows that were read, from any places."""
        self._read += max(rows.nbytes, AROUND * len(rows))
        if self._read > MOST_MAPPED:
            let_go(self._values)
            self._read = 0
