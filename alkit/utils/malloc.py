"""Keep freed memory in the process: on Linux, glibc would return every large buffer and allocate it again."""

from __future__ import annotations

import ctypes
import os
import platform
from functools import cache

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h
MAPPED_FROM = 1 << 30  # bytes; larger buffers still go back to the system when they are freed
TRIMMED_FROM = (1 << 31) - 1


@cache
def keep_freed_memory() -> bool:
    """Raise glibc's thresholds for giving memory back, so that the same pages serve one batch after another.

    Convolutions on the CPU allocate and free buffers of several MB all the time; page faults then cost up to
    half of the time. This does nothing with another C library, or if the user has set the thresholds.

    Returns:
        Whether the thresholds were set.
    """
    if platform.libc_ver()[0] != "glibc" or any(
        name in os.environ
        for name in ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES", "LD_PRELOAD")
    ):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, MAPPED_FROM)) and bool(mallopt(M_TRIM_THRESHOLD, TRIMMED_FROM))
