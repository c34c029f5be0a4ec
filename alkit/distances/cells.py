"""Cells of labeled centres: each candidate is bounded by the centres of one cell only."""

from __future__ import annotations

import numpy as np
import torch

from alkit._typing import Indices

from .nearest import Centres, Points
from .rows import BLOCK, Floats, Rows, slack


class Cells:
    """Centres by cell; one may be in several.

    Args:
        centres: [K, D].
        of: [K, c] the cells that each centre is in.
    """

    def __init__(self, centres: Rows, of: Indices) -> None:
        order = np.argsort(of, axis=None, kind="stable")
        member = torch.from_numpy(order // of.shape[1]).to(centres.device)
        raw = centres.features[member]
        self._centres = Centres(Rows(raw, centres.metric, centres.scale, centres.mean))
        self._starts = np.searchsorted(of.ravel()[order], np.arange(of.max(initial=-1) + 2))

    def bounds(self, rows: Rows, cell: Indices) -> Floats:
        """Return upper bounds [n] of the squared distances from rows to the nearest centre.

        Args:
            rows: [n, D].
            cell: [n] the cell that each row is to meet; an empty one tells nothing.
        """
        bound = np.full(len(rows), np.inf)
        members = np.argsort(cell, kind="stable")
        ends = np.searchsorted(cell[members], np.arange(len(self._starts)))
        for number in np.flatnonzero(np.diff(self._starts)).tolist():
            for begin in range(ends[number], ends[number + 1], BLOCK):
                inside = members[begin : min(begin + BLOCK, ends[number + 1])]
                bound[inside] = self._bounded(rows, inside, number)
        return bound

    def _bounded(self, rows: Rows, inside: Indices, number: int) -> Floats:
        """Return upper bounds for rows from a cell; exact where it may hold a copy of them."""
        start, stop = int(self._starts[number]), int(self._starts[number + 1])
        points = Points(rows, inside, np.full(len(inside), np.inf))
        points.meet(self._centres, start, stop, floor=np.inf)
        zero = np.flatnonzero(points.best <= 4.0 * slack(points.norm, points.norm.max(), rows.dim))
        if len(zero):  # screening cannot tell small from zero, and there may be many copies
            points.meet(self._centres, start, stop, zero)
        return points.best
