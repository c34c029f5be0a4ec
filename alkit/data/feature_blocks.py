"""Blocks of features that several processes compute, a file each, until they are gathered in one file."""

from __future__ import annotations

import io
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from alkit.utils.files import write_atomically

from .archives import read_array
from .checksums import ROWS

if TYPE_CHECKING:
    import numpy.typing as npt

ROWS_IN_A_BLOCK = 16 * ROWS


@dataclass(frozen=True, slots=True)
class FeatureBlocks:
    """The blocks of the rows that a file of features lacks.

    Blocks consist of the batches in which one process would encode, so their rows are the same numbers.

    Attributes:
        path: the file.
        count: rows that it should have.
        done: rows that it has.
    """

    path: Path
    count: int
    done: int

    @property
    def folder(self) -> Path:
        """Where the blocks are; another folder where batches begin elsewhere."""
        return self.path.with_name(f"{self.path.name}.blocks-{self.done % ROWS}")

    @property
    def numbers(self) -> range:
        """The blocks with rows that the file lacks."""
        first = self.done % ROWS
        return range(
            (self.done - first) // ROWS_IN_A_BLOCK, -(-max(0, self.count - first) // ROWS_IN_A_BLOCK)
        )

    @property
    def missing(self) -> list[int]:
        """The blocks that are not computed yet."""
        return [number for number in self.numbers if not self._file(number).exists()]

    def rows(self, number: int) -> tuple[int, int]:
        """Return where a block begins and ends."""
        begin = self.done % ROWS + number * ROWS_IN_A_BLOCK
        return begin, min(begin + ROWS_IN_A_BLOCK, self.count)

    def load(self, number: int) -> npt.NDArray[np.float32] | None:
        """Return the rows of a block; None if it is missing or damaged."""
        rows, (begin, end) = read_array(self._file(number), "rows"), self.rows(number)
        return rows if rows is not None and len(rows) == end - begin else None

    def save(self, number: int, rows: npt.NDArray[np.float32]) -> None:
        """Write the rows of a block."""
        self.folder.mkdir(parents=True, exist_ok=True)
        content = io.BytesIO()
        np.savez(content, rows=rows)  # its archive holds a checksum
        write_atomically(self._file(number), content.getbuffer())

    def remove(self) -> None:
        """Remove all blocks, which are in the file by now."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _file(self, number: int) -> Path:
        return self.folder / f"{number:05d}.npz"
