"""Where images come from: a folder, a CSV manifest, arrays, a torchvision data set, scikit-learn's digits."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import SourceError, UnusableImage

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Pixels = npt.NDArray[np.uint8]

DIGITS = "digits"
VISION = ("cifar10", "cifar100", "fashion-mnist", "mnist", "svhn")


@dataclass(frozen=True, slots=True)
class Reading:
    """What came of reading one image.

    Attributes:
        hash: hex SHA-256 of the content; empty where no byte could be read.
        width: upright, in pixels as stored; 0 where unknown.
        height: upright, in pixels as stored; 0 where unknown.
        pixels: [H, W, C] uint8 with C 1 or 3, upright; None if unusable.
        unusable: why the image cannot be used, or None.
    """

    hash: str
    width: int = 0
    height: int = 0
    pixels: Pixels | None = None
    unusable: str | None = None


class Source(ABC):
    """Images by key, and what is known about them; it never changes what it reads.

    Attributes:
        location: opens the same source again: an absolute path, or a data set's name.
        root: where a torchvision data set lies.
        answers_itself: a demonstration, whose simulated oracle is on by default.
        classes: the class names that the layout or the data set knows, sorted or in the data set's order.
        notes: sentences for a person about what was left out.
    """

    location: str
    root: str | None = None
    answers_itself: bool = False
    classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @abstractmethod
    def keys(self) -> list[str]:
        """Name every image: a relative path with `/`, or split and position; the order never varies."""

    @abstractmethod
    def look(self, key: str, *, at_least: tuple[int, int] | None = None) -> Reading:
        """Read, hash and decode one image; what is wrong with it is said in the reading, never raised.

        Safe to call from many threads. Decoders may warn; `read` and `alkit.images` keep them quiet.

        Args:
            key: one of `keys`, or one that was.
            at_least: (height, width); a decoder that can skip detail may return fewer pixels, down to these.
        """

    def header(self, key: str) -> tuple[int, int, int] | None:
        """Return (C, H, W) of one image, upright, as cheaply as can be; None if it is unusable."""
        reading = self.look(key)
        return None if reading.pixels is None else (reading.pixels.shape[2], reading.height, reading.width)

    def read(self, key: str) -> tuple[str, Pixels]:
        """Return the content hash and the pixels [H, W, C] of one image.

        Raises:
            UnusableImage: it cannot be read or decoded.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            reading = self.look(key)
        if reading.pixels is None:
            raise UnusableImage(f"image '{key}' cannot be used: {reading.unusable}")
        return reading.hash, reading.pixels

    def answers(self) -> dict[str, str]:
        """Return hidden class names by key, for a simulated oracle only; what is unknown is left out."""
        return {}

    def path(self, key: str) -> Path | None:
        """Return the file of an image, where there is one, for people and labeling tools."""
        return None

    def test_split(self) -> Source | None:
        """Return the data set's own test images, where it has some."""
        return None


def open_source(location: str, *, root: str | None = None, download: bool = False) -> Source:
    """Open a pool of images.

    Args:
        location: a folder, a `.csv` manifest, an `.npy` or `.npz` file, or the name of a data set
            (`digits`, `cifar10`, `cifar100`, `fashion-mnist`, `mnist`, `svhn`; with `/test` for its test
            images). A data set's name wins over a folder of that name, which is then `./NAME`.
        root: where a torchvision data set lies, or is downloaded to.
        download: allow torchvision to download what is missing; nothing else uses the network.

    Raises:
        SourceError: there is no such source, it holds no images, or it cannot be read.
    """
    name, _, split = location.partition("/")
    if name in (DIGITS, *VISION) and split in ("", "test"):
        if name == DIGITS:
            from .digits import Digits

            return Digits(test=split == "test")
        from .vision import Vision

        return Vision(name, root=root, download=download, test=split == "test")
    return _open_path(location)


def _open_path(location: str) -> Source:
    path = Path(location).expanduser().absolute()
    try:
        str(path).encode()
        folder, exists = path.is_dir(), path.exists()
    except (OSError, ValueError) as error:
        raise SourceError(f"{location!a} cannot be opened: {error}; rename or move it") from error
    if folder:
        from .folder import Folder

        return Folder(path)
    if not exists:
        raise SourceError(
            f"there is no folder or file '{location}', and no data set of that name "
            f"({', '.join((DIGITS, *VISION))})"
        )
    suffix = path.suffix.lower()
    if suffix == ".csv":
        from .manifest import Manifest

        return Manifest(path)
    if suffix in (".npy", ".npz"):
        from .arrays import ArrayFile

        return ArrayFile(path)
    raise SourceError(f"'{location}' is no pool of images; give a folder, a .csv, an .npy or an .npz file")
