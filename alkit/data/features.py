"""What an encoder makes of the originals: computed once, kept in a raw file with checksums, mapped."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from alkit.utils.progress import NullProgress, Progress

from .checksums import ROWS, Checksums, row_bytes_of
from .model_input import Preprocessing
from .preprocessing import ImageRecord

if TYPE_CHECKING:
    import numpy.typing as npt
    import torch

    from .encoder_input import EncoderInput
    from .source import Source

    Embed = Callable[[torch.Tensor], torch.Tensor]

BLOCKS_BETWEEN_SAVES = 4


def features_path(folder: Path, name: str, identity: str) -> Path:
    """Return the file of the features of an encoder.

    Args:
        folder: the cache.
        name: of the images: pool, test.
        identity: of the encoder, in hex.
    """
    return folder / f"features-{name}-{identity[:16]}.f32"


def kept_features(folder: Path, name: str, count: int) -> npt.NDArray[np.float32] | None:
    """Return the features [N, D] of all images that were computed last, mapped; None if there are none.

    No encoder is opened for it, so nothing is checked but that no row is missing.

    Args:
        folder: the cache.
        name: of the images: pool, test.
        count: N.
    """
    files = sorted(folder.glob(f"features-{name}-*.f32"), key=lambda file: file.stat().st_mtime)
    for path in reversed(files):
        size = row_bytes_of(path)
        if size is not None and size % 4 == 0 and path.stat().st_size >= count * size > 0:
            return np.memmap(path, dtype=np.float32, mode="r", shape=(count, size // 4))
    return None


def ensure_features(
    path: Path,
    source: Source,
    records: Sequence[ImageRecord],
    *,
    dim: int,
    encoder_input: EncoderInput,
    open_embed: Callable[[], Embed],
    progress: Progress | None = None,
) -> npt.NDArray[np.float32]:
    """Return the features [N, D] of all images, mapped; compute what is missing or damaged.

    An interrupted call leaves what it has computed. The row of an image that cannot be used, or whose
    content has changed since it was recorded, is zero.

    Args:
        path: the raw file.
        source: where the originals are.
        records: all images, in the order of their indices.
        dim: D.
        encoder_input: how the encoder takes images.
        open_embed: returns the encoder as a function of normalized images; called only if it is needed.
        progress: where to show the progress.
    """
    progress = NullProgress() if progress is None else progress
    done = _whole_rows(path, dim, len(records), progress)
    if done < len(records):
        embed = open_embed()
        with (
            progress.bar(len(records), "encode images") as bar,
            _Rows(path, dim, done) as rows,
            contextlib.closing(_embedded(source, records[done:], encoder_input, embed, dim)) as blocks,
        ):
            bar.update(done)
            for block in blocks:
                rows.append(block)
                bar.update(len(block))
    if not records:
        return np.zeros((0, dim), dtype=np.float32)
    return np.memmap(path, dtype=np.float32, mode="r", shape=(len(records), dim))


def _whole_rows(path: Path, dim: int, count: int, progress: Progress) -> int:
    """Return how many rows at the beginning of a file are as they were written."""
    sums = Checksums.load(path, 4 * dim) if path.is_file() else None
    if sums is None:
        return 0
    rows = min(sums.rows, count, path.stat().st_size // (4 * dim))
    damaged = sums.damaged(path, rows)
    if damaged:
        progress.line(
            f"the features in '{path}' are damaged from row {damaged[0] * ROWS:,} on; encoding again"
        )
    return damaged[0] * ROWS if damaged else rows


def _embedded(
    source: Source,
    records: Sequence[ImageRecord],
    encoder_input: EncoderInput,
    embed: Embed,
    dim: int,
) -> Generator[npt.NDArray[np.float32], None, None]:
    """Yield the features of images, block by block in order."""
    preprocessing = Preprocessing.of_encoder(encoder_input)
    done = 0
    for readings, images in preprocessing.batches(source, [record.key for record in records], ROWS):
        block = np.zeros((len(readings), dim), dtype=np.float32)
        usable = np.array([reading.unusable is None for reading in readings], dtype=bool)
        if usable.any():
            block[usable] = embed(images).float().cpu().numpy()
        same = [r.hash in ("", reading.hash) for r, reading in zip(records[done:], readings, strict=False)]
        block[~np.array(same, dtype=bool)] = 0
        yield block
        done += len(readings)


class _Rows:
    """Appends rows to a raw file after those that are kept; saves the checksums now and then."""

    def __init__(self, path: Path, dim: int, kept: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, size = path, 4 * dim
        self._file = open(path, "r+b" if kept else "w+b")  # noqa: SIM115
        self._file.truncate(kept * size)
        self._file.seek(kept * size)
        self._sums = (Checksums.load(path, size) if kept else None) or Checksums(size)
        self._sums.cut(path, kept)
        self._waiting = 0

    def append(self, rows: npt.NDArray[np.float32]) -> None:
        content = np.ascontiguousarray(rows).data
        self._file.write(content)
        self._sums.add(content)
        self._waiting += 1
        if self._waiting >= BLOCKS_BETWEEN_SAVES:
            self.save()

    def save(self) -> None:
        """Put the rows and then their checksums on the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._sums.save(self._path)
        self._waiting = 0

    def __enter__(self) -> _Rows:
        return self

    def __exit__(self, *_: Any) -> None:
        self.save()
        self._file.close()
