"""A raw file of resized images: rows are appended, and taken by index."""

from __future__ import annotations

import hashlib
import mmap
import os
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from alkit.errors import SourceError
from alkit.utils.files import check_regular, sync_folder
from alkit.utils.mapped_files import MappedRows

from .checksums import Checksums, sums_path
from .pixel_types import BYTES, PIXEL_TYPES, WHITE, PixelType, as_picture

if TYPE_CHECKING:
    from types import TracebackType

    import numpy.typing as npt
    from torch import Tensor

    from alkit._typing import Pixels, Values

    from .pool_columns import PoolColumns

    Shape = tuple[int, int, int]


STATISTICS_SAMPLE = 10_000
BLOCK_IMAGES = 64
SMALLEST_STD = 1e-6  # of floating point, whose values may be of any size
# Bytes; a mapped file is as quick to take from, and the system can have the pages back.
MOST_IN_MEMORY = 2**31


def is_whole(path: Path, shape: Shape, count: int, pixel_type: PixelType = "uint8") -> bool:
    """Say whether a raw file exists with a number of rows, or more of them that nobody has recorded yet."""
    try:
        check_regular(path)
    except OSError:
        return False
    return path.stat().st_size >= count * row_bytes(shape, pixel_type)


def damaged_blocks(path: Path, shape: Shape, count: int, pixel_type: PixelType = "uint8") -> list[int] | None:
    """Return the blocks of a whole raw file that are not as they were written; None: it has other rows."""
    sums = Checksums.load(path, row_bytes(shape, pixel_type))
    if sums is None or sums.rows < count:
        return None if sums_path(path).exists() else []  # older versions of alkit wrote no checksums
    return sums.damaged(path, count)


class StoreWriter:
    """Appends rows to a raw file; whatever lies beyond its first rows is overwritten.

    So a process that dies between writing rows and recording them does no harm: the next one writes over
    them. Used as a context manager; rows are on disk after `sync` or `close`.

    Args:
        path: the raw file, created if missing.
        shape: (C, H, W) of a row.
        count: rows that are kept.
        pixel_type: of the values.

    Raises:
        SourceError: the file holds fewer rows than that.
    """

    def __init__(self, path: Path, shape: Shape, *, count: int = 0, pixel_type: PixelType = "uint8") -> None:
        self.shape, self.pixel_type = shape, pixel_type
        size = row_bytes(shape, pixel_type)
        self._path, self._count = path, count
        new = not path.exists()
        self._file: IO[bytes] = open(path, "w+b" if new else "r+b")  # noqa: SIM115
        kept = count * size
        if path.stat().st_size < kept:
            self._file.close()
            raise SourceError(
                f"the store '{path}' has fewer than {count} rows; build it again from the source"
            )
        sums = Checksums.load(path, size) if count else None
        self._sums = Checksums(size) if sums is None else sums
        self._sums.cut(path, count)
        self._sums.cover(path, count)  # of a file from before there were checksums
        self._file.truncate(kept)
        self._file.seek(kept)
        if new:
            sync_folder(path.parent)

    def append(self, rows: Values) -> None:
        """Append rows [n, C, H, W] of the store's pixel type."""
        if rows.dtype != self.pixel_type or rows.shape[1:] != self.shape:
            raise ValueError(
                f"rows of {rows.dtype} {rows.shape[1:]} for a store of {self.pixel_type} {self.shape}"
            )
        content = np.ascontiguousarray(rows).data
        self._file.write(content)
        self._sums.add(content)
        self._count += len(rows)

    def skip(self, index: int) -> None:
        """Append rows of zeros until `index` is next."""
        while self._count < index:
            self.append(
                np.zeros((min(index - self._count, BLOCK_IMAGES), *self.shape), dtype=self.pixel_type)
            )

    def sync(self) -> None:
        """Wait until the rows are on disk."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Sync and close."""
        if not self._file.closed:
            self.sync()
            self._file.close()
            self._sums.save(self._path)

    def __enter__(self) -> StoreWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class ImageStore:
    """The pixels of a pool, [N, C, H, W] of one type, read only.

    Args:
        pixels: [N, C, H, W] uint8, uint16 or float32, perhaps mapped from a file.
        usable: [N] bool, the images that the statistics are taken over (leave duplicates out as well); all
            by default.

    Attributes:
        shape: (C, H, W).
        pixel_type: of the values.
        white: by which values are divided first: 255 of uint8, 65535 of uint16, 1 of float32.
        features: [N, D] what an encoder makes of the originals, or None without an encoder.
        columns: what else is known of the images, or None.
    """

    def __init__(
        self,
        pixels: Values,
        usable: npt.NDArray[np.bool_] | None = None,
    ) -> None:
        kinds = [kind for kind in PIXEL_TYPES if pixels.dtype == kind]
        if not kinds or pixels.ndim != 4:
            raise ValueError(
                f"a store holds {', '.join(PIXEL_TYPES)} [N, C, H, W], not {pixels.dtype} {pixels.shape}"
            )
        self.pixel_type, self.white = kinds[0], WHITE[kinds[0]]
        self._pixels = pixels
        self._usable = usable
        self._rows = MappedRows(pixels)
        self.shape: Shape = (pixels.shape[1], pixels.shape[2], pixels.shape[3])
        self.features: npt.NDArray[np.floating[Any]] | None = None
        self.columns: PoolColumns | None = None

    @classmethod
    def from_array(cls, array: Values, usable: npt.NDArray[np.bool_] | None = None) -> ImageStore:
        """Hold an array [N, C, H, W] uint8, uint16 or float32; it is not copied."""
        return cls(np.ascontiguousarray(array), usable)

    @classmethod
    def open(
        cls,
        path: Path,
        shape: Shape,
        count: int,
        *,
        in_memory: bool | None = None,
        usable: npt.NDArray[np.bool_] | None = None,
        pixel_type: PixelType = "uint8",
    ) -> ImageStore:
        """Open a raw file of `count` rows or more.

        Args:
            path: the file: rows of C x H x W values, nothing else.
            shape: (C, H, W).
            count: rows that belong to the pool.
            in_memory: load it, rather than map it; by default if it takes less than a quarter of the memory
                that is free, and less than 2 GiB.
            usable: see `ImageStore`.
            pixel_type: of the values.

        Raises:
            SourceError: the file is missing or too short.
        """
        size = count * row_bytes(shape, pixel_type)
        if not is_whole(path, shape, count, pixel_type):
            raise SourceError(
                f"the store '{path}' has fewer than {count} rows; build it again from the source"
            )
        if in_memory is None:
            in_memory = size < min(available_memory() // 4, MOST_IN_MEMORY)
        if in_memory or size == 0:  # an empty file cannot be mapped
            values = count * shape[0] * shape[1] * shape[2]
            return cls(np.fromfile(path, dtype=pixel_type, count=values).reshape(count, *shape), usable)
        with open(path, "rb") as file:
            mapped = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)
        pixels = np.frombuffer(mapped, dtype=pixel_type).reshape(count, *shape)
        return cls(pixels, usable)

    def __len__(self) -> int:
        return len(self._pixels)

    def take(self, indices: npt.NDArray[np.int64]) -> Tensor:
        """Return a copy of images by index: [B, C, H, W] on the CPU; uint16 becomes int32, for torch."""
        import torch  # noqa: PLC0415  # torch takes seconds to import

        rows = self._rows.take(indices)
        return torch.from_numpy(rows.astype(np.int32) if rows.dtype == np.uint16 else rows)

    def column(self, name: str) -> npt.NDArray[Any]:
        """Return what the source knows of each image, such as `cost`: [N], numbers or text.

        Raises:
            SourceError: the pool has no such column.
        """
        if self.columns is None:
            raise SourceError(f"the images of this pool have no column '{name}', and no other columns")
        return self.columns.get(name)

    def digest(self, indices: npt.NDArray[np.int64]) -> str:
        """Return a hash of some images, by index and pixels, in this order."""
        found = hashlib.sha256(f"{self.pixel_type} {self.shape}".encode() + indices.tobytes())
        for start in range(0, len(indices), BLOCK_IMAGES):
            found.update(self._rows.take(indices[start : start + BLOCK_IMAGES]).data)
        return found.hexdigest()

    @property
    def usable(self) -> npt.NDArray[np.int64]:
        """[m] int64 ascending: the images that can be used, without copies of others."""
        return np.arange(len(self)) if self._usable is None else np.flatnonzero(self._usable)

    def picture(self, index: int, value_range: tuple[float, float] | None = None) -> Pixels:
        """Return what people see of an image as it is stored: [H, W, 1 or 3] uint8; see `as_picture`."""
        return as_picture(self._pixels[index].transpose(1, 2, 0), value_range)

    @property
    def mean(self) -> Tensor:
        """[C] float32, of values divided by `white`, over at most 10,000 usable images, evenly spaced."""
        import torch  # noqa: PLC0415  # torch takes seconds to import

        return torch.tensor(self._statistics[0])

    @property
    def std(self) -> Tensor:
        """[C] float32, like `mean`; at least 1/255 (or 1/65535, 1e-6), so that division is always safe."""
        import torch  # noqa: PLC0415  # torch takes seconds to import

        return torch.tensor(self._statistics[1])

    @cached_property
    def _statistics(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        rows = self.usable
        if len(rows) == 0:
            return np.full(self.shape[0], 0.5, np.float32), np.full(self.shape[0], 0.5, np.float32)
        taken = min(len(rows), STATISTICS_SAMPLE)
        rows = rows[np.arange(taken) * len(rows) // taken]
        if self.pixel_type != "uint8":
            return self._moments(rows)
        # Counts of the 256 values are exact, and hold however large the images are.
        counts = np.zeros((self.shape[0], 256), dtype=np.int64)
        for start in range(0, taken, BLOCK_IMAGES):
            block = self._pixels[rows[start : start + BLOCK_IMAGES]]
            for channel in range(self.shape[0]):
                counts[channel] += np.bincount(block[:, channel].ravel(), minlength=256)
        values = np.arange(256) / 255
        shares = counts / counts.sum(axis=1, keepdims=True)
        mean = shares @ values
        variance = (shares * (values - mean[:, None]) ** 2).sum(axis=1)
        std = np.maximum(np.sqrt(variance), 1 / 255)
        return mean.astype(np.float32), std.astype(np.float32)

    def _moments(
        self, rows: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Return mean and deviation per channel of values with too many levels to count; two passes."""
        channels = self.shape[0]
        pixels = len(rows) * self.shape[1] * self.shape[2]
        mean, variance = np.zeros(channels), np.zeros(channels)
        for start in range(0, len(rows), BLOCK_IMAGES):
            block = self._pixels[rows[start : start + BLOCK_IMAGES]].astype(np.float64) / self.white
            mean += block.sum(axis=(0, 2, 3)) / pixels
        for start in range(0, len(rows), BLOCK_IMAGES):
            block = self._pixels[rows[start : start + BLOCK_IMAGES]].astype(np.float64) / self.white
            variance += ((block - mean[:, None, None]) ** 2).sum(axis=(0, 2, 3)) / pixels
        least = SMALLEST_STD if self.pixel_type == "float32" else 1 / self.white
        return mean.astype(np.float32), np.maximum(np.sqrt(variance), least).astype(np.float32)


def available_memory() -> int:
    """Return the bytes that this process may still use; 1 GiB if the system does not tell."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):
        return 2**30
    try:  # a container may have less than its machine
        used = int(Path("/sys/fs/cgroup/memory.current").read_text())
        return max(0, min(free, int(Path("/sys/fs/cgroup/memory.max").read_text()) - used))
    except (OSError, ValueError):  # no such limit
        return free


def row_bytes(shape: Shape, pixel_type: PixelType = "uint8") -> int:
    """Return the bytes of one image."""
    return shape[0] * shape[1] * shape[2] * BYTES[pixel_type]
