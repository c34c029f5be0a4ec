"""Memory of files that are mapped."""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy.typing as npt

MOST_MAPPED = 2**28  # bytes of a file whose pages may stay


def let_go(values: npt.NDArray[Any]) -> None:
    """Release the pages of a large mapped file; otherwise all that was read counts as this process's memory.

    The system keeps them as long as it has room, so they are soon there again.
    """
    if values.nbytes <= MOST_MAPPED or not hasattr(mmap, "MADV_DONTNEED"):
        return
    base: Any = values
    while base is not None and not isinstance(base, mmap.mmap):
        base = getattr(base, "base", None)
    if base is not None:
        base.madvise(mmap.MADV_DONTNEED)
