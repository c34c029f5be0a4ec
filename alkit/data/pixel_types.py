"""The types that pixels are kept in, from values as stored to each of them, and pictures for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from alkit.errors import UnusableImage

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from alkit._typing import Pixels, Values


PixelType: TypeAlias = Literal["uint8", "uint16", "float32"]
PIXEL_TYPES: tuple[PixelType, ...] = ("uint8", "uint16", "float32")
WHITE: dict[str, float] = {"uint8": 255.0, "uint16": 65535.0, "float32": 1.0}
"""By which values are divided before anything else; floating point is taken as it is."""
BYTES = {"uint8": 1, "uint16": 2, "float32": 4}
MOST_CHANNELS = 1024
SHOWN = 3  # channels of a picture
DARKEST, BRIGHTEST = 2, 98  # percentiles that become black and white in a channel of many

Range: TypeAlias = tuple[float, float]
"""Black and white."""


def convert(
    values: npt.NDArray[Any], pixel_type: PixelType = "uint8", value_range: Range | None = None
) -> Values:
    """Bring pixels to a type: scaled to uint8 by `to_uint8`, otherwise as stored.

    Args:
        values: of any shape.
        pixel_type: what they become.
        value_range: black and white of uint8, see `to_uint8`.

    Raises:
        UnusableImage: values are not finite, or the type does not hold them.
    """
    import numpy as np  # noqa: PLC0415  # numpy is slow to import

    if pixel_type == "uint8":
        return to_uint8(values, value_range)
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise UnusableImage("values that are not finite")
    if pixel_type == "float32":
        with np.errstate(over="ignore"):
            floats = values.astype(np.float32)
        if not np.isfinite(floats).all():
            raise UnusableImage("values beyond the range of 32-bit floating point")
        return floats
    if values.dtype.kind == "f" or values.dtype.kind == "b":
        raise UnusableImage(f"values of type {values.dtype}, in a pool of 16-bit integers")
    if values.size and (values.min() < 0 or values.max() > 65535):
        raise UnusableImage(f"values from {values.min()} to {values.max()}, outside the range of 16 bits")
    return values.astype(np.uint16)


def to_uint8(values: npt.NDArray[Any], value_range: Range | None = None) -> Pixels:
    """Scale pixels to 8 bits: 16-bit integers by 1/257, floating point in [0, 1] by 255, truth to 0 and 255.

    Args:
        values: of any shape.
        value_range: what becomes 0 and 255 in place of that; beyond it, values are clipped. 8-bit values and
            truth are never scaled.

    Raises:
        UnusableImage: values are not finite or lie outside of what their type allows.
    """
    import numpy as np  # noqa: PLC0415  # numpy is slow to import

    kind = values.dtype.kind
    if kind == "b":
        return values.astype(np.uint8) * np.uint8(255)
    if kind == "f" and not np.isfinite(values).all():
        raise UnusableImage("values that are not finite")
    if values.dtype == np.uint8:
        return values
    if value_range is not None:
        return _stretched(values, *value_range)
    if kind == "f":
        if values.min() < -1e-6 or values.max() > 1 + 1e-6:
            raise UnusableImage(f"values from {values.min():g} to {values.max():g}, outside [0, 1]")
        return np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
    if values.min() < 0 or values.max() > 65535:
        raise UnusableImage(f"values from {values.min()} to {values.max()}, outside the range of 16 bits")
    return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)


def extremes(values: npt.NDArray[Any]) -> tuple[str, float, float] | None:
    """Return type, minimum and maximum of values that are not 8-bit; None if they are, or are not finite."""
    import numpy as np  # noqa: PLC0415  # numpy is slow to import

    if values.dtype.kind == "b" or values.dtype == np.uint8 or values.size == 0:
        return None
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        return None
    return values.dtype.newbyteorder("=").name, float(values.min()), float(values.max())


def as_picture(values: Values, value_range: Range | None = None) -> Pixels:
    """Make what people see of an image: [H, W, 1 or 3] uint8.

    Args:
        values: [H, W, C] uint8, uint16 or float32; the first three channels are shown, or the first of two.
        value_range: black and white; by default those of the type. Where there are more than three
            channels, each one shown is stretched from its 2nd to its 98th percentile instead.
    """
    import numpy as np  # noqa: PLC0415  # numpy is slow to import

    many = values.shape[2] > SHOWN
    shown = values[:, :, : SHOWN if values.shape[2] >= SHOWN else 1]
    if values.dtype == np.uint8:
        return np.ascontiguousarray(shown)
    if many:
        ends = np.percentile(shown, (DARKEST, BRIGHTEST), axis=(0, 1))
        return np.stack([_stretched(shown[..., c], *ends[:, c]) for c in range(SHOWN)], axis=2)
    if value_range is None:
        value_range = (0.0, WHITE[values.dtype.name])
    return _stretched(shown, *value_range)


def to_rgb_or_grey(values: Values, value_range: Range | None = None) -> Pixels:
    """Return an image of 1 or 3 channels as 8 bits, for a network that knows nothing else.

    Raises:
        UnusableImage: it has other channels.
    """
    if values.shape[2] not in (1, SHOWN):
        raise UnusableImage(f"image of {values.shape[2]} channels")
    return as_picture(values, value_range)


def _stretched(values: npt.NDArray[Any], black: float, white: float) -> Pixels:
    import numpy as np  # noqa: PLC0415  # numpy is slow to import

    scaled = (values.astype(np.float64) - black) * (255 / ((white - black) or 1.0))
    clipped: npt.NDArray[np.uint8] = np.rint(np.clip(scaled, 0, 255)).astype(np.uint8)
    return clipped
