"""Choosing members of clusters in turn: first from clusters with few known members, then from large ones."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    import numpy.typing as npt

    from alkit import Indices
    from alkit.distances import KMeansResult, RowView

BLOCK = 4096  # rows assigned at once


def nearest(found: KMeansResult, n: int) -> Indices:
    """Choose n rows, each the nearest remaining one to the center of the cluster whose turn it is."""
    # Two members are equally far from their mean, apart from rounding: the lower index comes first.
    far = max(float(found.distances.max()), np.finfo(np.float64).tiny)
    everything = np.arange(len(found.cluster))
    return in_turn(found.cluster, np.round(found.distances / far, 5), everything[:0], everything, n)


def in_turn(
    cluster: Indices,
    cost: npt.NDArray[np.float64],
    known: Indices,
    candidates: Indices,
    n: int,
    *,
    smallest: int = 1,
) -> Indices:
    """Choose n candidates, each the cheapest remaining member of the cluster whose turn it is.

    The next turn goes to the cluster with the fewest known and chosen members; in a tie, to the larger one,
    then to the lower number. Clusters smaller than `smallest` come once the others have no candidates left.

    Args:
        cluster: [N] the cluster of each row.
        cost: [N] cost of each row; the lowest in a cluster is chosen first, in a tie the lower row.
        known: rows that count for their cluster and are not chosen.
        candidates: rows to choose from.
        n: number of rows to choose, at most the number of candidates.
        smallest: number of members that a cluster needs to take part from the start.
    """
    size = np.bincount(cluster)
    count = np.bincount(cluster[known], minlength=len(size))
    ordered = candidates[np.lexsort((candidates, cost[candidates], cluster[candidates]))]
    groups = np.split(ordered, np.flatnonzero(np.diff(cluster[ordered])) + 1)
    left = {int(cluster[members[0]]): iter(members.tolist()) for members in groups}
    turns = [(bool(size[c] < smallest), int(count[c]), -int(size[c]), c) for c in left]
    heapq.heapify(turns)
    chosen: list[int] = []
    while len(chosen) < n:
        small, met, negative, number = heapq.heappop(turns)
        for row in left[number]:
            chosen.append(row)
            heapq.heappush(turns, (small, met + 1, negative, number))
            break
    return np.array(chosen, dtype=np.int64)


def assigned(features: torch.Tensor | RowView, centers: npt.NDArray[np.float64]) -> Indices:
    """Return the number of the center nearest to each row, [N], as far as float32 tells.

    Args:
        features: [N, D], or a view of a file.
        centers: [K, D].
    """
    targets = torch.from_numpy(centers).float().to(features.device)
    half = targets.square().sum(dim=1).div_(2)
    found = [
        torch.addmm(half, features[start : start + BLOCK].float(), targets.T, alpha=-1)
        .argmin(dim=1)
        .cpu()
        .numpy()
        for start in range(0, len(features), BLOCK)
    ]
    return np.concatenate(found)
