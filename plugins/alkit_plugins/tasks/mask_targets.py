"""Masks as targets: read from the campaign's files when a batch needs them, once in a process."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from alkit.data import Targets
from alkit.interfaces import Mask

if TYPE_CHECKING:
    from alkit import Indices

VOID = 255
Numbers = npt.NDArray[np.uint8]
MOST_BYTES = 2**29  # of masks kept in memory

_KEPT: OrderedDict[tuple[Path | None, str, tuple[int, int]], Numbers] = OrderedDict()


class MaskTargets(Targets):
    """The class of every pixel of some images, [n, H, W] uint8 with 255 as void.

    Args:
        labels: reads the masks.
        values: the labels.
        size: (H, W) to resize to; each pixel takes the class of the nearest one.
    """

    def __init__(self, labels: Mask, values: Sequence[str], size: tuple[int, int]) -> None:
        self._labels, self._values, self._size = labels, list(values), size
        self._numbers = labels.class_numbers

    def __len__(self) -> int:
        return len(self._values)

    def take(self, rows: Indices) -> Tensor:
        """Return the targets of some rows, [B, H, W] uint8."""
        masks = [self._mask(self._values[row]) for row in rows.tolist()]
        return torch.from_numpy(self._numbers[np.stack(masks)])

    def digest(self) -> str:
        """Return a hash of all masks, whose names stand for their content."""
        parts = (self._values, self._size, self._numbers.tolist())
        return hashlib.sha256(repr(parts).encode()).hexdigest()

    def present(self) -> set[str]:
        """Return the names of the classes in any of the masks, without decoding them."""
        return {name for value in set(self._values) for name in self._labels.names(value)}

    def counts(self, classes: int, block: int = 64) -> Tensor:
        """Return how many pixels each class has, [classes] int64."""
        total = torch.zeros(256, dtype=torch.int64)
        for start in range(0, len(self), block):
            rows = np.arange(start, min(start + block, len(self)))
            total += torch.bincount(self.take(rows).flatten().long(), minlength=256)
        return total[:classes]

    def _mask(self, value: str) -> Numbers:
        key = (self._labels.folder, value, self._size)
        if (known := _KEPT.get(key)) is not None:
            _KEPT.move_to_end(key)
            return known
        mask = self._labels.pixels(value, self._size)
        _KEPT[key] = mask
        while len(_KEPT) * mask.nbytes > MOST_BYTES:
            _KEPT.popitem(last=False)
        return mask
