"""Checksums of a raw file of images, a block of rows at a time, in a small file beside it."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import zlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from alkit.utils.files import read_regular, write_atomically

ROWS = 64  # in a block
MOST_THREADS = 8
TOGETHER = 256  # blocks read by a thread at once


def sums_path(store: Path) -> Path:
    """Return where the checksums of a raw file are."""
    return store.with_name(f"{store.name}.crc")


def row_bytes_of(store: Path) -> int | None:
    """Return the bytes of a row of a raw file, as its checksums say; None where there are none."""
    try:
        return int(json.loads(read_regular(sums_path(store)))["row_bytes"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


@dataclass(slots=True)
class Checksums:
    """The CRC-32 of each block of rows.

    Attributes:
        row_bytes: bytes of a row.
        rows: rows that the checksums cover.
        blocks: one number a block; the last block may have fewer rows.
    """

    row_bytes: int
    rows: int = 0
    blocks: list[int] = field(default_factory=list)

    @classmethod
    def load(cls, store: Path, row_bytes: int) -> Checksums | None:
        """Read the checksums of a raw file; None where there are none, or not of rows of this size."""
        try:
            table = json.loads(read_regular(sums_path(store)))
            blocks = [int(block) for block in table["blocks"]]
            found = cls(int(table["row_bytes"]), int(table["rows"]), blocks)
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None
        whole = len(found.blocks) == -(-found.rows // ROWS)
        return found if whole and found.row_bytes == row_bytes else None

    def save(self, store: Path) -> None:
        """Write the checksums beside the raw file."""
        table = {"row_bytes": self.row_bytes, "rows": self.rows, "blocks": self.blocks}
        write_atomically(sums_path(store), json.dumps(table))

    def add(self, content: bytes | memoryview) -> None:
        """Take whole rows into account that were appended."""
        content = memoryview(content).cast("B")
        while len(content):
            filled = self.rows % ROWS
            part = content[: (ROWS - filled) * self.row_bytes]
            if filled:
                self.blocks[-1] = zlib.crc32(part, self.blocks[-1])
            else:
                self.blocks.append(zlib.crc32(part))
            self.rows += len(part) // self.row_bytes
            content = content[len(part) :]

    def cut(self, store: Path, rows: int) -> None:
        """Forget the rows from a number on; what is left of a block is read again."""
        if rows >= self.rows:
            return
        self.blocks = self.blocks[: rows // ROWS]
        self.rows = len(self.blocks) * ROWS
        self.cover(store, rows)

    def cover(self, store: Path, rows: int) -> None:
        """Take rows into account that the raw file already holds, as they are."""
        with open(store, "rb") as file:
            file.seek(self.rows * self.row_bytes)
            while self.rows < rows:
                self.add(file.read(min(ROWS, rows - self.rows) * self.row_bytes))

    def renew(self, store: Path, rows: Iterable[int]) -> None:
        """Read the blocks of some rows again, which were written over."""
        for block in {row // ROWS for row in rows if row < self.rows}:
            self.blocks[block] = self._sum(store, block)

    def damaged(self, store: Path, rows: int) -> list[int]:
        """Return the blocks of the first rows that are not as they were written."""
        count = -(-min(rows, self.rows) // ROWS)
        with ThreadPoolExecutor(min(MOST_THREADS, os.cpu_count() or 1)) as pool:
            found = pool.map(
                lambda start: self._sums(store, start, min(start + TOGETHER, count)),
                range(0, count, TOGETHER),
            )
            return [
                block
                for block, sum in enumerate(itertools.chain.from_iterable(found))
                if sum != self.blocks[block]
            ]

    def _sums(self, store: Path, start: int, stop: int) -> list[int]:
        """Return the checksums of blocks as they are now."""
        size = ROWS * self.row_bytes
        with open(store, "rb", buffering=0) as file:
            file.seek(start * size)
            return [
                zlib.crc32(file.read(min(size, (self.rows - block * ROWS) * self.row_bytes)))
                for block in range(start, stop)
            ]

    def _sum(self, store: Path, block: int) -> int:
        rows = min(ROWS, self.rows - block * ROWS)
        with open(store, "rb", buffering=0) as file:
            file.seek(block * ROWS * self.row_bytes)
            return zlib.crc32(file.read(rows * self.row_bytes))


def move_store(store: Path, to: Path) -> None:
    """Move a raw file and its checksums, in place of others."""
    sums_path(to).unlink(missing_ok=True)
    os.replace(store, to)
    with contextlib.suppress(FileNotFoundError):
        os.replace(sums_path(store), sums_path(to))
