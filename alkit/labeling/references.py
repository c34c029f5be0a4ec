"""The images that answers name, by path, hash or index."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alkit.data.preprocessing import ImageRecord


SHORTEST_HASH = 8


class References:
    """Finds an image by path, index or hash."""

    def __init__(self, records: Sequence[ImageRecord], location: Path) -> None:
        self._by_key = {record.key: record.index for record in records}
        self._by_hash: dict[str, int] = {}
        for record in records:
            if record.hash:
                self._by_hash.setdefault(record.hash, record.index)
        self._count = len(records)
        self._root = location.parent if location.is_file() else location

    def find(self, text: str) -> int | None:
        """Return the index of an image, or None if there is no image of that name.

        The name as it is written wins over the one without spaces around it, which people and programs add.
        A key of the pool wins over an index; a number with leading zeros (`007`) is part of a name,
        not an index. A file may be named by its path from the pool or from here; a hash may be shortened to
        its first eight digits if they are unique.
        """
        index = self._find(text)
        return self._find(text.strip()) if index is None else index

    def _find(self, text: str) -> int | None:
        if (index := self._by_key.get(text)) is not None:
            return index
        digits = text.isascii() and text.isdigit() and len(text) < 10
        if digits and str(int(text)) == text and int(text) < self._count:
            return int(text)
        for candidate in (text.replace("\\", "/").removeprefix("./"), *self._relative(text)):
            if (index := self._by_key.get(candidate)) is not None:
                return index
        return self._hashed(text.lower())

    def _relative(self, text: str) -> list[str]:
        """Return the path from the pool, as written and with all links followed."""
        found = []
        for path in (Path(text).absolute, Path(text).resolve):
            for root in (self._root.absolute, self._root.resolve):
                with contextlib.suppress(ValueError, OSError, RuntimeError):
                    found.append(path().relative_to(root()).as_posix())
        return found

    def _hashed(self, text: str) -> int | None:
        if (index := self._by_hash.get(text)) is not None:
            return index
        if len(text) < SHORTEST_HASH or not set(text) <= set("0123456789abcdef"):
            return None
        matches = [index for known, index in self._by_hash.items() if known.startswith(text)]
        return matches[0] if len(matches) == 1 else None
