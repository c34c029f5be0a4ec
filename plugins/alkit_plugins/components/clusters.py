"""Members of clusters taken in turn: fewest known first, then the larger cluster."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from alkit import Indices


def in_turn(
    cluster: Indices,
    cost: npt.NDArray[np.float64],
    known: Indices,
    candidates: Indices,
    n: int,
    *,
    smallest: int = 1,
) -> Indices:
    """Choose n candidates, each the cheapest left of the cluster whose turn it is.

    It is the turn of the cluster with the fewest known and chosen members, then of the larger one, then of
    the lower number. Clusters under `smallest` come when the others have no candidate left.

    Args:
        cluster: [N] the cluster of each row.
        cost: [N] lower is chosen first within a cluster; ties go to the lower row.
        known: rows that count for their cluster and are not chosen.
        candidates: rows that may be chosen.
        n: at most the number of candidates.
        smallest: members below which a cluster waits.
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
