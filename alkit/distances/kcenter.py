"""Exact greedy k-center (farthest-first traversal) in blocks: CoreSet's selection.

Source: T. Gonzalez, Clustering to minimize the maximum intercluster distance, 1985; O. Sener and S. Savarese,
Active Learning for Convolutional Neural Networks: A Core-Set Approach, ICLR 2018. The picks are those of a
float64 computation of all distances, but most distances are never computed: a pick needs the farthest point
only, and an upper bound of its distance is enough to pass a point over.

1. Bounds: each candidate's distance to the nearest labeled point within the cell of its nearest pivot.
2. A round: the candidates with the largest bounds are brought up to date, and leave as soon as they fall
   below the bounds of all that stayed outside.
3. Those that remain have exact distances, larger than all outside; picks come from them while that holds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from alkit._typing import Indices

from .nearest import reported
from .ranks import ProcessRanks
from .robust import isolated
from .row_view import RowView
from .rows import Features, Floats, Metric, Rows, check_finite, full_float32, power_of_two, readable
from .search import FarthestFirst

if TYPE_CHECKING:
    from torch.distributed import ProcessGroup


@dataclass(frozen=True, slots=True)
class KCenter:
    """The picks of greedy k-center.

    Attributes:
        indices: [n] int64 picks in order, positions in the features.
        distances: [n] float64, from each pick to its nearest centre at that moment; infinite for the first
            pick when nothing was labeled.
        radius: largest distance from a remaining candidate to its nearest centre; 0 if none remains.
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
    all candidates. Memory beyond the features: the labeled rows four times, those chosen, 48 bytes a row, and
    about 200 MB.

    Args:
        features: [N, D] real numbers: a tensor on any device, an array, a memory-mapped file, or a view of
            one, of which few pages stay in memory.
        labeled: int64 positions of the centres so far; may be empty.
        n: how many to choose.
        candidates: int64 positions of what may be chosen; all by default. Labeled ones are never chosen.
        metric: `euclidean`, or `cosine`: one minus the cosine (a row of zeros is at 1/2 from all others).
        robust: share of the candidates, the most isolated, to leave out: those farthest from the nearest of
            1,024 sampled rows. A cheap form of the paper's robust k-center, which solves an integer program.
        seed: of that sample; nothing else is random.
        group: the processes of torch.distributed that hold the features in shards, in order of rank.
            Positions count through all shards; all processes pass the same other arguments and get the same
            answer.

    Raises:
        ValueError: NaN or infinities, positions out of range, or fewer candidates than n.
    """
    if metric not in ("euclidean", "cosine"):
        raise ValueError(f"metric should be 'euclidean' or 'cosine', not '{metric}'")
    if not 0.0 <= robust < 1.0:
        raise ValueError(f"robust should be a share from 0 up to, but not including, 1, not {robust}")
    tensor = readable(features)
    ranks = ProcessRanks(group, tensor.device, len(tensor))
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
            raise ValueError(f"n should be from 0 to the number of candidates, {left}, not {n}")
        search = FarthestFirst(rows, ranks, centres, np.flatnonzero(allowed), n + 1)
        picks, squares = search.run(min(n + 1, left))
    distances = reported(squares, metric, rows.scale)
    return KCenter(picks[:n], distances[:n], float(distances[n]) if left > n else 0.0)


def _positions(given: npt.ArrayLike | torch.Tensor, total: int, name: str) -> Indices:
    """Return distinct positions in ascending order."""
    array = given.cpu().numpy() if isinstance(given, torch.Tensor) else np.asarray(given)
    if array.size and array.dtype.kind not in "iu":
        raise ValueError(f"{name} should be integer positions, not {array.dtype}")
    if array.size and not (array.min() >= 0 and array.max() < total):
        raise ValueError(
            f"{name} should be positions from 0 to {total - 1}, not {array.min()} to {array.max()}"
        )
    there = np.zeros(total, dtype=np.bool_)  # quicker than sorting millions
    there[array.astype(np.int64)] = True
    return np.flatnonzero(there)


def _largest(tensor: torch.Tensor | RowView, ranks: ProcessRanks) -> float:
    """Return the largest magnitude over all processes; all of them raise if one holds NaN or an infinity."""
    try:
        largest, problem = check_finite(tensor), None
    except ValueError as error:
        largest, problem = math.inf, error
    everywhere = float(ranks.join(np.array([largest])).max())
    if math.isinf(everywhere):
        raise problem or ValueError("another process's features hold NaN or an infinity")
    return everywhere
