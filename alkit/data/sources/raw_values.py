"""Images that Pillow does not open, or not with all bits: arrays, multispectral TIFF, 16-bit color PNG."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

from alkit.data.pixel_types import MOST_CHANNELS
from alkit.errors import UnusableImage

if TYPE_CHECKING:
    import numpy.typing as npt


ARRAY = b"\x93NUMPY"
ARRAY_SUFFIX = ".npy"
MOST_VALUES = 2**30
_PNG = b"\x89PNG\r\n\x1a\n"
_TIFF = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
WHITE = 65535
_SAMPLES, _BITS = 277, 258  # tags of a TIFF
_KINDS = "uifb"


def raw_values(content: bytes, *, all_bits: bool) -> npt.NDArray[Any] | None:
    """Return the values of an image [H, W, C]; None if Pillow should decode it.

    Args:
        content: of the file.
        all_bits: also of images that Pillow opens, but with 8 of their 16 bits.

    Raises:
        UnusableImage: it is broken, or a library to read it is not installed.
    """
    if content.startswith(ARRAY):
        return _array(content)
    if content.startswith(_TIFF):
        return _tiff(content, all_bits=all_bits)
    if (
        all_bits
        and content.startswith(_PNG)
        and len(content) > 25
        and content[24] == 16
        and content[25] in (2, 6)
    ):
        return _deep_png(content)
    return None


def is_image_array(path: str) -> bool:
    """Say whether a file is an array that may be an image, by its header."""
    try:
        with open(path, "rb") as file:
            if file.read(len(ARRAY)) != ARRAY:
                return False
        values = np.load(path, mmap_mode="r", allow_pickle=False)
        _checked(values)
    except (OSError, ValueError, UnusableImage):
        return False
    return True


def _array(content: bytes) -> npt.NDArray[Any]:
    try:
        values = np.load(BytesIO(content), allow_pickle=False)
    except Exception as error:  # a damaged header may raise almost anything
        raise UnusableImage(f"cannot be read as an array: {error}") from error
    return _checked(values)


def _checked(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return an array as [H, W, C].

    Raises:
        UnusableImage: it is not an image.
    """
    if values.dtype.kind not in _KINDS or values.dtype.itemsize > 8:
        raise UnusableImage(f"array of type {values.dtype}")
    if values.ndim == 2:
        values = values[:, :, None]
    if values.ndim != 3 or values.size == 0 or values.size > MOST_VALUES:
        raise UnusableImage(f"array of shape {values.shape}, not [H, W], [H, W, C] or [C, H, W]")
    first, last = values.shape[0], values.shape[2]
    if last not in (1, 3) and (first in (1, 3) or first < last):
        values = values.transpose(1, 2, 0)
    if values.shape[2] > MOST_CHANNELS:
        raise UnusableImage(f"array of shape {values.shape}, with more than {MOST_CHANNELS:,} channels")
    return values


def _tiff(content: bytes, *, all_bits: bool) -> npt.NDArray[Any] | None:
    """Decode what Pillow does not open, or opens with fewer bits."""
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415  # Pillow is slow to import

    try:
        with Image.open(BytesIO(content), formats=("TIFF",)) as image:
            tags = getattr(image, "tag_v2", {})
            samples, bits = tags.get(_SAMPLES, 1), tags.get(_BITS, (1,))
            deep = samples > 1 and max(bits if isinstance(bits, tuple) else (bits,)) > 8
            if samples <= 4 and not (all_bits and deep):
                return None
    except UnidentifiedImageError:
        if content[2:4] != b"+\x00" and content[2:4] != b"\x00+" and len(content) < 64:
            return None
    except Exception:  # Pillow's own error is better
        return None
    try:
        import tifffile  # noqa: PLC0415  # may be missing
    except ImportError:
        raise UnusableImage("TIFF of many channels or bits; install tifffile to read it") from None
    try:
        with tifffile.TiffFile(BytesIO(content)) as file:
            page = file.pages[0]
            if page.size > MOST_VALUES:
                raise UnusableImage(f"too many values: {page.size:,}")
            values = page.asarray()
    except UnusableImage:
        raise
    except Exception as error:  # of a broken file
        raise UnusableImage("not an image, or its header is broken") from error
    return _checked(values)


def _deep_png(content: bytes) -> npt.NDArray[Any] | None:
    """Decode a PNG with 16 bits a color; transparent pixels are laid on white.

    Pillow keeps one byte of the two: the first as "RGB;16B", and as "RGB;16L" the other.
    """
    high, low = (_plane(content, order) for order in ("B", "L"))
    if high is None or low is None:
        return None
    values = high.astype(np.uint16) << 8 | low
    if values.shape[2] == 4:
        opacity = values[:, :, 3:].astype(np.float64) / WHITE
        values = np.rint(values[:, :, :3] * opacity + WHITE * (1 - opacity)).astype(np.uint16)
    return values


def _plane(content: bytes, order: str) -> npt.NDArray[np.uint8] | None:
    """Return one byte of the two of each value; None where Pillow's own error is better."""
    from PIL import Image  # noqa: PLC0415  # Pillow is slow to import

    try:
        opened: Any = Image.open(BytesIO(content), formats=("PNG",))
    except Exception:  # Pillow raises almost anything on broken files
        return None
    with opened as image:
        image.tile = [(*tile[:3], f"{image.mode};16{order}") for tile in image.tile]
        try:
            image.load()
        except Exception:  # likewise
            return None
        return np.asarray(image)
