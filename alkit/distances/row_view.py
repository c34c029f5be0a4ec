"""Rows of features that stay in the file they are mapped from, and are read in blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn.functional import normalize

from alkit.utils.mapped_files import MappedRows

if TYPE_CHECKING:
    import numpy.typing as npt

    from alkit._typing import Indices


class RowView:
    """Some rows of a matrix, in the type of its values or brought to length one in float32.

    It is sliced and indexed as a tensor is, and reads what is asked for each time.

    Args:
        values: [M, D], perhaps mapped from a file.
        index: [N] int64, strictly ascending positions in `values`.
        unit: bring rows to length one.
    """

    def __init__(self, values: npt.NDArray[Any], index: Indices, *, unit: bool = False) -> None:
        self._values, self._index, self._unit = values, index, unit
        self._rows = MappedRows(values)
        self.shape = (len(index), int(values.shape[1]))
        self.device = torch.device("cpu")
        self.dtype = torch.float32 if unit else torch.from_numpy(values[:0].copy()).dtype

    def __len__(self) -> int:
        return len(self._index)

    def __getitem__(self, which: slice | Tensor) -> Tensor:
        rows = self._index[which if isinstance(which, slice) else which.numpy()]
        together = isinstance(which, slice) and len(rows) and rows[-1] - rows[0] == len(rows) - 1
        read = self._rows.block(int(rows[0]), int(rows[-1]) + 1) if together else self._rows.take(rows)
        found = torch.from_numpy(read)
        return normalize(found.float(), dim=1) if self._unit else found

    def index_select(self, dim: int, index: Tensor) -> Tensor:
        """Return the rows at some positions, in their order; `dim` is 0."""
        assert dim == 0
        return self[index]

    def new_empty(self, *shape: int) -> Tensor:
        """Return a tensor of the same type."""
        return torch.empty(shape, dtype=self.dtype)

    def normalized(self) -> RowView:
        """Return the same rows, brought to length one."""
        return RowView(self._values, self._index, unit=True)

    def narrowed(self, index: Indices) -> RowView:
        """Return the rows at ascending positions, as a view."""
        return RowView(self._values, self._index[index], unit=self._unit)
