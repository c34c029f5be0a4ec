"""The shape of images whose proportions matter, as where every pixel has a label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .preprocessing import sampled_headers, sizes_in_words

if TYPE_CHECKING:
    from .source import Source

LONGEST = 128  # pixels of the longer side, which trains in reasonable time on a CPU
STEP = 8  # sides are multiples of it, so that maps halve evenly


def size_in_proportion(source: Source, keys: Sequence[str]) -> tuple[int, int]:
    """Return (height, width) in the median proportions of up to 64 images, at most 128 pixels a side.

    Raises:
        SourceError: there are no usable images.
    """
    sizes = np.array([header[1:] for header in sampled_headers(source, keys)], dtype=np.float64)
    height, width = np.median(sizes, axis=0)
    scale = min(1.0, LONGEST / max(height, width))
    return _rounded(height * scale), _rounded(width * scale)


def why_in_proportion(source: Source, keys: Sequence[str], shape: tuple[int, int, int]) -> str:
    """Say what images are resized to, and how to keep more; empty if they keep their size."""
    headers = sampled_headers(source, keys)
    height, width = shape[1:]
    if {header[1:] for header in headers} == {(height, width)}:
        return ""
    return (
        f"{sizes_in_words(headers)} are resized to {height} x {width}, and masks with them; for more detail, "
        f"name a size such as --image-size {2 * height}x{2 * width}"
    )


def _rounded(side: float) -> int:
    return max(STEP, round(side / STEP) * STEP)
