"""Images as they are read: in columns, since there may be millions."""

from __future__ import annotations

import itertools
import re
from array import array
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from .image_list import ImageList, ImageRecord, SetAside, of_one_content
from .positions import Positions

if TYPE_CHECKING:
    import numpy.typing as npt

    from .source import DecodedImage

DIGEST = 32  # bytes of SHA-256
SHA256 = re.compile("[0-9a-f]{64}")


class NamedImages(ImageList):
    """Images of which the names are there.

    Args:
        keys: the names.
        first: index of the first.
    """

    def __init__(self, keys: Sequence[str], first: int = 0) -> None:
        self._names, self._first = keys, first

    def __len__(self) -> int:
        return len(self._names)

    def index_of(self, key: str) -> int | None:
        """Return the image of a name, or None."""
        names = self._names
        found = names.place(key) if isinstance(names, Positions) else self._places.get(key)
        return None if found is None else self._first + found

    @property
    def keys(self) -> Sequence[str]:
        """The names."""
        return self._names

    @cached_property
    def _places(self) -> dict[str, int]:
        return {key: at for at, key in enumerate(self._names)}


class UnreadImages(NamedImages):
    """Images that nobody has read: names only, and content that may be anything."""

    def block(self, start: int, stop: int) -> Sequence[ImageRecord]:
        """Return the records from start to stop."""
        keys = enumerate(self._names[start:stop], self._first + start)
        return [ImageRecord(index, key, "", 0, 0, None, None) for index, key in keys]

    def with_hash(self, start: str) -> Sequence[int]:
        """Return none: no content is known."""
        return ()

    @property
    def set_aside(self) -> Sequence[SetAside]:
        """None are: they may all be usable."""
        return ()


class ScannedImages(NamedImages):
    """Images as they were read, in columns: about 50 bytes each.

    Args:
        keys: their names.
        first: index of the first.
        known: returns the image that came before and has a content, or None.
    """

    def __init__(
        self, keys: Sequence[str], first: int = 0, known: Callable[[str], int | None] | None = None
    ) -> None:
        super().__init__(keys, first)
        self._known = known
        self._digests = bytearray()
        self._widths, self._heights = array("i"), array("i")
        self._odd: dict[int, str] = {}  # hashes that are not SHA-256 in hexadecimal digits
        self._unusable: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self._widths)

    def add(self, readings: Sequence[DecodedImage]) -> None:
        """Take the next images."""
        start = len(self)
        hashes = [reading.hash for reading in readings]
        if any(map(_is_odd, hashes)):
            odd = {at: hash for at, hash in enumerate(hashes) if _is_odd(hash)}
            self._odd.update((start + at, hash) for at, hash in odd.items())
            hashes = ["0" * 2 * DIGEST if at in odd else hash for at, hash in enumerate(hashes)]
        self._digests += bytes.fromhex("".join(hashes))
        self._widths.extend(reading.width for reading in readings)
        self._heights.extend(reading.height for reading in readings)
        for at, reading in enumerate(readings, start):
            if reading.unusable is not None:
                self._unusable[at] = reading.unusable

    def block(self, start: int, stop: int) -> Sequence[ImageRecord]:
        """Return the records from start to stop."""
        hexed, copies, unusable, odd = (
            self._digests[start * DIGEST : stop * DIGEST].hex(),
            self._copies,
            self._unusable,
            self._odd,
        )
        return [
            ImageRecord(
                self._first + at,
                key,
                odd[at] if at in odd else hexed[place : place + 2 * DIGEST],
                self._widths[at],
                self._heights[at],
                unusable.get(at),
                copies.get(at),
            )
            for at, key, place in zip(
                range(start, stop), self._names[start:stop], itertools.count(0, 2 * DIGEST)
            )
        ]

    def with_hash(self, start: str) -> Sequence[int]:
        """Return the images of the one content whose hash is that or begins like that; else none."""
        return of_one_content(((self._first + at, self._hash(at)) for at in self._beginning(start)), start)

    def _beginning(self, start: str) -> list[int]:
        """Return the places, ascending, whose hash may begin like that."""
        try:
            low, high = (int(start[:16].ljust(16, fill), 16) for fill in "0f")
        except ValueError:
            return sorted(self._odd)
        starts, order = self._sorted
        first = np.searchsorted(starts, np.uint64(low), side="left")
        end = np.searchsorted(starts, np.uint64(high), side="right")
        return sorted({*order[first:end].tolist(), *self._odd})

    @cached_property
    def _sorted(self) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
        """The first eight bytes of all hashes in order, and the place of each."""
        starts = np.frombuffer(bytes(self._digests), dtype=">u8").reshape(-1, DIGEST // 8)[:, 0]
        order = np.argsort(starts, kind="stable")
        return starts[order].astype(np.uint64), order

    @property
    def set_aside(self) -> Sequence[SetAside]:
        """The images that are unusable or copies, ascending."""
        copies = self._copies
        return [
            SetAside(self._first + at, self._unusable.get(at), copies.get(at))
            for at in sorted({*copies, *self._unusable})
        ]

    @cached_property
    def _copies(self) -> dict[int, int]:
        """The first image of the same content, by the place of each exact copy, once all are there."""
        found: dict[int, int] = {}
        if self._known is not None:
            for at in range(len(self)):
                if at not in self._unusable and (before := self._known(self._hash(at))) is not None:
                    found[at] = before
        usable = np.ones(len(self), dtype=np.bool_)
        usable[[*found, *self._unusable]] = False
        firsts: dict[str, int] = {}
        for at in _alike(self._digests, np.flatnonzero(usable)).tolist():
            first = firsts.setdefault(self._hash(at), at)
            if first != at:
                found[at] = self._first + first
        return found

    def _hash(self, at: int) -> str:
        odd = self._odd.get(at)
        return self._digests[at * DIGEST : (at + 1) * DIGEST].hex() if odd is None else odd


def _is_odd(hash: str) -> bool:
    """Say whether a hash is not SHA-256 in lower hexadecimal digits."""
    return SHA256.fullmatch(hash) is None


def _alike(digests: bytearray, places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the places, ascending, of digests that begin with the same eight bytes as another one."""
    starts = np.frombuffer(digests, dtype=np.uint64).reshape(-1, DIGEST // 8)[places, 0]
    order = np.argsort(starts, kind="stable")
    same = starts[order[1:]] == starts[order[:-1]]
    again = np.zeros(len(order), dtype=np.bool_)
    again[1:] |= same
    again[:-1] |= same
    return np.sort(places[order[again]])
