"""Types that many modules name."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]
"""Positions of images in the pool."""
Pixels = npt.NDArray[np.uint8]
