"""Names that are positions in an array: made when they are looked at, since there may be millions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload

from alkit.utils.counts import counted


class Positions(Sequence[str]):
    """The names of the rows of an array: a prefix, and the position with as many digits as the last one has.

    Args:
        count: rows.
        prefix: text before the position, such as `train/`.
    """

    def __init__(self, count: int, prefix: str = "") -> None:
        self.rows, self.prefix = count, prefix
        self.digits = len(str(count - 1))

    def __len__(self) -> int:
        return self.rows

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [f"{self.prefix}{at:0{self.digits}}" for at in range(self.rows)[index]]
        return f"{self.prefix}{range(self.rows)[index]:0{self.digits}}"

    def __iter__(self) -> Iterator[str]:
        prefix, digits = self.prefix, self.digits
        return (f"{prefix}{at:0{digits}}" for at in range(self.rows))

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self.place(key) is not None

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Positions):
            return (self.rows, self.prefix) == (other.rows, other.prefix)
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return len(self) == len(other) and all(map(str.__eq__, self, other))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return (
            f"<{counted(self.rows, 'name')} from '{self[0]}' to '{self[-1]}'>" if self.rows else "<no names>"
        )

    def place(self, key: str) -> int | None:
        """Return the position that a name is of, or None."""
        digits = key.removeprefix(self.prefix)
        if len(digits) != self.digits or not digits.isascii() or not digits.isdecimal():
            return None
        at = int(digits)
        return at if at < self.rows and key == self[at] else None

    def index(self, key: str, start: int = 0, stop: int | None = None) -> int:
        """Return the position of a name."""
        found = self.place(key)
        if found is None or not start <= found < (self.rows if stop is None else stop):
            raise ValueError(f"{key!r} is not in the list")
        return found
