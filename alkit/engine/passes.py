"""Passes over many images, batch by batch: computed at once, or in blocks of whole batches kept in files.

A block is the same batches wherever it is computed, so its rows are the same numbers as those of a pass that
was computed at once. Its file is complete or not there, so whoever finds one need not compute it again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import torch

from alkit.training.checkpoints import load_safely, save_atomically
from alkit.utils.progress import Bar, Progress
from alkit.utils.shards import share_of

if TYPE_CHECKING:
    from torch import Tensor

    from alkit._typing import Indices
    from alkit.data.loader import Batch

MOST_BLOCKS = 1024  # of a pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """A row for each of many images, computed batch by batch.

    Attributes:
        indices: [n] int64, positions in the pool.
        rows: returns one row per image, [B, ...], from a batch.
        batches: divides images into batches of a size, in order.
        batch_size: images in a batch.
        device: where the result goes.
        progress: shows how many images are done.
        name: of rows that are the same for every strategy.
    """

    indices: Indices
    rows: Callable[[Batch], Tensor]
    batches: Callable[[Indices, int], Iterator[Batch]]
    batch_size: int
    device: torch.device
    progress: Progress
    name: str = ""


class Passes(Protocol):
    """Where the results of passes come from."""

    def rows(self, one: Pass) -> Tensor:
        """Return the rows of a pass, [n, ...] on its device."""
        ...

    def before_own_work(self) -> None:
        """Be told that a strategy is about to work through images in another way, as to train something."""
        ...


def computed_at_once(one: Pass) -> Tensor:
    """Compute a pass here."""
    with one.progress.bar(len(one.indices), "score") as bar:
        return _computed(one, one.indices, bar)


def _computed(one: Pass, indices: Indices, bar: Bar) -> Tensor:
    """Compute rows, [n, ...].

    The result is allocated once. A list of small pieces would hold on to the memory between the large buffers
    that come and go with each batch.
    """
    result: Tensor | None = None
    start = 0
    for batch in one.batches(indices, one.batch_size):
        rows = one.rows(batch)
        if result is None:
            result = rows.new_empty(len(indices), *rows.shape[1:])
        result[start : start + len(rows)] = rows
        start += len(rows)
        bar.update(len(rows))
    return torch.empty(0, device=one.device) if result is None else result


@dataclass(frozen=True, slots=True)
class Blocks:
    """How a pass is divided: into blocks of whole batches, by the numbers of images and batches alone.

    Attributes:
        images: in the pass.
        batch_size: images in a batch.
    """

    images: int
    batch_size: int

    def __len__(self) -> int:
        return -(-self.images // self.size)

    @property
    def size(self) -> int:
        """Images in a block; the last block may have fewer."""
        batches = -(-self.images // self.batch_size)
        return max(1, -(-batches // MOST_BLOCKS)) * self.batch_size

    def share(self, number: int, of: int) -> range:
        """Return the blocks of one of several shards that share the work."""
        return share_of(range(len(self)), number, of)


class StoredPass:
    """A pass in blocks, a file each.

    Args:
        folder: of all passes.
        one: the pass.
        identity: all that its rows depend on, apart from the images.
    """

    def __init__(self, folder: Path, one: Pass, identity: str) -> None:
        self.blocks = Blocks(len(one.indices), one.batch_size)
        self._one = one
        digest = hashlib.sha256(f"{identity} {one.batch_size} {one.name} ".encode())
        digest.update(one.indices.tobytes())
        self.key = digest.hexdigest()[:24]
        self._folder = folder / self.key

    @property
    def missing(self) -> list[int]:
        """The blocks that are not computed yet."""
        return missing_blocks(self._folder, range(len(self.blocks)))

    def compute(self, blocks: Sequence[int]) -> None:
        """Compute blocks and keep them."""
        if not blocks:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._one.progress.bar(sum(len(self._images(block)) for block in blocks), "score") as bar:
            for block in blocks:
                rows = _computed(self._one, self._images(block), bar)
                save_atomically({"rows": rows.cpu()}, block_path(self._folder, block))

    def gathered(self) -> Tensor:
        """Return all rows, [n, ...]; compute again what is damaged, and what is missing."""
        result: Tensor | None = None
        for block in range(len(self.blocks)):
            rows = self._loaded(block)
            if rows is None:
                self.compute([block])
                rows = self._loaded(block)
                assert rows is not None
            if result is None:
                result = rows.new_empty(self.blocks.images, *rows.shape[1:], device=self._one.device)
            start = block * self.blocks.size
            result[start : start + len(rows)] = rows.to(self._one.device)
        assert result is not None
        return result

    def _images(self, block: int) -> Indices:
        return self._one.indices[block * self.blocks.size : (block + 1) * self.blocks.size]

    def _loaded(self, block: int) -> Tensor | None:
        try:
            rows: Tensor = load_safely(block_path(self._folder, block))["rows"]
        except Exception:  # torch raises almost anything on broken files
            return None
        return rows if len(rows) == len(self._images(block)) else None


def block_path(folder: Path, block: int) -> Path:
    """Return the file of a block."""
    return folder / f"{block:04d}.pt"


def missing_blocks(folder: Path, blocks: Sequence[int]) -> list[int]:
    """Return the blocks that have no file in the folder of a pass."""
    there = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    return [block for block in blocks if block_path(folder, block).name not in there]


class GatheredPasses:
    """Passes whose blocks may be there already; what is missing is computed by workers, or here.

    Args:
        folder: of all passes.
        identity: returns all that the rows of a pass depend on, apart from the images, from its name and
            its number among those without one.
        spread: has blocks of a pass, by its key, computed elsewhere; None computes them here.
    """

    def __init__(
        self,
        folder: Path,
        identity: Callable[[str, int], str],
        spread: Callable[[str, Sequence[int]], None] | None = None,
    ) -> None:
        self._folder, self._identity, self._spread = folder, identity, spread
        self._unnamed = 0

    def rows(self, one: Pass) -> Tensor:
        """Return the rows of a pass; one of a single batch is computed at once and not kept."""
        if len(one.indices) <= one.batch_size:
            return computed_at_once(one)
        self._unnamed += not one.name
        stored = StoredPass(self._folder, one, self._identity(one.name, self._unnamed))
        self._prepare(stored)
        return stored.gathered()

    def before_own_work(self) -> None:
        """Let it work."""

    def _prepare(self, stored: StoredPass) -> None:
        """See to it that the blocks are there."""
        missing = stored.missing
        if self._spread is not None and len(missing) > 1:
            self._spread(stored.key, missing)
            missing = stored.missing
        stored.compute(missing)


class EnoughComputed(BaseException):
    """Ends the work of a shard: its blocks of a pass are there, and the rest of the cycle is not its own.

    Not an `Exception`, which a strategy might catch.

    Attributes:
        computed: blocks that were missing and are there now.
        missing: blocks of the pass that are still missing, for other shards.
        blocks: of the whole pass.
    """

    def __init__(self, computed: int, missing: int, blocks: int) -> None:
        self.computed, self.missing, self.blocks = computed, missing, blocks
        super().__init__()


class PartOfPasses(GatheredPasses):
    """Passes in a process that computes a part of one, and leaves training to the one that gathers."""

    def before_own_work(self) -> None:
        """Stop: this is done once, where the passes are gathered."""
        raise EnoughComputed(0, 0, 0)


class ShardOfPasses(PartOfPasses):
    """The blocks of one shard: those of the first pass that is not complete; then it stops.

    Args:
        folder: of all passes.
        identity: see `GatheredPasses`.
        shard: number of the shard, from 1.
        of: how many there are.
    """

    def __init__(self, folder: Path, identity: Callable[[str, int], str], *, shard: int, of: int) -> None:
        super().__init__(folder, identity)
        self._shard, self._of = shard, of

    def _prepare(self, stored: StoredPass) -> None:
        missing = set(stored.missing)
        if not missing:
            return
        own = [block for block in stored.blocks.share(self._shard, self._of) if block in missing]
        stored.compute(own)
        raise EnoughComputed(len(own), len(stored.missing), len(stored.blocks))


class JobOfPasses(PartOfPasses):
    """Some blocks of one pass; then it stops.

    Args:
        folder: of all passes.
        identity: see `GatheredPasses`.
        key: of the pass.
        blocks: to compute.
    """

    def __init__(
        self, folder: Path, identity: Callable[[str, int], str], *, key: str, blocks: Sequence[int]
    ) -> None:
        super().__init__(folder, identity)
        self._key, self._blocks = key, blocks

    def _prepare(self, stored: StoredPass) -> None:
        if stored.key != self._key:
            return
        missing = set(stored.missing)
        own = [block for block in self._blocks if block in missing]
        stored.compute(own)
        raise EnoughComputed(len(own), len(stored.missing), len(stored.blocks))
