"""Exact greedy k-center (farthest-first traversal) in blocks: CoreSet's selection.

Source: T. Gonzalez, Clustering to minimize the maximum intercluster distance, 1985; O. Sener and S. Savarese,
Active Learning for Convolutional Neural Networks: A Core-Set Approach, ICLR 2018. The picks are those of a
float64 computation of all distances, but most distances are never computed: a pick needs the farthest point
only, and an upper bound of its distance is enough to pass a point over.

1. Bounds: each candidate's distance to the nearest labeled point within the cell of its nearest pivot.
2. A round: the candidates of widest bound are brought up to date, and leave as soon as they fall under the
   bound of all that stayed outside.
3. Those that remain have exact distances, wider than any outside; picks come from them until none is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from .nearest import CENTRES, Centres, Points, reported
from .ranks import Ranks
from .robust import isolated
from .rows import (
    BLOCK,
    Features,
    Floats,
    Indices,
    Metric,
    Rows,
    as_tensor,
    check_finite,
    full_float32,
    power_of_two,
    slack,
    squared,
)

if TYPE_CHECKING:
    from torch.distributed import ProcessGroup

GRAM = 256  # rows of survivors' mutual distances computed at once


@dataclass(frozen=True, slots=True)
class KCenter:
    """What greedy k-center chose.

    Attributes:
        indices: [n] int64 picks in order, positions in the features.
        distances: [n] float64, from each pick to its nearest centre at that moment; infinite for the first
            pick when nothing was labeled.
        radius: largest distance from a candidate left to its nearest centre; 0 if none is left.
    """

    indices: Indices
    distances: Floats
    radius: float


def k_center(
    features: Features,
    labeled: npt.ArrayLike | torch.Tensor,
    n: int,
    *,
    candidates: npt.ArrayLike | torch.Tensor | None = None,
    metric: Metric = "euclidean",
    robust: float = 0.0,
    seed: int = 0,
    group: ProcessGroup | None = None,
) -> KCenter:
    """Choose n points one by one, each the farthest from all that are labeled or chosen.

    Ties go to the lowest index. With nothing labeled, the first pick is the candidate nearest to the mean of
    all candidates. Memory beyond the features: the labeled and chosen rows, and about 100 MB.

    Args:
        features: [N, D] real numbers, a tensor on any device, an array, or a memory-mapped file.
        labeled: int64 positions of the centres so far; may be empty.
        n: how many to choose.
        candidates: int64 positions of what may be chosen; all by default. Labeled ones are never chosen.
        metric: `euclidean`, or `cosine`: one minus the cosine (a row of zeros is at 1/2 from all others).
        robust: share of candidates, the most isolated, that is left out: those farthest from the nearest of
            1,024 sampled rows. A cheap form of the paper's robust k-center, which solves an integer program.
        seed: of that sample; the picks depend on nothing else random.
        group: the processes of torch.distributed that hold the features in shards, in order of rank.
            Positions count through all shards; all processes pass the same other arguments and get the same
            answer.

    Raises:
        ValueError: NaN or infinities, positions out of range, or fewer candidates than n.
    """
    if metric not in ("euclidean", "cosine"):
        raise ValueError(f"metric should be 'euclidean' or 'cosine', not '{metric}'")
    if not 0.0 <= robust < 1.0:
        raise ValueError(f"robust is a share from 0 up to 1, not {robust}")
    tensor = as_tensor(features)
    ranks = Ranks(group, tensor.device, len(tensor))
    centres = _positions(labeled, ranks.total, "labeled")
    allowed = np.ones(ranks.total, dtype=np.bool_)
    if candidates is not None:
        allowed[:] = False
        allowed[_positions(candidates, ranks.total, "candidates")] = True
    allowed[centres] = False
    with full_float32(tensor.device):
        rows = Rows(tensor, metric, power_of_two(_largest(tensor, ranks)))
        if robust:
            allowed[isolated(rows, ranks, np.flatnonzero(allowed), centres, robust, seed)] = False
        left = int(allowed.sum())
        if not 0 <= n <= left:
            raise ValueError(f"n should be from 0 to the {left} candidates, not {n}")
        search = _Search(rows, ranks, centres, np.flatnonzero(allowed), n + 1)
        picks, squares = search.run(min(n + 1, left))
    distances = reported(squares, metric, rows.scale)
    return KCenter(picks[:n], distances[:n], float(distances[n]) if left > n else 0.0)


def _positions(given: npt.ArrayLike | torch.Tensor, total: int, name: str) -> Indices:
    """Return positions ascending, each once."""
    array = given.cpu().numpy() if isinstance(given, torch.Tensor) else np.asarray(given)
    if array.size and array.dtype.kind not in "iu":
        raise ValueError(f"{name} should be integer positions, not {array.dtype}")
    positions: Indices = np.unique(array.astype(np.int64))
    if len(positions) and not (positions[0] >= 0 and positions[-1] < total):
        raise ValueError(
            f"{name} should be positions from 0 to {total - 1}, not {positions[0]} to {positions[-1]}"
        )
    return positions


def _largest(tensor: torch.Tensor, ranks: Ranks) -> float:
    """Return the largest magnitude over all processes; all of them raise if one holds NaN or an infinity."""
    try:
        largest, problem = check_finite(tensor), None
    except ValueError as error:
        largest, problem = math.inf, error
    everywhere = float(ranks.join(np.array([largest])).max())
    if math.isinf(everywhere):
        raise problem or ValueError("another process's features hold NaN or an infinity")
    return everywhere


class _Search:
    """The state of one traversal on one process.

    Attributes:
        index: [m] local candidates, ascending positions in this process's rows.
        bound: [m] squared distances to the nearest centre: upper bounds; minus one once chosen.
        met_picks: [m] how many picks, from the first, the bound accounts for.
        met_labeled: [m] how many labeled centres, from the first, it accounts for.
        store: [labeled + room, D] raw rows of the centres of all processes: the labeled, then the picks.
    """

    def __init__(self, rows: Rows, ranks: Ranks, labeled: Indices, candidates: Indices, room: int) -> None:
        self.rows, self.ranks = rows, ranks
        self.index = self._own(candidates)
        self.bound: Floats = np.full(len(self.index), np.inf)
        self.met_picks = np.zeros(len(self.index), dtype=np.int64)
        self.met_labeled = np.zeros(len(self.index), dtype=np.int64)
        self.picks: list[int] = []
        self.squares: list[float] = []
        if len(labeled) == 0 and len(candidates):
            labeled = self._first_pick()
        self.labeled, self.stored = len(labeled), 0
        self.store = rows.features.new_empty(self.labeled + room, rows.dim)
        self.store[: self.labeled] = ranks.join_rows(rows.raw(self._own(labeled)))
        self.centres = Centres(Rows(self.store, rows.metric, rows.scale, rows.mean))

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
        most = max(512, min(8192, 2**22 // max(self.rows.dim, 1)))
        while (missing := count - len(self.picks)) > 0:
            chosen, floor, last = self._widest(min(max(missing, 512), most))
            self._pick(self._refine(chosen, floor), floor, last, missing)
        return np.array(self.picks[:count], dtype=np.int64), np.array(self.squares[:count])

    def _set_bounds(self) -> None:
        """Bound each candidate by the nearest labeled centre in the cell of its nearest pivot."""
        count = self.labeled if self.labeled < 64 else round(1.5 * math.sqrt(self.labeled))
        pivots = self.store[torch.from_numpy(np.arange(count) * self.labeled // count).to(self.store.device)]
        cells = Centres(Rows(pivots, self.rows.metric, self.rows.scale, self.rows.mean))
        order = np.argsort(
            owner := self._nearest_cell(self.centres.rows, np.arange(self.labeled), cells), kind="stable"
        )
        self.store[: self.labeled] = self.store[torch.from_numpy(order).to(self.store.device)]
        starts = np.searchsorted(owner[order], np.arange(count + 1))
        cell = self._nearest_cell(self.rows, self.index, cells)
        members = np.argsort(cell, kind="stable")
        ends = np.searchsorted(cell[members], np.arange(count + 1))
        for number in range(count):
            for begin in range(ends[number], ends[number + 1], BLOCK):
                inside = members[begin : min(begin + BLOCK, ends[number + 1])]
                points = Points(self.rows, self.index[inside], self.bound[inside])
                points.meet(self.centres, starts[number], starts[number + 1], floor=np.inf)
                zero = np.flatnonzero(
                    points.best <= 4.0 * slack(points.norm, points.norm.max(), self.rows.dim)
                )
                if len(
                    zero
                ):  # perhaps copies of a labeled point: screening cannot tell, and there may be many
                    points.meet(self.centres, starts[number], starts[number + 1], zero)
                self.bound[inside] = points.best

    def _nearest_cell(self, rows: Rows, index: Indices, cells: Centres) -> Indices:
        """Return the nearest pivot of each row, roughly."""
        block, half, _ = cells.block(0, len(cells.rows))
        found = [
            torch.addmm(half, rows.take(index[start : start + BLOCK]), block.T, alpha=-1).argmin(dim=1)
            for start in range(0, len(index), BLOCK)
        ]
        return torch.cat(found).cpu().numpy() if found else np.empty(0, dtype=np.int64)

    def _widest(self, count: int) -> tuple[Indices, float, int]:
        """Return which of the `count` candidates of widest bound are local, and how far these `count` reach.

        That is the smallest of their bounds and the last position that has it: of equal bounds the lowest
        positions come first.
        """
        held = np.flatnonzero(self.bound >= 0.0)
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

    def _refine(self, chosen: Indices, floor: float) -> Indices:
        """Bring candidates up to date, picks first; return those not under `floor`, now exact."""
        settled = chosen[self.bound[chosen] == 0.0]
        self.met_picks[settled], self.met_labeled[settled] = self.stored, self.labeled
        points = Points(self.rows, self.index[chosen], self.bound[chosen])
        chosen = self._pass(points, chosen, self.met_picks, self.labeled, self.stored, floor)
        behind = self.met_labeled[chosen] < self.labeled
        fresh = np.flatnonzero(behind)
        points.keep(fresh)
        fresh = self._pass(points, chosen[fresh], self.met_labeled, 0, self.labeled, floor)
        return np.sort(np.concatenate([chosen[~behind], fresh]))

    def _pass(
        self, points: Points, chosen: Indices, met: Indices, offset: int, count: int, floor: float
    ) -> Indices:
        """Let points meet the centres they have not met; return which candidates are left."""
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
            race = _Race(Rows(raw, self.rows.metric, self.rows.scale, self.rows.mean), key, best)
            order, squares, bound, met = race.run(floor, last, count)
        order, squares = ranks.join(order), ranks.join(squares)
        bound, met = ranks.join(bound), ranks.join(met)
        self.picks.extend(key[order].tolist())
        self.squares.extend(squares.tolist())
        self.store[self.labeled + self.stored : self.labeled + self.stored + len(order)] = raw[order]
        mine = (key >= ranks.offset) & (key < ranks.offset + len(self.rows))
        self.bound[chosen] = bound[mine]
        self.met_picks[chosen] = self.stored + met[mine]
        self.stored += len(order)


class _Race:
    """Candidates with exact distances, from which picks are made one after the other on the host."""

    def __init__(self, rows: Rows, key: Indices, best: Floats) -> None:
        self.key, self.best = key, best
        everything = np.arange(len(key))
        self.exact = rows.exact(everything)
        self.values = rows.take(everything)
        self.half = self.values.square().sum(dim=1).div_(2)
        reach = math.sqrt(2.0 * float(self.half.max())) if len(key) else 0.0
        self.error = float(slack(reach, reach, rows.dim))
        self._lower: dict[int, npt.NDArray[np.float32]] = {}

    def run(self, floor: float, last: int, count: int) -> tuple[Indices, Floats, Floats, Indices]:
        """Pick until `count`, or until a candidate outside may be farther.

        Returns:
            The picks in order, their squared distances, what is known of each candidate's squared distance
            (minus one for picks), and how many of the picks that accounts for.
        """
        live, bound = self.best.copy(), self.best.copy()
        order: list[int] = []
        squares: list[float] = []
        met = np.full(len(live), -1)
        while len(order) < min(count, len(live)):
            pick = int(live.argmax())
            square = float(live[pick])
            if square < floor or (square == floor and self.key[pick] > last):
                break
            order.append(pick)
            squares.append(square)
            live[pick], bound[pick] = -np.inf, -1.0
            if square == 0.0:
                continue
            lower = self._lower_bounds(pick, live)
            near = np.flatnonzero(lower < live)
            upper = lower[near] + 2.0 * self.error
            out = upper < floor
            if out.any():  # certainly under the floor: a bound will do, and the pick has to be met again
                gone = near[out]
                live[gone], bound[gone], met[gone] = -np.inf, upper[out], len(order) - 1
                near = near[~out]
            if len(near):
                live[near] = np.minimum(live[near], squared(self.exact[near], self.exact[pick]))
        alive = live >= 0.0
        bound[alive], met[met < 0] = live[alive], len(order)
        return np.array(order, dtype=np.int64), np.array(squares), bound, met

    def _lower_bounds(self, pick: int, live: Floats) -> npt.NDArray[np.float32]:
        """Return a lower bound [m] of the pick's squared distance to every candidate."""
        if pick not in self._lower:
            ahead = np.flatnonzero(live >= 0.0)
            if len(ahead) > GRAM:
                ahead = ahead[np.argpartition(live[ahead], -GRAM)[-GRAM:]]
            ahead = np.array([pick, *(number for number in ahead.tolist() if number not in self._lower)])
            which = torch.from_numpy(ahead).to(self.values.device)
            product = torch.addmm(self.half, self.values[which], self.values.T, alpha=-1)
            product.add_(self.half[which].unsqueeze(1)).mul_(2).sub_(self.error)
            self._lower.update(zip(ahead.tolist(), product.cpu().numpy(), strict=True))
        return self._lower.pop(pick)
