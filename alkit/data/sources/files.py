"""Image files: read once, hashed, decoded to upright 8-bit pixels; any problem becomes a reason."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import threading
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from PIL import Image, UnidentifiedImageError

from alkit.data.pixel_types import PixelType, Range, convert, extremes
from alkit.data.source import MAX_BYTES, DecodedImage, Source
from alkit.errors import UnusableImage

from .raw_values import ARRAY, raw_values
from .signatures import SNIFFED, formats_of

if TYPE_CHECKING:
    import numpy.typing as npt


SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".pbm", ".pgm", ".ppm"}
)
# Files of these suffixes belong to the pool if they hold an image that can be opened.
OTHER_SUFFIXES = frozenset(
    {".jfif", ".jpe", ".jif", ".jfi", ".pjpeg", ".pjp", ".jpg_large", ".apng", ".pnm"}
    | {".heic", ".heif", ".hif", ".avif", ".jp2", ".j2k", ".jpx"}
)
MAX_PIXELS = 178_956_970  # where Pillow itself stops
# Images of more pixels are decoded one at a time, whatever the number of threads: memory stays bounded.
LARGE_PIXELS = 2**26
_large = threading.Lock()

# An array, or a TIFF: whether its size is upright yet depends on the version of Pillow.
NOT_BY_HEADER = (ARRAY, b"II", b"MM")

ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = (5, 6, 7, 8)
_METADATA = frozenset({"exif", "xmp", "XML:com.adobe.xmp", "Raw profile type exif"})
_GREY = ("1", "L", "LA", "La", "I", "F")


class FileSource(Source):
    """Images that are files; a key is a path relative to `base`, or an absolute one."""

    def __init__(self, location: str, base: str) -> None:
        self.location = location
        self._base = base

    def path(self, key: str) -> Path | None:
        """Return where the file is, or should be."""
        return Path(os.path.join(self._base, key))  # noqa: PTH118  # pathlib is slow, and drops './'

    def read(self, key: str, *, at_least: tuple[int, int] | None = None) -> DecodedImage:
        """Read, hash and decode a file; the hash is that of its bytes."""
        try:
            content = _content(str(self.path(key)))
        except UnusableImage as error:
            return DecodedImage("", unusable=str(error))
        return decode(content, self.pixel_type, self.value_range, at_least=at_least)

    def hash_of(self, key: str) -> str:
        """Return the hash of a file's bytes, without decoding them."""
        try:
            return hashlib.sha256(_content(os.path.join(self._base, key))).hexdigest()  # noqa: PTH118
        except UnusableImage:
            return ""

    def stored_values(self, key: str) -> tuple[str, float, float] | None:
        """Return type, minimum and maximum of the values, for 16- and 32-bit grey and floating point."""
        try:
            return stored_values_of(_content(str(self.path(key))))
        except UnusableImage:
            return None

    def header(self, key: str) -> tuple[int, int, int] | None:
        """Return (C, H, W) from the first bytes of the file; the pixels may still turn out broken."""
        path = str(self.path(key))
        try:
            _check_file(path)
            with open(path, "rb") as file:
                if _head(file).startswith(NOT_BY_HEADER):
                    return super().header(key)
                with Image.open(file, formats=formats_of(_head(file))) as image:
                    _check_size(image)
                    width, height = _upright_size(image)
                    return (1 if _is_grey(image) else 3), height, width
        except Exception:  # Pillow's decoders raise almost anything on broken files
            return None


def decode(
    content: bytes,
    pixel_type: PixelType = "uint8",
    value_range: Range | None = None,
    *,
    at_least: tuple[int, int] | None = None,
) -> DecodedImage:
    """Hash and decode the content of an image's file; problems are reported in the result, never raised.

    Args:
        content: of the file.
        pixel_type: of the result, see `Source`.
        value_range: black and white, see `Source`.
        at_least: (height, width); a decoder that can skip detail may return fewer pixels, down to these.
    """
    digest = hashlib.sha256(content).hexdigest()
    size = (0, 0)
    try:
        raw = raw_values(content, all_bits=pixel_type != "uint8")
        if raw is not None:
            pixels = convert(np.ascontiguousarray(raw), pixel_type, value_range)
            return DecodedImage(digest, raw.shape[1], raw.shape[0], pixels)
        with _opened(content) as image:
            partly = image.format == "JPEG"  # may be decoded to fewer pixels, and tells its turn at once
            size = _upright_size(image) if partly else image.size
            with _large if size[0] * size[1] > LARGE_PIXELS else contextlib.nullcontext():
                pixels = convert(_decoded(image, at_least), pixel_type, value_range)
            if not partly:
                size = (pixels.shape[1], pixels.shape[0])
    except UnusableImage as error:
        return DecodedImage(digest, *size, unusable=str(error))
    return DecodedImage(digest, *size, pixels=pixels)


def stored_values_of(content: bytes) -> tuple[str, float, float] | None:
    """Return type, minimum and maximum of the values in an image's file; None if 8-bit or unusable."""
    try:
        if (raw := raw_values(content, all_bits=True)) is not None:
            return extremes(raw)
        with _opened(content) as image:
            if image.mode in ("F", "I") or image.mode.startswith("I;"):
                image.load()
                return extremes(np.asarray(image))
    except Exception:  # Pillow's decoders raise almost anything on broken files
        return None
    return None


def holds_image(path: str) -> bool:
    """Say whether a file holds an image of a kind that can be opened, by its first bytes."""
    try:
        _check_file(path)
        with open(path, "rb") as file, Image.open(file, formats=formats_of(_head(file))) as image:
            _check_size(image)
    except Exception:  # Pillow's decoders raise almost anything on broken files
        return False
    return True


def _head(file: BinaryIO) -> bytes:
    """Return the first bytes of an open file, and go back to its beginning."""
    head = file.read(SNIFFED)
    file.seek(0)
    return head


def _check_file(path: str) -> None:
    """Refuse what would block (pipes), or not fit into memory."""
    try:
        status = os.stat(path)  # noqa: PTH116
    except FileNotFoundError:
        raise UnusableImage("no such file") from None
    except (OSError, ValueError) as error:
        raise UnusableImage(_reason(error)) from error
    if not stat.S_ISREG(status.st_mode):
        raise UnusableImage("not a file")
    if status.st_size == 0:
        raise UnusableImage("empty file")
    if status.st_size > MAX_BYTES:
        raise UnusableImage(f"file of {status.st_size:,} bytes, over the limit of {MAX_BYTES:,}")


def _content(path: str) -> bytes:
    _check_file(path)
    try:
        with open(path, "rb", buffering=0) as file:
            return file.readall()
    except OSError as error:
        raise UnusableImage(_reason(error)) from error


def _reason(error: BaseException) -> str:
    text = (getattr(error, "strerror", None) or str(error) or type(error).__name__).strip()
    return text[0].lower() + text[1:]


def _opened(content: bytes) -> Image.Image:
    try:
        image = Image.open(BytesIO(content), formats=formats_of(content[:SNIFFED]))
    except UnusableImage:
        raise
    except UnidentifiedImageError:
        raise UnusableImage("not an image, or its header is broken") from None
    except Image.DecompressionBombError:
        raise UnusableImage(f"too many pixels, over the limit of {MAX_PIXELS:,}") from None
    except Exception as error:  # Pillow's decoders raise almost anything on broken files
        raise UnusableImage(f"cannot be decoded: {_reason(error)}") from error
    _check_size(image)
    return image


def _check_size(image: Image.Image) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise UnusableImage(f"too many pixels: {width} x {height}, over the limit of {MAX_PIXELS:,}")


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 (upright) if it is missing or unreadable.

    Only a JPEG may be asked before it is loaded: Pillow loads a PNG for this, and the error would be lost.
    """
    if image.format != "TIFF" and not _METADATA.intersection(image.info):
        return 1
    try:
        value = image.getexif().get(ORIENTATION, 1)
    except Exception:  # broken metadata does not spoil the pixels
        return 1
    return value if value in _UPRIGHT else 1


def _upright_size(image: Image.Image) -> tuple[int, int]:
    width, height = image.size
    return (height, width) if _orientation(image) in _SIDEWAYS else (width, height)


def _is_grey(image: Image.Image) -> bool:
    return image.mode in _GREY or image.mode.startswith("I;")


def _decoded(image: Image.Image, at_least: tuple[int, int] | None) -> npt.NDArray[Any]:
    """Decode the first frame to [H, W, C], upright; grey values that are not 8-bit are as stored.

    Palettes, CMYK and the like become RGB. Transparent pixels are laid on white.
    """
    try:
        if at_least is not None and image.format == "JPEG":
            height, width = at_least
            sideways = _orientation(image) in _SIDEWAYS
            # Twice the wanted size leaves the last step of shrinking to a proper filter.
            image.draft(None, (2 * height, 2 * width) if sideways else (2 * width, 2 * height))
        image.load()
        turn = _UPRIGHT.get(_orientation(image))
        if turn is not None:
            image = image.transpose(turn)
        pixels = np.asarray(_flat(image))
    except UnusableImage:
        raise
    except Exception as error:  # Pillow's decoders raise almost anything on broken files
        raise UnusableImage(f"cannot be decoded: {_reason(error)}") from error
    return pixels if pixels.ndim == 3 else pixels[:, :, None]


def _flat(image: Image.Image) -> Image.Image:
    """Return an opaque image of mode L, RGB, F, I or I;16."""
    mode = image.mode
    if mode in ("RGB", "L") and "transparency" not in image.info:
        return image
    if mode in ("F", "I") or mode.startswith("I;"):
        return image
    grey = _is_grey(image)
    if "transparency" in image.info or mode in ("LA", "La", "PA", "RGBA", "RGBa"):
        layer = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        white.alpha_composite(layer)
        image = white
    return image.convert("L" if grey else "RGB")
