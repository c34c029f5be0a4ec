"""The images of a pool by index, name and content; a record is made when it is looked at."""

from __future__ import annotations

from abc import abstractmethod
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import overload

from alkit.utils.counts import counted

from .positions import Positions

BLOCK = 4096  # records made at once


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """What is kept of one image of the pool.

    Attributes:
        index: its position in the pool, and its row in the store.
        key: its name in the source.
        hash: hex SHA-256 of its content; empty if no byte could be read.
        width: upright, in pixels before resizing; 0 where unknown.
        height: upright, in pixels before resizing; 0 where unknown.
        unusable: why it cannot be used, or None; its row is then zero.
        duplicate_of: the index of an earlier usable image of the same content, or None.
    """

    index: int
    key: str
    hash: str
    width: int
    height: int
    unusable: str | None
    duplicate_of: int | None


@dataclass(frozen=True, slots=True)
class SetAside:
    """An image that is out of reach: unusable, or a copy."""

    index: int
    unusable: str | None
    duplicate_of: int | None


class ImageList(Sequence[ImageRecord]):
    """A frozen list of images, as large as you like: what it does not hold as objects, it makes."""

    @abstractmethod
    def block(self, start: int, stop: int) -> Sequence[ImageRecord]:
        """Return the records from start to stop."""

    @abstractmethod
    def index_of(self, key: str) -> int | None:
        """Return the image of a name, or None."""

    @abstractmethod
    def with_hash(self, start: str) -> Sequence[int]:
        """Return the images of the one content whose hash is that or begins like that; else none."""

    def of_content(self, hash: str) -> Sequence[int]:
        """Return the images whose hash is that, ascending; none of an empty one."""
        found = self.with_hash(hash) if hash else ()
        return found if found and self[found[0]].hash == hash else ()

    @property
    @abstractmethod
    def set_aside(self) -> Sequence[SetAside]:
        """The images that are unusable or copies, ascending."""

    @property
    def keys(self) -> Sequence[str]:
        """The names."""
        return Keys(self)

    def keys_of(self, indices: Sequence[int]) -> list[str]:
        """Return the names of some images."""
        return [self[index].key for index in indices]

    def are_called(self, names: Sequence[str]) -> bool:
        """Say whether the names are those, from the first on."""
        return len(names) >= len(self) and all(map(str.__eq__, self.keys, names))

    def names_beyond(self, names: Sequence[str]) -> list[str] | None:
        """Return the names after those of all images, if names are positions and images are called so."""
        if not isinstance(names, Positions) or not self.are_called(names):
            return None
        return names[len(self) :]

    @overload
    def __getitem__(self, index: int) -> ImageRecord: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[ImageRecord]: ...
    def __getitem__(self, index: int | slice) -> ImageRecord | Sequence[ImageRecord]:
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            if step == 1:
                return self.block(start, max(start, stop))
            return [self[at] for at in range(start, stop, step)]
        at = range(len(self))[index]
        return self.block(at, at + 1)[0]

    def __iter__(self) -> Iterator[ImageRecord]:
        for start in range(0, len(self), BLOCK):
            yield from self.block(start, min(start + BLOCK, len(self)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(map(ImageRecord.__eq__, self, other))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {counted(len(self), 'image')}>"


class Keys(Sequence[str]):
    """The names of a list of images."""

    def __init__(self, images: ImageList) -> None:
        self._images = images

    def __len__(self) -> int:
        return len(self._images)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        found = self._images[index]
        return found.key if isinstance(found, ImageRecord) else [record.key for record in found]

    def __iter__(self) -> Iterator[str]:
        return (record.key for record in self._images)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self._images.index_of(key) is not None

    def index(self, key: str, start: int = 0, stop: int | None = None) -> int:
        """Return the position of a name."""
        found = self._images.index_of(key)
        if found is None or not start <= found < (len(self) if stop is None else stop):
            raise ValueError(f"{key!r} is not in the list")
        return found

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return len(self) == len(other) and all(map(str.__eq__, self, other))

    __hash__ = None  # type: ignore[assignment]


class ImagesInMemory(ImageList):
    """Records that are there already: quick, and a few hundred bytes each.

    Args:
        records: in the order of their indices.
    """

    def __init__(self, records: Sequence[ImageRecord]) -> None:
        self._records = records if isinstance(records, list) else list(records)

    def __len__(self) -> int:
        return len(self._records)

    def block(self, start: int, stop: int) -> Sequence[ImageRecord]:
        """Return the records from start to stop."""
        return self._records[start:stop]

    def __iter__(self) -> Iterator[ImageRecord]:
        return iter(self._records)

    def index_of(self, key: str) -> int | None:
        """Return the image of a name, or None."""
        return self._by_key.get(key)

    def with_hash(self, start: str) -> Sequence[int]:
        """Return the images of the one content whose hash is that or begins like that; else none."""
        whole = self._by_hash.get(start)
        if whole is not None:
            return whole
        found = [same for hash, same in self._by_hash.items() if hash.startswith(start)]
        return found[0] if len(found) == 1 else ()

    def of_content(self, hash: str) -> Sequence[int]:
        """Return the images whose hash is that, ascending; none of an empty one."""
        return self._by_hash.get(hash, ())

    @cached_property
    def set_aside(self) -> Sequence[SetAside]:
        """The images that are unusable or copies, ascending."""
        return [
            SetAside(r.index, r.unusable, r.duplicate_of)
            for r in self._records
            if r.unusable is not None or r.duplicate_of is not None
        ]

    @cached_property
    def keys(self) -> Sequence[str]:
        """The names."""
        return [record.key for record in self._records]

    @cached_property
    def _by_key(self) -> dict[str, int]:
        return {record.key: record.index for record in self._records}

    @cached_property
    def _by_hash(self) -> dict[str, list[int]]:
        same: dict[str, list[int]] = defaultdict(list)
        for record in self._records:
            if record.hash:
                same[record.hash].append(record.index)
        return same


def of_one_content(found: Iterable[tuple[int, str]], start: str) -> Sequence[int]:
    """Return the images of the one content whose hash is that or begins like that; else none.

    Args:
        found: images ascending, each with its hash.
        start: of the hash.
    """
    same: dict[str, list[int]] = defaultdict(list)
    for index, hash in found:
        if hash and hash.startswith(start):
            same[hash].append(index)
    return same[start] if start in same else next(iter(same.values())) if len(same) == 1 else ()


def listed(records: Sequence[ImageRecord]) -> ImageList:
    """Return records as a list of images."""
    return records if isinstance(records, ImageList) else ImagesInMemory(records)
