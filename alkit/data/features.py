"""What an encoder makes of the originals: computed once, kept in a raw file with checksums, mapped."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from alkit.errors import InvalidOption
from alkit.utils.progress import NullProgress, Progress

from .checksums import ROWS, Checksums, row_bytes_of
from .feature_blocks import FeatureBlocks
from .model_input import Preprocessing
from .preprocessing import ImageRecord

if TYPE_CHECKING:
    import numpy.typing as npt
    import torch

    from .encoder_input import EncoderInput
    from .source import Source

    Rows = npt.NDArray[np.floating[Any]]

    Embed = Callable[[torch.Tensor], torch.Tensor]

BLOCKS_BETWEEN_SAVES = 4
SUFFIXES = {"float32": ".f32", "float16": ".f16"}
"""Of files, by the precision of the features in them."""


def features_path(folder: Path, name: str, identity: str, precision: str = "float32") -> Path:
    """Return the file of the features of an encoder; its suffix says in what precision they are kept.

    Args:
        folder: the cache.
        name: of the images: pool, test.
        identity: of the encoder, in hex.
        precision: of the features.
    """
    return folder / f"features-{name}-{identity[:16]}{SUFFIXES[precision]}"


def mapped_features(path: Path, count: int, dim: int) -> Rows:
    """Return the features [N, D] in a whole file, mapped."""
    if count == 0:
        return np.zeros((0, dim), dtype=_type(path))
    return np.memmap(path, dtype=_type(path), mode="r", shape=(count, dim))


def _type(path: Path) -> np.dtype[np.floating[Any]]:
    return np.dtype(np.float16 if path.suffix == SUFFIXES["float16"] else np.float32)


def kept_features(folder: Path, name: str, count: int) -> Rows | None:
    """Return the features [N, D] of all images that were computed last, mapped; None if there are none.

    No encoder is opened for it, so nothing is checked but that no row is missing.

    Args:
        folder: the cache.
        name: of the images: pool, test.
        count: N.
    """
    found = [path for suffix in SUFFIXES.values() for path in folder.glob(f"features-{name}-*{suffix}")]
    for path in sorted(found, key=lambda file: file.stat().st_mtime, reverse=True):
        size, item = row_bytes_of(path), _type(path).itemsize
        if size is not None and size % item == 0 and path.stat().st_size >= count * size > 0:
            return mapped_features(path, count, size // item)
    return None


def ensure_features(
    path: Path,
    source: Source,
    records: Sequence[ImageRecord],
    *,
    encoder: str,
    dim: int,
    encoder_input: EncoderInput,
    open_embed: Callable[[], Embed],
    progress: Progress | None = None,
) -> Rows:
    """Return the features [N, D] of all images, mapped; compute what is missing or damaged.

    Blocks that other processes have computed by `encode_blocks` are taken in. An interrupted call leaves what
    it has computed. The row of an image that cannot be used, or whose content has changed since it was
    recorded, is zero.

    Args:
        path: the raw file, see `features_path`.
        source: where the originals are.
        records: all images, in the order of their indices.
        encoder: its name, for messages.
        dim: D.
        encoder_input: how the encoder takes images.
        open_embed: returns the encoder as a function of normalized images; called only if it is needed.
        progress: where to show the progress.

    Raises:
        InvalidOption: the features of an image are not finite; the blocks before it are kept.
    """
    progress = NullProgress() if progress is None else progress
    done = _whole_rows(path, dim, len(records), progress)
    if done < len(records):
        blocks, opened = FeatureBlocks(path, len(records), done), functools.cache(open_embed)
        if not blocks.folder.is_dir():
            opened()  # before the file is opened, in case that it fails
        with (
            progress.bar(len(records), "encode images") as bar,
            _Rows(path, dim, done) as rows,
            contextlib.closing(
                _remaining(blocks, source, records, encoder, encoder_input, opened, dim)
            ) as parts,
        ):
            bar.update(done)
            for part in parts:
                rows.append(part)
                bar.update(len(part))
        blocks.remove()
    return mapped_features(path, len(records), dim)


def missing_features(
    path: Path, dim: int, count: int, progress: Progress | None = None
) -> FeatureBlocks | None:
    """Return the blocks that a file of features lacks; None if it is whole."""
    done = _whole_rows(path, dim, count, NullProgress() if progress is None else progress)
    return FeatureBlocks(path, count, done) if done < count else None


def encode_blocks(
    blocks: FeatureBlocks,
    numbers: Sequence[int],
    source: Source,
    records: Sequence[ImageRecord],
    *,
    encoder: str,
    dim: int,
    encoder_input: EncoderInput,
    open_embed: Callable[[], Embed],
    progress: Progress | None = None,
) -> None:
    """Compute some blocks, and write each to its file; for other arguments, see `ensure_features`."""
    if not numbers:
        return
    embed, progress = open_embed(), NullProgress() if progress is None else progress
    ends = {number: blocks.rows(number) for number in numbers}
    with progress.bar(sum(end - begin for begin, end in ends.values()), "encode images") as bar:
        for number, (begin, end) in ends.items():
            parts = _embedded(source, records[begin:end], encoder, encoder_input, embed, dim)
            blocks.save(number, np.concatenate(list(parts)))
            bar.update(end - begin)


def _remaining(
    blocks: FeatureBlocks,
    source: Source,
    records: Sequence[ImageRecord],
    encoder: str,
    encoder_input: EncoderInput,
    open_embed: Callable[[], Embed],
    dim: int,
) -> Generator[npt.NDArray[np.float32], None, None]:
    """Yield the features that a file lacks, from blocks where they are there."""
    if not blocks.folder.is_dir():
        yield from _embedded(source, records[blocks.done :], encoder, encoder_input, open_embed(), dim)
        return
    at = blocks.done
    for number in blocks.numbers:
        begin, end = blocks.rows(number)
        kept = blocks.load(number)
        if kept is None:
            yield from _embedded(source, records[at:end], encoder, encoder_input, open_embed(), dim)
        else:
            yield from (kept[row - begin : row - begin + ROWS] for row in range(at, end, ROWS))
        at = end


def _whole_rows(path: Path, dim: int, count: int, progress: Progress) -> int:
    """Return how many rows at the beginning of a file are as they were written."""
    size = _type(path).itemsize * dim
    sums = Checksums.load(path, size) if path.is_file() else None
    if sums is None:
        return 0
    rows = min(sums.rows, count, path.stat().st_size // size)
    damaged = sums.damaged(path, rows)
    if damaged:
        progress.line(
            f"the features in '{path}' are damaged from row {damaged[0] * ROWS:,} on; encoding again"
        )
    return damaged[0] * ROWS if damaged else rows


def _embedded(
    source: Source,
    records: Sequence[ImageRecord],
    encoder: str,
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
        _check_finite(block, records[done : done + len(readings)], encoder)
        yield block
        done += len(readings)


def _check_finite(block: npt.NDArray[np.float32], records: Sequence[ImageRecord], encoder: str) -> None:
    """Refuse features that no distance and no head can be computed with."""
    finite = np.isfinite(block).all(axis=1)
    if not finite.all():
        key = records[int(finite.argmin())].key
        raise InvalidOption(
            f"the encoder '{encoder}' returns features of '{key}' that are not finite (NaN or infinite); "
            "correct the network or its weights, or choose another encoder"
        )


class _Rows:
    """Appends rows to a raw file after those that are kept; saves the checksums now and then."""

    def __init__(self, path: Path, dim: int, kept: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._type = path, _type(path)
        size = self._type.itemsize * dim
        self._file = open(path, "r+b" if kept else "w+b")  # noqa: SIM115
        self._file.truncate(kept * size)
        self._file.seek(kept * size)
        self._sums = (Checksums.load(path, size) if kept else None) or Checksums(size)
        self._sums.cut(path, kept)
        self._waiting = 0

    def append(self, rows: npt.NDArray[np.float32]) -> None:
        content = np.ascontiguousarray(self._fitting(rows)).data
        self._file.write(content)
        self._sums.add(content)
        self._waiting += 1
        if self._waiting >= BLOCKS_BETWEEN_SAVES:
            self.save()

    def _fitting(self, rows: npt.NDArray[np.float32]) -> Rows:
        """Return rows in the precision of the file; what is too large for that becomes its largest number."""
        most = np.finfo(self._type).max
        return np.clip(rows, -most, most).astype(self._type) if self._type == np.float16 else rows

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
