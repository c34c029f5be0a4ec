"""The rounds of a farthest-first traversal: which candidates to update, and how far."""

from __future__ import annotations

import math

import numpy as np
import torch

from alkit._typing import Indices

from .cells import Cells
from .nearest import CENTRES, Centres, Points
from .ranks import ProcessRanks
from .round_selection import RoundSelection
from .rows import BLOCK, Floats, Rows, squared

ROUND = 512  # fewest candidates of a round
CHUNK = 2**18  # candidates that get their bounds at once: 64 MB at 128 dimensions and two bytes
CELLS = 3  # cells that a labeled centre is in


class FarthestFirst:
    """The state of one traversal on one process.

    Attributes:
        index: [m] local candidates, ascending positions in this process's rows.
        home: [m] the region of labeled centres that a candidate is in; -1 once the candidate has met it.
        front: [k] candidates whose bounds are at least `least`, or were once; all others are below it.
        bound: [m] squared distances to the nearest centre: upper bounds; minus one once chosen.
        met_picks: [m] how many picks, from the first, the bound accounts for.
        met_labeled: [m] how many labeled centres, from the first, it accounts for.
        store: [labeled + room, D] raw rows of the centres of all processes: the labeled, then the picks.
    """

    def __init__(
        self, rows: Rows, ranks: ProcessRanks, labeled: Indices, candidates: Indices, room: int
    ) -> None:
        self.rows, self.ranks = rows, ranks
        self.index = self._own(candidates)
        self.bound: Floats = np.full(len(self.index), np.inf)
        self.met_picks = np.zeros(len(self.index), dtype=np.int64)
        self.met_labeled = np.zeros(len(self.index), dtype=np.int64)
        self.front: Indices = np.empty(0, dtype=np.int64)
        self.least = 0.0
        self.picks: list[int] = []
        self.squares: list[float] = []
        if len(labeled) == 0 and len(candidates):
            labeled = self._first_pick()
        self.labeled, self.stored = len(labeled), 0
        self.store = rows.features.new_empty(self.labeled + room, rows.dim)
        self.store[: self.labeled] = ranks.join_rows(rows.raw(self._own(labeled)))
        self.centres = Centres(self._like(self.store))
        self.home: Indices = np.full(len(self.index), -1, dtype=np.int64)

    def _own(self, positions: Indices) -> Indices:
        """Return this process's part of global positions, as positions in its rows."""
        start = self.ranks.offset
        return positions[(positions >= start) & (positions < start + len(self.rows))] - start

    def _first_pick(self) -> Indices:
        """Choose the candidate nearest to the mean of all; it becomes the first centre."""
        blocks = [self.index[start : start + BLOCK] for start in range(0, len(self.index), BLOCK)]
        total = np.zeros(self.rows.dim)
        for block in blocks:
            total += self.rows.exact(block).sum(axis=0)
        mean = self.ranks.join(total).reshape(-1, self.rows.dim).sum(axis=0)
        mean /= self.ranks.join(np.array([len(self.index)])).sum()
        square = np.concatenate([squared(self.rows.exact(block), mean) for block in blocks] or [np.empty(0)])
        index = self.ranks.join(self.index + self.ranks.offset)
        first = index[self.ranks.join(square).argmin()]
        self.picks.append(int(first))
        self.squares.append(math.inf)
        self.bound[self.index + self.ranks.offset == first] = -1.0
        return np.array([first])

    def run(self, count: int) -> tuple[Indices, Floats]:
        """Return `count` picks and their squared distances."""
        if len(self.picks) < count:
            self._set_bounds()
        most = max(ROUND, min(8192, 2**22 // max(self.rows.dim, 1)))
        while (missing := count - len(self.picks)) > 0:
            chosen, floor, last = self._widest(min(max(missing + missing // 2, ROUND), most))
            self._pick(self._refine(chosen, floor), floor, last, missing)
        return np.array(self.picks[:count], dtype=np.int64), np.array(self.squares[:count])

    def _set_bounds(self) -> None:
        """Bound each candidate by the nearest labeled centre in the cell of its nearest pivot.

        A labeled centre is in the cells of its nearest pivots, so that most candidates meet a close one. For
        what follows, the labeled are put in order of their nearest pivots, and these in order of region: a
        region is about a block.
        """
        count = self.labeled if self.labeled < 64 else round(math.sqrt(self.labeled))
        regions = -(-self.labeled // CENTRES)
        store = self.store[: self.labeled]
        labeled = self._like(store)
        pivots = _spread(store, count)
        region = self._nearest(self._like(pivots), _spread(pivots, regions))[:, 0]
        pivots = pivots[torch.from_numpy(np.argsort(region, kind="stable")).to(pivots.device)]
        region.sort()
        owner = self._nearest(labeled, pivots)[:, 0]
        order = torch.from_numpy(np.argsort(owner, kind="stable")).to(pivots.device)
        store[:] = store[order]
        owner.sort()
        starts = np.searchsorted(owner, np.arange(count + 1))
        self.region_starts = starts[np.searchsorted(region, np.arange(regions + 1))]
        cells = Cells(labeled, self._nearest(labeled, pivots, CELLS))
        for start in range(0, len(self.index), CHUNK):
            chunk = slice(start, start + CHUNK)
            rows = self._like(self.rows.raw(self.index[chunk]))
            cell = self._nearest(rows, pivots)[:, 0]
            self.home[chunk] = region[cell]
            self.bound[chunk] = np.minimum(self.bound[chunk], cells.bounds(rows, cell))

    def _nearest(self, rows: Rows, pivots: torch.Tensor, count: int = 1) -> Indices:
        """Return the nearest pivots of each row, [n, count], as far as float32 tells."""
        block, half, _ = Centres(self._like(pivots)).block(0, len(pivots))
        count = min(count, len(pivots))
        found = [torch.empty(0, count, dtype=torch.int64, device=block.device)]
        for start in range(0, len(rows), BLOCK):
            values = rows.block(start, min(start + BLOCK, len(rows)))
            product = torch.addmm(half, values, block.T, alpha=-1)
            found.append(
                product.argmin(dim=1, keepdim=True)
                if count == 1
                else product.topk(count, dim=1, largest=False).indices
            )
        return torch.cat(found).cpu().numpy()

    def _like(self, raw: torch.Tensor) -> Rows:
        return Rows(raw, self.rows.metric, self.rows.scale, self.rows.mean)

    def _widest(self, count: int) -> tuple[Indices, float, int]:
        """Return the local ones of the `count` candidates with the largest bounds, and where these end.

        They end at the smallest of their bounds and the last position with it: of equal bounds, the lowest
        positions come first.
        """
        held = self._ahead(count)
        bound = self.bound[held]
        if len(held) > count:
            edge = np.partition(bound, len(bound) - count)[len(bound) - count]
            above = bound > edge
            equal = np.flatnonzero(bound == edge)[: count - int(above.sum())]
            above[equal] = True
            held, bound = held[above], bound[above]
        key = self.index[held] + self.ranks.offset
        if self.ranks.size == 1:
            every_bound, every_key = bound, key
        else:
            every_bound, every_key = self.ranks.join(bound), self.ranks.join(key)
        order = np.lexsort((every_key, -every_bound))[:count]
        floor, last = float(every_bound[order[-1]]), int(every_key[order[-1]])
        return held[(bound > floor) | ((bound == floor) & (key <= last))], floor, last

    def _ahead(self, count: int) -> Indices:
        """Return local candidates, ascending, among which are the `count` ones with the largest bounds.

        Bounds only fall, so those that are not below `least` hold all that matter until few are left.
        """
        held = self.front[self.bound[self.front] >= self.least]
        if len(held) < count:
            held, self.least = np.flatnonzero(self.bound >= 0.0), 0.0
            if (extra := len(held) - max(8 * count, len(held) // 16)) > 0:
                bound = self.bound[held]
                self.least = float(np.partition(bound, extra)[extra])
                held = held[bound >= self.least]
        self.front = held
        return held

    def _refine(self, chosen: Indices, floor: float) -> Indices:
        """Update candidates, picks first; return those not below `floor`, now exact."""
        settled = chosen[self.bound[chosen] == 0.0]
        self.met_picks[settled], self.met_labeled[settled] = self.stored, self.labeled
        points = Points(self.rows, self.index[chosen], self.bound[chosen])
        chosen = self._go_home(points, chosen, floor)
        chosen = self._pass(points, chosen, self.met_picks, self.labeled, self.stored, floor)
        behind = self.met_labeled[chosen] < self.labeled
        fresh = np.flatnonzero(behind)
        points.keep(fresh)
        fresh = self._pass(points, chosen[fresh], self.met_labeled, 0, self.labeled, floor)
        return np.sort(np.concatenate([chosen[~behind], fresh]))

    def _go_home(self, points: Points, chosen: Indices, floor: float) -> Indices:
        """Let points meet the region of their cell, where most of them leave; return the remaining ones."""
        home = self.home[chosen]
        left = np.ones(len(chosen), dtype=np.bool_)
        for region in np.unique(home[home >= 0]):
            start, end = self.region_starts[region : region + 2]
            for begin in range(start, end, 2 * CENTRES):
                which = np.flatnonzero((home == region) & left)
                if len(which):
                    left[points.meet(self.centres, begin, min(begin + 2 * CENTRES, end), which, floor)] = (
                        False
                    )
        self.home[chosen] = -1  # once is enough: a point that comes back must meet every block
        self.bound[chosen] = points.best
        points.keep(np.flatnonzero(left))
        return chosen[left]

    def _pass(
        self, points: Points, chosen: Indices, met: Indices, offset: int, count: int, floor: float
    ) -> Indices:
        """Let points meet the centres they have not met; return the remaining candidates."""
        begin = int(met[chosen].min()) // CENTRES * CENTRES if len(chosen) else count
        for start in range(begin, count, CENTRES):
            stop = min(start + CENTRES, count)
            need = np.flatnonzero(met[chosen] < stop)
            if len(need) == 0:
                continue
            which = None if len(need) == len(chosen) else need
            under = points.meet(self.centres, offset + start, offset + stop, which, floor)
            passed = np.ones(len(chosen), dtype=np.bool_)
            passed[under] = False
            met[chosen[passed]] = stop
            if len(under):
                self.bound[chosen[under]] = points.best[under]
                points.keep(left := np.flatnonzero(passed))
                chosen = chosen[left]
        self.bound[chosen] = points.best
        return chosen

    def _pick(self, chosen: Indices, floor: float, last: int, count: int) -> None:
        """Take up to `count` picks among the exact candidates of all processes."""
        ranks = self.ranks
        key = ranks.join(self.index[chosen] + ranks.offset)
        raw = ranks.join_rows(self.rows.raw(self.index[chosen]))
        best = ranks.join(self.bound[chosen])
        order, squares, bound, met = np.empty(0, np.int64), np.empty(0), np.empty(0), np.empty(0, np.int64)
        if ranks.rank == 0:
            selection = RoundSelection(self._like(raw), key, best)
            order, squares, bound, met = selection.run(floor, last, count)
        order, squares = ranks.join(order), ranks.join(squares)
        bound, met = ranks.join(bound), ranks.join(met)
        self.picks.extend(key[order].tolist())
        self.squares.extend(squares.tolist())
        self.store[self.labeled + self.stored : self.labeled + self.stored + len(order)] = raw[order]
        mine = (key >= ranks.offset) & (key < ranks.offset + len(self.rows))
        self.bound[chosen] = bound[mine]
        self.met_picks[chosen] = self.stored + met[mine]
        self.stored += len(order)


def _spread(rows: torch.Tensor, count: int) -> torch.Tensor:
    """Return `count` evenly spaced rows."""
    return rows[torch.from_numpy(np.arange(count) * len(rows) // max(count, 1)).to(rows.device)]
