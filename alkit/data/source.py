"""A source of images, and the result of reading one image."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from alkit.errors import UnusableImage

from .pixel_types import PixelType, as_picture

if TYPE_CHECKING:
    from alkit._typing import Pixels, Values


MAX_BYTES = 2**30  # of an image's file


@dataclass(frozen=True, slots=True)
class DecodedImage:
    """The result of reading one image.

    Attributes:
        hash: hex SHA-256 of the content; empty if no byte could be read.
        width: upright, in pixels as stored; 0 where unknown.
        height: upright, in pixels as stored; 0 where unknown.
        pixels: [H, W, C] of the source's pixel type, upright, with any C; None if unusable.
        unusable: why the image cannot be used, or None.
    """

    hash: str
    width: int = 0
    height: int = 0
    pixels: Values | None = None
    unusable: str | None = None


class Source(ABC):
    """Images by key, and what is known about them; it never changes what it reads.

    A plugin's source has a `name` and a classmethod `open`, and says in its class body which locations it
    opens, as literals: alkit reads them without importing the plugin.

    Attributes:
        name: of the plugin, the same as the entry point; `NAME:LOCATION` opens this source.
        schemes: of addresses that it opens (`s3` for `s3://bucket`).
        suffixes: of files that it opens (`.csv`).
        datasets: names that it opens, with `/test` after them or without.
        folders: it also opens a folder that holds files with its suffixes and no images.
        location: opens the same source again: an absolute path, an address, or a data set's name.
        root: where a torchvision data set lies.
        answers_itself: it is a demonstration, whose simulated oracle is on by default.
        classes: the class names that the layout or the data set knows, sorted or in the data set's order.
        notes: sentences for a person about what was left out.
        facts: the same as JSON values.
        value_range: black and white of the values as stored, where they are not 8-bit; by default those of
            their type: [0, 65535] of 16-bit integers, [0, 1] of floating point.
        has_pixels: what `read` gives are pictures; otherwise blanks, on which nothing can be trained.
        nothing: the label that says that nothing is in an image, where the task has one: `none` is then not
            a program's word for an empty cell.
        pixel_type: what `read` gives: `uint8`, to which other values are scaled by `value_range`; `uint16` or
            `float32`, in which they stay as stored.
    """

    name: ClassVar[str] = ""
    schemes: ClassVar[tuple[str, ...]] = ()
    suffixes: ClassVar[tuple[str, ...]] = ()
    datasets: ClassVar[tuple[str, ...]] = ()
    folders: ClassVar[bool] = False

    location: str
    root: str | None = None
    answers_itself: bool = False
    classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    facts: Mapping[str, Any] = MappingProxyType({})
    value_range: tuple[float, float] | None = None
    has_pixels: bool = True
    pixel_type: PixelType = "uint8"
    nothing: str = ""

    @classmethod
    def open(cls, location: str, *, root: str | None = None, download: bool = False) -> Source:
        """Open a pool of images.

        Args:
            location: an absolute path, the name of a data set, or whatever follows a scheme, scheme included.
            root: where the user wants data from elsewhere to be kept.
            download: the user allows a download.

        Raises:
            SourceError: there is nothing, or it cannot be read.
        """
        raise NotImplementedError

    @abstractmethod
    def keys(self) -> Sequence[str]:
        """Name every image: a relative path with `/`, or split and position; the order never varies."""

    @abstractmethod
    def read(self, key: str, *, at_least: tuple[int, int] | None = None) -> DecodedImage:
        """Read, hash and decode one image; problems are reported in the result.

        Safe to call from many threads. Decoders may warn; who calls `read` keeps them quiet.

        Args:
            key: one of `keys`, or one that was.
            at_least: (height, width); a decoder that can skip detail may return fewer pixels, down to these.

        Raises:
            SourceError: the place cannot be reached now; nothing is wrong with the image.
        """

    def looks(
        self, keys: Sequence[str], *, at_least: tuple[int, int] | None = None
    ) -> Iterator[DecodedImage]:
        """Yield what `read` returns for each of these images, in order; by default one by one.

        A source whose images lie in larger files (shards, tables) may open each file once here. Safe to call
        from many threads. Callers ask for neighbors together, in the order of `keys`.
        """
        for key in keys:
            yield self.read(key, at_least=at_least)

    def columns(self) -> Mapping[str, Mapping[str, str]]:
        """Return what else is known of the images: by column (`cost`, `site`), its text by key.

        Strategies get them by `cycle.column("cost")`. Labels are not among them.
        """
        return {}

    def header(self, key: str) -> tuple[int, int, int] | None:
        """Return (C, H, W) of one image, upright, as cheaply as possible; None if it is unusable."""
        reading = self.read(key)
        return None if reading.pixels is None else (reading.pixels.shape[2], reading.height, reading.width)

    def hash_of(self, key: str) -> str:
        """Return the content hash of one image as cheaply as possible; empty if it cannot be read."""
        return self.read(key).hash

    def stored_values(self, key: str) -> tuple[str, float, float] | None:
        """Return type, minimum and maximum of an image's values as stored; None if 8-bit or unusable."""
        return None

    def load(self, key: str) -> tuple[str, Values]:
        """Return the content hash and the pixels [H, W, C] of one image.

        Raises:
            UnusableImage: it cannot be read or decoded.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            reading = self.read(key)
        if reading.pixels is None:
            raise UnusableImage(f"image '{key}' cannot be used: {reading.unusable}")
        return reading.hash, reading.pixels

    def picture(self, key: str) -> tuple[str, Pixels]:
        """Return the content hash of one image, and what people see of it: [H, W, 1 or 3] uint8.

        By default the first three channels, or the first of two; values that are not 8-bit are scaled by
        `value_range`, or channel by channel where there are more than three.

        Raises:
            UnusableImage: it cannot be read or decoded.
        """
        digest, values = self.load(key)
        return digest, as_picture(values, self.value_range)

    def answers(self) -> dict[str, str]:
        """Return hidden class names by key, only for a simulated oracle; unknown ones are left out."""
        return {}

    def path(self, key: str) -> Path | None:
        """Return the file of an image, where there is one, for people and labeling tools."""
        return None

    def original(self, key: str) -> bytes | None:
        """Return the bytes of an image's file where that is not a file of its own on this machine."""
        return None

    def test_split(self) -> Source | None:
        """Return the data set's own test images, where it has some."""
        return None
