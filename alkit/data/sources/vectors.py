"""A pool of vectors: embeddings without pixels; people see the file that a name is the path of, or a card."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from alkit.data.positions import Positions
from alkit.data.rows import NamedRows, read_rows
from alkit.data.rows.named_rows import KINDS
from alkit.data.source import DecodedImage, Source
from alkit.errors import InvalidRows, SourceError
from alkit.utils.counts import counted
from alkit.utils.mapped_files import let_go

from .listed import Listed

if TYPE_CHECKING:
    import numpy.typing as npt

    from alkit._typing import Pixels

SIDE = 8  # of the blank that is kept in the place of pixels
CARD, MARGIN, LINE = 192, 10, 20
NO_PICTURE = "vector, no picture"
INK, FADED, PAPER = 40, 120, 245


def holds_vectors(path: Path) -> bool:
    """Say whether an .npy or .npz file holds vectors: by its shape, or by the name of an array."""
    try:
        if path.suffix.lower() == ".npy":
            array = np.load(path, mmap_mode="r", allow_pickle=False)
            return bool(array.ndim == 2 and array.dtype.kind == "f")
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            return not {*arrays}.isdisjoint(KINDS["embeddings"])
    except Exception:  # whoever opens it as images says what is wrong
        return False


class Vectors(Source):
    """One vector per image; a key is the name in the file, or the position.

    An image is its vector: its hash is that of the numbers, so equal vectors are copies. There are no pixels
    to train on. People see the image file that a name is the path of, absolute or from the folder of the
    vectors; else a card with the name.

    Args:
        file: what `read_rows` reads.

    Raises:
        SourceError: it cannot be read, or names an image twice.
    """

    has_pixels = False

    def __init__(self, file: Path) -> None:
        file = file.expanduser().absolute()
        try:
            self.rows: NamedRows = read_rows(file, "embeddings")
        except InvalidRows as error:
            raise SourceError(str(error)) from error
        self.location = f"vectors:{file}"
        names = self.rows.names
        self._keys: Sequence[str] = Positions(len(self.rows)) if names is None else names
        if names is not None:
            if "" in names:
                raise SourceError(f"'{file}' names no image in {self.rows.called(names.index(''))}")
            if len(self._places) < len(names):
                twice = next(key for at, key in enumerate(names) if self._places[key] != at)
                raise SourceError(f"'{file}' names '{twice}' twice; remove one of the rows")
        self.notes = (
            f"pool of {counted(len(self._keys), 'vector')} of {self.rows.width:,} numbers, without pixels: "
            "strategies choose by the vectors",
        )
        self._file = file

    @cached_property
    def _places(self) -> dict[str, int]:
        return {key: at for at, key in enumerate(self._keys)}

    def keys(self) -> Sequence[str]:
        """Return the names, in the order of the rows."""
        return self._keys

    def header(self, key: str) -> tuple[int, int, int]:
        """Return the shape of the blank."""
        return 1, SIDE, SIDE

    def hash_of(self, key: str) -> str:
        """Return the hash of the numbers."""
        place = self._keys.place(key) if isinstance(self._keys, Positions) else self._places.get(key)
        if place is None:
            return ""
        return _hash(np.asarray(self.rows.values[place], dtype=np.float64))

    def read(self, key: str, *, at_least: tuple[int, int] | None = None) -> DecodedImage:
        """Return a blank in the place of pixels."""
        found = self.hash_of(key)
        if not found:
            return DecodedImage("", unusable="there is no vector of that name in the file")
        return DecodedImage(found, SIDE, SIDE, np.zeros((SIDE, SIDE, 1), dtype=np.uint8))

    def looks(
        self, keys: Sequence[str], *, at_least: tuple[int, int] | None = None
    ) -> Iterator[DecodedImage]:
        """Yield what `read` returns; rows that follow each other are taken from the file at once."""
        place = self._keys.place(keys[0]) if isinstance(self._keys, Positions) and keys else None
        if place is None or self._keys[place : place + len(keys)] != keys:
            yield from super().looks(keys, at_least=at_least)
            return
        blank = np.zeros((SIDE, SIDE, 1), dtype=np.uint8)
        rows = np.ascontiguousarray(self.rows.values[place : place + len(keys)], dtype=np.float64)
        let_go(self.rows.values)
        content, size = rows.data.cast("B"), rows.shape[1] * rows.itemsize
        for start in range(0, len(content), size):
            digest = hashlib.sha256(content[start : start + size]).hexdigest()
            yield DecodedImage(digest, SIDE, SIDE, blank)

    def load(self, key: str) -> tuple[str, Pixels]:
        """Return what people see: the image file that the name is the path of, or a card with the name."""
        files = Listed([key], base=self._file.parent, location=str(self._file))
        path = files.path(key)
        there = path is not None and path.is_file()
        found = files.read(key) if there else DecodedImage("")
        return self.hash_of(key), card(key) if found.pixels is None else found.pixels


def _hash(row: npt.NDArray[np.float64]) -> str:
    return hashlib.sha256(np.ascontiguousarray(row).data).hexdigest()


def card(key: str) -> Pixels:
    """Draw a name, as [CARD, CARD, 1]; of a long one, the end."""
    from PIL import Image, ImageDraw, ImageFont  # noqa: PLC0415  # Pillow is slow to import

    image = Image.new("L", (CARD, CARD), PAPER)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(16)
    draw.rectangle((0, 0, CARD - 1, CARD - 1), outline=FADED)
    lines = [""]
    for letter in key:
        if font.getlength(lines[-1] + letter) > CARD - 2 * MARGIN:
            lines.append("")
        lines[-1] += letter
    room = (CARD - 2 * MARGIN) // LINE - 2
    for at, line in enumerate(lines[-room:]):
        draw.text((MARGIN, MARGIN + at * LINE), line, fill=INK, font=font)
    draw.text((MARGIN, CARD - MARGIN - LINE), NO_PICTURE, fill=FADED, font=font)
    return np.asarray(image)[:, :, None]
