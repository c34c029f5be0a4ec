"""The images of a campaign: in memory while they are few, or read off the ledger as they are looked at."""

from __future__ import annotations

import dataclasses
import sqlite3
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from typing import Any

from alkit.data.image_list import ImageList, ImageRecord, SetAside, of_one_content
from alkit.data.positions import Positions

MOST_IN_MEMORY = 50_000
"""Images of a campaign whose records are kept as objects."""
TOGETHER = 500  # names asked for at once
CONTENT = 16
"""Digits of a hash by which the ledger finds images."""

Checker = Callable[[Sequence[tuple[Any, ...]]], list[ImageRecord]]


class LedgerImages(ImageList):
    """The first images of a ledger; nothing in it ever changes, so they may be read at any time.

    Args:
        database: a connection of its own, which any thread may use.
        count: images.
        checked: turns rows of the table into records, or says that they are damaged.
        set_aside: the images that are unusable or copies, ascending.
        blamed: names the file in errors of SQLite.
    """

    def __init__(
        self,
        database: sqlite3.Connection,
        count: int,
        checked: Checker,
        set_aside: Sequence[SetAside],
        blamed: Callable[[str], AbstractContextManager[None]],
    ) -> None:
        self._database, self._count, self._checked = database, count, checked
        self._set_aside, self._blamed = set_aside, blamed
        self._turn = threading.Lock()
        self._close = weakref.finalize(self, database.close)

    def __len__(self) -> int:
        return self._count

    def block(self, start: int, stop: int) -> Sequence[ImageRecord]:
        """Return the records from start to stop."""
        rows = self._rows("SELECT * FROM images WHERE idx >= ? AND idx < ? ORDER BY idx", start, stop)
        if [row[0] for row in rows] != list(range(start, stop)):
            rows = [(None,) * 7]  # a gap, which is damage
        return self._checked(rows)

    def keys_of(self, indices: Sequence[int]) -> list[str]:
        """Return the names of some images."""
        found: dict[int, str] = {}
        for start in range(0, len(indices), TOGETHER):
            some = indices[start : start + TOGETHER]
            marks = ", ".join("?" * len(some))
            found.update(self._rows(f"SELECT idx, key FROM images WHERE idx IN ({marks})", *some))
        if any(type(found.get(index)) is not str for index in indices):
            self._checked([(None,) * 7])  # which is damage
        return [found[index] for index in indices]

    def index_of(self, key: str) -> int | None:
        """Return the image of a name, or None."""
        if not _is_text(key):
            return None
        found = self._rows("SELECT idx FROM images WHERE key = ? AND idx < ?", key, self._count)
        return found[0][0] if found else None

    def with_hash(self, start: str) -> Sequence[int]:
        """Return the images of the one content whose hash is that or begins like that; else none."""
        low = start[:CONTENT]
        rows = self._rows(
            f"SELECT idx, hash FROM images WHERE substr(hash, 1, {CONTENT}) >= ? "
            f"AND substr(hash, 1, {CONTENT}) < ? AND +idx < ? ORDER BY +idx",  # plus: by content, not by idx
            *(low, f"{low}g", self._count),
        )
        return of_one_content(rows, start)

    @property
    def set_aside(self) -> Sequence[SetAside]:
        """The images that are unusable or copies, ascending."""
        return self._set_aside

    def are_called(self, names: Sequence[str]) -> bool:
        """Say whether the names are those, from the first on."""
        if not isinstance(names, Positions):
            return super().are_called(names)
        if not _is_text(names.prefix) or len(names) < self._count:
            return False
        name = f"{names.prefix.replace('%', '%%')}%0{names.digits}d"
        query = "SELECT 1 FROM images WHERE key != printf(?, idx) AND +idx < ? LIMIT 1"
        return not self._rows(query, name, self._count)

    def _rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._turn, self._blamed("read"):
            return self._database.execute(query, values).fetchall()


class RenamedImages(ImageList):
    """Images of which some have other names now.

    Args:
        listed: the images under the names that they were listed with.
        names: present names by index.
    """

    def __init__(self, listed: ImageList, names: Mapping[int, str]) -> None:
        self._listed, self._names = listed, names

    def __len__(self) -> int:
        return len(self._listed)

    def block(self, start: int, stop: int) -> Sequence[ImageRecord]:
        """Return the records from start to stop."""
        names = self._names
        return [
            dataclasses.replace(record, key=names[record.index]) if record.index in names else record
            for record in self._listed.block(start, stop)
        ]

    def keys_of(self, indices: Sequence[int]) -> list[str]:
        """Return the names of some images."""
        names = self._names
        before = self._listed.keys_of(indices)
        return [names.get(index, key) for index, key in zip(indices, before, strict=True)]

    def index_of(self, key: str) -> int | None:
        """Return the image of a name, or None."""
        if (index := self._places.get(key)) is not None:
            return index
        found = self._listed.index_of(key)
        return None if found in self._names else found

    def with_hash(self, start: str) -> Sequence[int]:
        """Return the images of the one content whose hash is that or begins like that; else none."""
        return self._listed.with_hash(start)

    @property
    def set_aside(self) -> Sequence[SetAside]:
        """The images that are unusable or copies, ascending."""
        return self._listed.set_aside

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: index for index, name in self._names.items()}


def _is_text(key: str) -> bool:
    """Say whether UTF-8 can hold a name, which halves of characters (surrogates) are not."""
    try:
        key.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in key
