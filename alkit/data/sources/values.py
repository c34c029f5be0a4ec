"""From values as they are stored to 8 bits: by their type, or by a range of the whole pool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from alkit.errors import UnusableImage

if TYPE_CHECKING:
    import numpy.typing as npt

    from alkit._typing import Pixels


Range: TypeAlias = tuple[float, float]
"""Black and white."""


def to_uint8(values: npt.NDArray[Any], value_range: Range | None = None) -> Pixels:
    """Scale pixels to 8 bits: 16-bit integers by 1/257, floating point in [0, 1] by 255, truth to 0 and 255.

    Args:
        values: of any shape.
        value_range: what becomes 0 and 255 in place of that; beyond it, values are clipped. 8-bit values and
            truth are never scaled.

    Raises:
        UnusableImage: values are not finite or lie outside of what their type allows.
    """
    kind = values.dtype.kind
    if kind == "b":
        return values.astype(np.uint8) * np.uint8(255)
    if kind == "f" and not np.isfinite(values).all():
        raise UnusableImage("values that are not finite")
    if values.dtype == np.uint8:
        return values
    if value_range is not None:
        black, white = value_range
        scaled = (values.astype(np.float64) - black) * (255 / (white - black))
        return np.rint(np.clip(scaled, 0, 255)).astype(np.uint8)
    if kind == "f":
        if values.min() < -1e-6 or values.max() > 1 + 1e-6:
            raise UnusableImage(f"values from {values.min():g} to {values.max():g}, outside [0, 1]")
        return np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
    if values.min() < 0 or values.max() > 65535:
        raise UnusableImage(f"values from {values.min()} to {values.max()}, outside the range of 16 bits")
    return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)


def extremes(values: npt.NDArray[Any]) -> tuple[str, float, float] | None:
    """Return type, minimum and maximum of values that are not 8-bit; None if they are, or are not finite."""
    if values.dtype.kind == "b" or values.dtype == np.uint8 or values.size == 0:
        return None
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        return None
    return values.dtype.newbyteorder("=").name, float(values.min()), float(values.max())
