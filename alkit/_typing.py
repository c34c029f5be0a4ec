"""Types that many modules name."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]
"""Positions of images in the pool."""
Pixels = npt.NDArray[np.uint8]
Values = npt.NDArray[Any]
"""Pixels of any type that images are kept in: uint8, uint16 or float32."""
