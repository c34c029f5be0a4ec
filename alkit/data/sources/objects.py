"""Images that are not files here but bytes: objects in a store, members of an archive, cells of a table."""

from __future__ import annotations

import hashlib
import os
from abc import abstractmethod
from pathlib import Path

from alkit.data.source import DecodedImage, Source
from alkit.errors import UnusableImage

from .files import SUFFIXES, decode, stored_values_of

IMAGE_SUFFIXES = SUFFIXES
"""Suffixes of files that are images."""


class ObjectSource(Source):
    """Images whose encoded bytes a subclass gives by key; they are hashed and decoded as files are."""

    @abstractmethod
    def content(self, key: str) -> bytes:
        """Return the bytes of an image as in a file.

        Raises:
            UnusableImage: there is no such image.
            SourceError: the place cannot be reached; what has been read so far is not lost.
        """

    def read(self, key: str, *, at_least: tuple[int, int] | None = None) -> DecodedImage:
        """Read, hash and decode one image; the hash is that of its bytes."""
        try:
            content = self.content(key)
        except UnusableImage as error:
            return DecodedImage("", unusable=str(error))
        return decode(content, self.pixel_type, self.value_range, at_least=at_least)

    def hash_of(self, key: str) -> str:
        """Return the hash of an image's bytes, without decoding them."""
        try:
            return hashlib.sha256(self.content(key)).hexdigest()
        except UnusableImage:
            return ""

    def stored_values(self, key: str) -> tuple[str, float, float] | None:
        """Return type, minimum and maximum of an image's values as stored; None if 8-bit or unusable."""
        try:
            return stored_values_of(self.content(key))
        except UnusableImage:
            return None

    def original(self, key: str) -> bytes | None:
        """Return the bytes of an image, or None if there are none."""
        try:
            return self.content(key)
        except UnusableImage:
            return None


def default_root() -> Path:
    """Return the folder in which data from elsewhere is kept, unless the user names another."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser().absolute() / "alkit"
