"""Reading a pool: every image is hashed, decoded and resized to one shape, once."""

from __future__ import annotations

import bisect
import itertools
import os
import shutil
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from alkit.errors import BrokenPlugin, InvalidOption, SourceError, UnusableImage
from alkit.utils.code_places import where
from alkit.utils.counts import counted
from alkit.utils.files import sync_folder
from alkit.utils.progress import NullProgress, Progress

from .checksums import ROWS, Checksums, move_store, sums_path
from .image_list import ImageList
from .image_list import ImageRecord as ImageRecord
from .pixel_types import MOST_CHANNELS, to_rgb_or_grey
from .scanned_images import ScannedImages, UnreadImages
from .source import DecodedImage
from .store import BLOCK_IMAGES, StoreWriter, damaged_blocks, is_whole, row_bytes

if TYPE_CHECKING:
    from alkit._typing import Values

    from .encoder_input import EncoderInput
    from .pixel_types import PixelType
    from .source import Source

    Shape = tuple[int, int, int]


SAMPLED = 64  # images looked at to choose a shape
KEPT_SIDE = 96  # up to this many pixels a side, images keep their size
DEFAULT_SIDE = 64
BLOCK_BYTES = 2**24
LUMA = np.array([0.299, 0.587, 0.114])  # of red, green and blue, as Pillow has it
QUICK_SECONDS = 2.5e-4  # an image read in less than this is read quickest by one thread


def unread_records(keys: Sequence[str]) -> ImageList:
    """Return records of images that nobody has read: names only, and content that may be anything."""
    return UnreadImages(keys)


def choose_shape(
    source: Source,
    keys: Sequence[str],
    *,
    size: int | tuple[int, int] | None = None,
    channels: int | None = None,
) -> Shape:
    """Choose the shape (C, H, W) to which all images of a campaign are resized.

    What is given wins. The rest is decided by the headers of up to 64 readable images, evenly spaced: as many
    channels as the image with the most of them has. Images of one size and at most 96 pixels a side keep it,
    square or not. If sizes differ and the median side is at most 96, images become squares of that side.
    Otherwise they become 64 x 64, which trains in reasonable time everywhere.

    Args:
        source: where the images are.
        keys: the images that count.
        size: pixels a side, or (height, width).
        channels: 1 (grey), 3 (color), or as many as the images have.

    Raises:
        SourceError: there are no usable images.
        InvalidOption: size or channels are not possible.
    """
    if channels is not None and not 1 <= channels <= MOST_CHANNELS:
        raise InvalidOption(f"images have from 1 to {MOST_CHANNELS:,} channels, not {channels}")
    wanted = (size, size) if isinstance(size, int) else size
    if wanted is not None and min(wanted) < 1:
        raise InvalidOption(f"an image size of {wanted[0]} x {wanted[1]} pixels is not possible")
    if wanted is not None and channels in (1, 3):
        return channels, *wanted
    headers = sampled_headers(source, keys)
    most = max(header[0] for header in headers)
    if channels not in (None, 1, 3, most):
        raise InvalidOption(f"the images have {most} channels, not {channels}; leave out --channels")
    if channels is None:
        channels = most
    if wanted is None:
        sizes = {header[1:] for header in headers}
        sides = [side for header in headers for side in header[1:]]
        median = round(float(np.median(sides)))
        if len(sizes) == 1 and max(sides) <= KEPT_SIDE:
            wanted = sizes.pop()
        else:
            wanted = (median, median) if median <= KEPT_SIDE else (DEFAULT_SIDE, DEFAULT_SIDE)
    return channels, *wanted


def sizes_in_words(headers: Sequence[Shape]) -> str:
    """Name the images of a pool by their size, or by the median side if they differ.

    Args:
        headers: (C, H, W) of some of them.
    """
    sizes = {header[1:] for header in headers}
    if len(sizes) == 1:
        height, width = sizes.pop()
        return f"images of {height:,} x {width:,} pixels"
    median = round(float(np.median([side for header in headers for side in header[1:]])))
    return f"images of different sizes (median side {median:,} pixels)"


def why_shape(source: Source, keys: Sequence[str], shape: Shape) -> str:
    """Say why images get a shape that was chosen for them; empty if they keep their own."""
    headers = sampled_headers(source, keys)
    side = max(shape[1:])
    if {header[1:] for header in headers} == {shape[1:]}:
        return ""
    reason = ", which trains quickly on any computer" if side == DEFAULT_SIDE else ""
    return (
        f"{sizes_in_words(headers)} are resized to {shape[1]} x {shape[2]}{reason}; for more detail, name a "
        f"size such as --image-size {2 * side}"
    )


def spaced(keys: Sequence[str], count: int) -> list[str]:
    """Return so many keys, or all if there are fewer, evenly spaced."""
    return [keys[at] for at in sorted({index * len(keys) // count for index in range(count)} if keys else ())]


def sampled_headers(source: Source, keys: Sequence[str]) -> list[Shape]:
    """Return (C, H, W) of up to 64 readable images, evenly spaced.

    Raises:
        SourceError: there are no usable images.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # decoders warn about metadata, which is not used
        headers = [header for header in map(source.header, spaced(keys, SAMPLED)) if header]
        if not headers:
            found = (header for header in map(source.header, keys) if header)
            headers = list(itertools.islice(found, 1))
        if not headers:
            reason = f"; '{keys[0]}': {source.read(keys[0]).unusable}" if keys else ""
            raise SourceError(f"no image in '{source.location}' is usable{reason}")
    return headers


def scan(
    source: Source,
    keys: Sequence[str],
    *,
    first: int = 0,
    known: Callable[[str], int | None] | None = None,
    store: StoreWriter,
    workers: int | None = None,
    blocks: Iterable[tuple[list[DecodedImage], Values]] | None = None,
    progress: Progress | None = None,
) -> ImageList:
    """Read, hash, decode and resize every image once and append it to the store; the result is on disk then.

    Images are stretched to the store's shape with an antialiasing filter; color becomes luma if one
    channel is wanted. The result does not depend on `workers`. An image that cannot be used is recorded with
    the reason, and its row is zero.

    Args:
        source: where the images are.
        keys: the images, in the order of their indices.
        first: the index of the first of them.
        known: returns the index of the usable image that came before and has a content hash, or None.
        store: takes the rows, the one of `first` next.
        workers: threads; by default one for tiny images, otherwise one a core, at most 8.
        blocks: what `read_blocks` would yield, where other processes have read the images.
        progress: where to show the progress.
    """
    images = ScannedImages(keys, first, known)
    progress = NullProgress() if progress is None else progress
    with progress.bar(len(keys), "read images") as bar:
        for readings, rows in blocks or read_blocks(source, keys, store.shape, workers):
            store.append(rows)
            images.add(readings)
            bar.update(len(readings))
    store.sync()
    return images


def ensure_store(
    path: Path,
    shape: Shape,
    source: Source,
    records: Sequence[ImageRecord],
    *,
    workers: int | None = None,
    progress: Progress | None = None,
) -> list[int]:
    """Build the raw file again from the source if it is missing or too short; repair damaged blocks of it.

    An image whose content differs from the record (changed, moved, unreadable) gets a row of zeros.

    Args:
        path: the raw file.
        shape: (C, H, W) of a row.
        source: where the images are.
        records: all images of the pool, in the order of their indices.
        workers: threads; by default one for tiny images, otherwise one a core, at most 8.
        progress: where to show the progress, and which images are lost.

    Returns:
        The indices of the images that had to be read again and are lost; empty as long as the file is whole.
    """
    progress = NullProgress() if progress is None else progress
    count, kind = len(records), source.pixel_type
    blocks = damaged_blocks(path, shape, count, kind) if is_whole(path, shape, count, kind) else None
    if blocks == []:
        return []
    damaged = frozenset(blocks or ())
    wanted = [r for r in records if blocks is None or r.index // ROWS in damaged]
    usable = [record for record in wanted if record.unusable is None]
    lost: list[int] = []
    if blocks is not None:
        progress.line(f"reading {counted(len(wanted), 'damaged image')} of the cache '{path}' again")
    fresh = path.with_name(f"{path.name}.new")
    _remove(fresh)
    with progress.bar(len(wanted), "read images") as bar, StoreWriter(fresh, shape, pixel_type=kind) as store:
        for readings, rows in read_blocks(source, [record.key for record in usable], shape, workers):
            block, usable = usable[: len(readings)], usable[len(readings) :]
            for record, reading, row in zip(block, readings, rows, strict=True):
                store.skip(_place(record.index, blocks))
                if reading.hash != record.hash or reading.unusable is not None:
                    lost.append(record.index)
                    row[:] = 0
                store.append(row[None])
            bar.update(len(readings))
        store.skip(len(wanted))
    if blocks is None:
        if not path.is_file():
            _remove(path)
        move_store(fresh, path)
    else:
        _write_over(path, row_bytes(shape, kind), fresh, [record.index for record in wanted])
    sync_folder(path.parent)
    if lost:
        names = ", ".join(f"'{records[index].key}'" for index in lost[:3])
        progress.line(
            f"{counted(len(lost), 'image')} in '{source.location}' have changed since they were recorded "
            f"({names}{', ...' if len(lost) > 3 else ''}): they are blank until you restore the originals; "
            "'alkit update' finds renamed files"
        )
    return lost


def _place(index: int, blocks: Sequence[int] | None) -> int:
    """Return the row of an image in a file of some blocks only."""
    return index if blocks is None else bisect.bisect_left(blocks, index // ROWS) * ROWS + index % ROWS


def _write_over(path: Path, size: int, fresh: Path, indices: Sequence[int]) -> None:
    """Write the rows of a file over some rows of another, and remove the file."""
    with open(fresh, "rb") as rows, open(path, "r+b") as file:
        for index in indices:
            file.seek(index * size)
            file.write(rows.read(size))
        file.flush()
        os.fsync(file.fileno())
    sums = Checksums.load(path, size)
    assert sums is not None
    sums.renew(path, indices)
    sums.save(path)
    _remove(fresh)
    _remove(sums_path(fresh))


def _remove(path: Path) -> None:
    """Remove whatever is in the place of a file that can be made again."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def read_blocks(
    source: Source,
    keys: Sequence[str],
    shape: Shape,
    workers: int | None,
    encoder_input: EncoderInput | None = None,
) -> Iterator[tuple[list[DecodedImage], Values]]:
    """Yield readings without pixels, and rows [n, C, H, W], block by block in order; few blocks at a time.

    Images are stretched to the shape, or brought to it as an encoder takes them. The row of an image that
    cannot be used is zero.
    """
    kind = source.pixel_type if encoder_input is None else "uint8"
    size = images_in_a_block(shape, kind)
    starts = iter(range(0, len(keys), size))
    waiting: deque[Future[tuple[list[DecodedImage], Values]]] = deque()
    with warnings.catch_warnings():  # here and not in the threads, which all share the filters
        warnings.simplefilter("ignore")
        if workers is None:
            # Tiny images are mostly Python's own work, which threads only make slower.
            started = time.perf_counter()
            blocks = [
                _read_block(source, keys[start : start + size], shape, encoder_input)
                for start in itertools.islice(starts, 1)
            ]
            quick = time.perf_counter() - started < QUICK_SECONDS * size
            workers = 1 if quick else min(8, _cores())
            yield from blocks
        pool = ThreadPoolExecutor(workers, thread_name_prefix="alkit-read")
        try:
            for start in starts:
                waiting.append(
                    pool.submit(_read_block, source, keys[start : start + size], shape, encoder_input)
                )
                if len(waiting) > 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def images_in_a_block(shape: Shape, pixel_type: PixelType) -> int:
    """Return how many images are read at once."""
    return max(1, min(BLOCK_IMAGES, BLOCK_BYTES // row_bytes(shape, pixel_type)))


def read_block(source: Source, keys: Sequence[str], shape: Shape) -> tuple[list[DecodedImage], Values]:
    """Return one block of `read_blocks`, for a process that reads only some."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # decoders warn about metadata, which is not used
        return _read_block(source, keys, shape, None)


def _check_reading(reading: DecodedImage, source: Source) -> None:
    """Check what a source returned.

    Raises:
        BrokenPlugin: it is not what the interface says.
    """
    who = f"source '{source.name}'"
    if not isinstance(reading, DecodedImage):
        found = type(reading).__name__
        raise BrokenPlugin(
            f"{who} should return a DecodedImage from read, not {found}{where(source, 'read')}"
        )
    pixels = reading.pixels
    if pixels is not None and (pixels.ndim != 3 or pixels.dtype != source.pixel_type):
        raise BrokenPlugin(
            f"{who} should read pixels [H, W, C] as {source.pixel_type}, not {pixels.shape} as {pixels.dtype}"
            f"{where(source, 'read')}"
        )


def _read_block(
    source: Source, keys: Sequence[str], shape: Shape, encoder_input: EncoderInput | None
) -> tuple[list[DecodedImage], Values]:
    at_least = shape[1:] if encoder_input is None else encoder_input.at_least
    rows = np.zeros((len(keys), *shape), dtype=source.pixel_type if encoder_input is None else np.uint8)
    if not source.has_pixels:  # only blanks
        return list(source.looks(keys, at_least=at_least)), rows
    readings = []
    for row, reading in zip(rows, source.looks(keys, at_least=at_least), strict=True):
        _check_reading(reading, source)
        reason = reading.unusable
        if (pixels := reading.pixels) is not None:
            try:
                row[:] = (
                    resize(pixels, shape)
                    if encoder_input is None
                    else encoder_input.prepare(to_rgb_or_grey(pixels, source.value_range))
                )
            except UnusableImage as error:
                reason = str(error)
        readings.append(DecodedImage(reading.hash, reading.width, reading.height, None, reason))
    return readings, rows


def resize(pixels: Values, shape: Shape) -> Values:
    """Bring pixels [h, w, c] to (C, H, W): stretched, antialiased; color to luma, grey to every channel.

    Raises:
        UnusableImage: the image has other channels.
    """
    channels, *size = shape
    if pixels.shape[2] not in (1, channels) and (pixels.shape[2], channels) != (3, 1):
        raise UnusableImage(f"image of {pixels.shape[2]} channels, in a pool of {channels}")
    if pixels.dtype != np.uint8 or pixels.shape[2] not in (1, 3):
        if pixels.shape[2] > channels:
            pixels = _rounded(pixels @ LUMA, pixels.dtype)[:, :, None]
        if pixels.shape[:2] != shape[1:]:
            planes = [_resized(pixels[:, :, c], size[0], size[1]) for c in range(pixels.shape[2])]
            pixels = np.stack(planes, axis=2)
    elif pixels.shape[:2] != shape[1:] or pixels.shape[2] > channels:
        from PIL import Image  # noqa: PLC0415  # Pillow is slow to import

        image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
        if pixels.shape[2] > channels:
            image = image.convert("L")
        # A gap of 3 shrinks large images by whole factors first: much quicker, hardly different.
        image = image.resize((size[1], size[0]), Image.Resampling.BILINEAR, reducing_gap=3.0)
        pixels = np.asarray(image).reshape(*size, -1)
    return np.broadcast_to(pixels.transpose(2, 0, 1), shape)


def _resized(plane: Values, height: int, width: int) -> Values:
    """Stretch one channel [h, w] of any type to [H, W]."""
    from PIL import Image  # noqa: PLC0415  # Pillow is slow to import

    image = Image.fromarray(plane if plane.dtype == np.uint8 else plane.astype(np.float32))
    resized = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=3.0))
    return _rounded(resized, plane.dtype)


def _rounded(values: Values, dtype: np.dtype[Any]) -> Values:
    """Bring values to a type; those that are between integers become the nearest one."""
    return values.astype(dtype) if dtype.kind == "f" else np.rint(values).astype(dtype)


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on this system
        return os.cpu_count() or 1
