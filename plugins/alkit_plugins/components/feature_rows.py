"""Embeddings as rows to compare: those that lie in a file, or else those that the model computes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from alkit import Cycle, Indices
    from alkit.distances import RowView


def rows_of(cycle: Cycle, indices: Indices) -> Tensor | RowView:
    """Return the embeddings [n, D] of images, in memory only if they have to be computed.

    Args:
        cycle: that looks at them.
        indices: positions in the pool, ascending.
    """
    stored = cycle.stored_embeddings(indices)
    return cycle.embeddings(indices) if stored is None else stored
