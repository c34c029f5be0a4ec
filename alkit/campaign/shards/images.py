"""Images of a new campaign that several processes read, in blocks."""

from __future__ import annotations

import functools
import io
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alkit.campaign.record.settings import SourceChoice
from alkit.plugin.executors import run_all
from alkit.utils.counts import counted
from alkit.utils.files import read_regular, write_atomically

if TYPE_CHECKING:
    from alkit._typing import Values
    from alkit.data.source import DecodedImage, Source
    from alkit.interfaces.executor import Executor
    from alkit.utils.progress import Progress


@dataclass(frozen=True, slots=True)
class ReadJob:
    """A block of images.

    Attributes:
        source: where they are.
        keys: the images.
        shape: (C, H, W) to which they are resized.
        path: file of the block.
    """

    source: SourceChoice
    keys: tuple[str, ...]
    shape: tuple[int, int, int]
    path: str


def read(job: ReadJob) -> None:
    """Read the images of a job, and write them to its file; the source stays open for the next job."""
    import numpy as np  # noqa: PLC0415  # numpy is slow to import

    from alkit.data.preprocessing import read_block  # noqa: PLC0415  # numpy is slow to import

    readings, rows = read_block(_opened(job.source), job.keys, job.shape)
    found = [(image.hash, image.width, image.height, image.unusable) for image in readings]
    content = io.BytesIO()
    np.savez(content, rows=rows, images=np.frombuffer(json.dumps(found).encode(), np.uint8))
    write_atomically(Path(job.path), content.getbuffer())


@functools.lru_cache(maxsize=1)
def _opened(source: SourceChoice) -> Source:
    return source.open()


def is_read(job: ReadJob) -> bool:
    """Say whether the block of a job is there."""
    return Path(job.path).exists()


def read_elsewhere(
    executor: Executor,
    source: SourceChoice,
    keys: Sequence[str],
    shape: tuple[int, int, int],
    folder: Path,
    progress: Progress,
) -> Iterator[tuple[list[DecodedImage], Values]]:
    """Yield what `alkit.data.preprocessing.read_blocks` does, after an executor has read all blocks.

    Args:
        executor: reads them.
        source: where the images are, under a path that every process sees.
        keys: the images.
        shape: (C, H, W) of a row.
        folder: for the blocks, which are removed.
        progress: told how many there are.
    """
    from alkit.data.preprocessing import images_in_a_block  # noqa: PLC0415  # numpy is slow to import

    size = images_in_a_block(shape, source.pixel_type)
    folder.mkdir()
    jobs = [
        ReadJob(
            source, tuple(keys[start : start + size]), shape, str(folder.absolute() / f"{start:012d}.npz")
        )
        for start in range(0, len(keys), size)
    ]
    progress.line(f"{counted(len(jobs), 'block')} of up to {size:,} images to read for '{executor.name}'")
    try:
        run_all(executor, read, jobs, is_read, progress)
        for job in jobs:
            yield _block(Path(job.path))
            Path(job.path).unlink()
    finally:
        _opened.cache_clear()
        shutil.rmtree(folder, ignore_errors=True)


def _block(path: Path) -> tuple[list[DecodedImage], Values]:
    import numpy as np  # noqa: PLC0415  # numpy is slow to import

    from alkit.data.source import DecodedImage  # noqa: PLC0415  # numpy is slow to import

    with np.load(io.BytesIO(read_regular(path, most=2**32)), allow_pickle=False) as kept:
        rows: Values = kept["rows"]
        found: list[Any] = json.loads(kept["images"].tobytes())
    return [DecodedImage(hash_, width, height, None, why) for hash_, width, height, why in found], rows
