"""Images for the browser: the original file if every browser shows it correctly, otherwise a PNG."""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING, NamedTuple

from PIL import Image, ImageOps

from alkit.data.source import MAX_BYTES
from alkit.errors import UnusableImage
from alkit.utils.files import read_regular

if TYPE_CHECKING:
    from pathlib import Path

    from alkit._typing import Pixels
    from alkit.data.preprocessing import ImageRecord
    from alkit.data.source import Source


BROWSER_FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
ORIENTATION = 0x0112


class ServedImage(NamedTuple):
    """The bytes of an image and their media type."""

    mimetype: str
    content: bytes


def picture(source: Source, record: ImageRecord) -> ServedImage:
    """Return an image, upright and at its original resolution.

    Raises:
        UnusableImage: it is missing, or has changed since it was listed.
    """
    path = source.path(record.key)
    if path is not None:
        try:
            content = read_regular(path, most=MAX_BYTES)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UnusableImage(
                f"image '{record.key}' cannot be read: {reason}; if the images have moved, run "
                "'alkit update --pool NEW'"
            ) from error
    else:
        content = source.original(record.key) or b""
    mimetype = _portable_type(content)
    if mimetype is not None and hashlib.sha256(content).hexdigest() == record.hash:
        return ServedImage(mimetype, content)
    digest, pixels = source.picture(record.key)
    if digest != record.hash:
        raise UnusableImage(f"image '{record.key}' has changed since it was listed")
    return as_png(pixels)


def picture_of_file(path: Path) -> ServedImage:
    """Return a picture that is not one of the pool's.

    Raises:
        UnusableImage: it cannot be read or decoded.
    """
    try:
        content = read_regular(path, most=MAX_BYTES)
        if (mimetype := _portable_type(content)) is not None:
            return ServedImage(mimetype, content)
        with Image.open(io.BytesIO(content)) as image:
            file = io.BytesIO()
            ImageOps.exif_transpose(image).convert("RGB").save(file, "PNG", compress_level=1)
        return ServedImage("image/png", file.getvalue())
    except Exception as error:  # Pillow's decoders raise almost anything on broken files
        raise UnusableImage(f"the picture '{path.name}' cannot be shown: {error}") from error


def thumbnail(shown: ServedImage, side: int) -> ServedImage:
    """Return a small copy of an image for a browser, upright, at most `side` pixels wide and high.

    Raises:
        UnusableImage: it cannot be decoded.
    """
    try:
        with Image.open(io.BytesIO(shown.content), formats=BROWSER_FORMATS) as image:
            if max(image.size) <= side:
                return shown
            image.draft("RGB", (side, side))
            upright = ImageOps.exif_transpose(image)
            upright.thumbnail((side, side))
            file = io.BytesIO()
            if image.format == "JPEG":
                upright.convert("RGB").save(file, "JPEG", quality=85)
                return ServedImage("image/jpeg", file.getvalue())
            upright.save(file, "PNG", compress_level=1)
            return ServedImage("image/png", file.getvalue())
    except Exception as error:  # Pillow's decoders raise almost anything on broken files
        raise UnusableImage(f"the picture cannot be shown: {error}") from error


def as_png(pixels: Pixels) -> ServedImage:
    """Encode pixels [H, W, 1 or 3]."""
    file = io.BytesIO()
    Image.fromarray(pixels.squeeze(2) if pixels.shape[2] == 1 else pixels).save(file, "PNG", compress_level=1)
    return ServedImage("image/png", file.getvalue())


def _portable_type(content: bytes) -> str | None:
    """Return the media type of a file that all browsers show in the way alkit reads it, otherwise None.

    All browsers turn a JPEG upright, but not other formats. They play an animation, while alkit reads only
    its first frame.
    """
    try:
        with Image.open(io.BytesIO(content), formats=BROWSER_FORMATS) as image:
            turned = image.format != "JPEG" and image.getexif().get(ORIENTATION, 1) != 1
            deep = image.mode.startswith(("I", "F"))  # how bright it is shown is the pool's decision
            if turned or deep or getattr(image, "is_animated", False):
                return None
            return image.get_format_mimetype()
    except Exception:  # Pillow's decoders raise almost anything on broken files
        return None
