"""What the first bytes of a file say it is, whatever it is called, and the decoders that may open it."""

from __future__ import annotations

import contextlib
import os
from functools import cache
from pathlib import Path

from PIL import Image

from alkit.errors import UnusableImage

SNIFFED = 16
"""Bytes that are enough to tell."""
# No other decoder is tried, whatever a file is called: some of Pillow's start other programs.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "PPM")
_BOXED = {"AVIF": (b"avif", b"avis"), "HEIF": (b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1")}
_JPEG2000 = (b"\x00\x00\x00\x0cjP  ", b"\xff\x4f\xff\x51")
_COMMON = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a")


def formats_of(head: bytes) -> tuple[str, ...]:
    """Return the names of the decoders that may try a file.

    Args:
        head: its first bytes.

    Raises:
        UnusableImage: it is an image of a kind for which no decoder is installed.
    """
    name = _modern(head)
    if name is None:
        return FORMATS
    if name not in _installed():
        more = "; install pillow-heif to read it" if name == "HEIF" else ""
        raise UnusableImage(f"{name} image, for which there is no decoder here{more}")
    return (name,)


def looks_like_image(head: bytes) -> bool:
    """Say whether a file begins as images do; a few kinds that begin like other files are not known."""
    webp = head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    return webp or head.startswith(_COMMON) or _modern(head) is not None


def begins_as_image(path: str) -> bool:
    """Say the same of a regular file; one that cannot be read does not."""
    with contextlib.suppress(OSError):
        if os.path.getsize(path) > 0 and Path(path).is_file():  # noqa: PTH202  # a path of bytes beyond UTF-8
            with open(path, "rb", buffering=0) as file:
                return looks_like_image(file.read(SNIFFED))
    return False


def _modern(head: bytes) -> str | None:
    """Return the format of a file that is newer than Pillow's usual ones, by its first bytes."""
    if head[4:8] == b"ftyp":
        return next((name for name, brands in _BOXED.items() if head[8:12] in brands), None)
    return "JPEG2000" if head.startswith(_JPEG2000) else None


@cache
def _installed() -> frozenset[str]:
    with contextlib.suppress(ImportError):
        import pillow_heif  # type: ignore[import-not-found]  # noqa: PLC0415  # seldom needed, may be missing

        pillow_heif.register_heif_opener()
    Image.init()
    return frozenset(Image.OPEN)
