"""TypiClust: Hacohen, Dekel and Weinshall, Active Learning on a Budget, ICML 2022.

Embeddings of length one are divided into as many clusters as there will be labels, and the most typical image
of each cluster without labels is chosen. Typicality is defined as in the paper, as the inverse of a mean
distance (the published code averages squared distances), over all members of the cluster.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from torch.nn.functional import normalize

import alkit
from alkit.distances import RowView, k_means, neighbor_distances
from alkit_plugins.components import clusters

if TYPE_CHECKING:
    import numpy.typing as npt
    from torch import Tensor

    from alkit import Cycle, Indices

MOST_IN_MEMORY = 2**17  # rows of a cluster


@dataclass(kw_only=True)
class TypiClust(alkit.Strategy):
    """Choose the most typical image of each large cluster that has no labeled image."""

    name = "typiclust"
    kind = "diversity"
    needs = frozenset({"embedding"})
    needs_labels = False
    paper = "Hacohen, Dekel and Weinshall, Active Learning on a Budget, ICML 2022"

    max_clusters: int = alkit.option(500, "largest number of clusters", minimum=1)
    min_cluster: int = alkit.option(5, "members that a cluster needs; smaller ones are left out", minimum=1)
    neighbors: int = alkit.option(20, "nearest members that define an image's typicality", minimum=1)

    def select(self, cycle: Cycle, n: int) -> Indices:
        """Choose n candidates; a score is the typicality, if it is finite."""
        pool = cycle.labeled_and_candidates
        stored = cycle.stored_embeddings(pool)
        unit = normalize(cycle.embeddings(pool), dim=1) if stored is None else stored.normalized()
        with cycle.measure("select"):
            count = min(len(cycle.labeled) + n, self.max_clusters)
            cluster = k_means(unit, count, seed=int(cycle.rng.integers(2**31))).cluster
            distance = mean_distances(unit, cluster, self.neighbors)
            chosen = clusters.in_turn(
                cluster,
                distance,
                np.searchsorted(pool, cycle.labeled),
                np.searchsorted(pool, cycle.candidates),
                n,
                smallest=self.min_cluster,
            )
        apart = chosen[distance[chosen] > 0.0]
        cycle.record_scores(pool[apart], 1.0 / distance[apart])
        cycle.diagnostics["clusters"] = int(cluster.max()) + 1
        return pool[chosen]


def mean_distances(features: Tensor | RowView, cluster: Indices, neighbors: int) -> npt.NDArray[np.float64]:
    """Return the mean distance [N] of each row to its nearest neighbors in its cluster; zero if it is alone.

    Args:
        features: [N, D].
        cluster: [N] cluster numbers.
        neighbors: number of neighbors; in a smaller cluster, all other members.
    """
    result = np.zeros(len(cluster))
    members = np.split(np.argsort(cluster, kind="stable"), np.cumsum(np.bincount(cluster))[:-1])
    for rows in members:
        if len(rows) > 1:
            result[rows] = neighbor_distances(_of(features, rows), neighbors).mean(axis=1)
    return result


def _of(features: Tensor | RowView, rows: Indices) -> Tensor | RowView:
    """Return the rows of a cluster: in memory, unless they are many and in a file."""
    if not isinstance(features, RowView):
        return features[rows]
    members = features.narrowed(rows)
    return members if len(rows) > MOST_IN_MEMORY else members[:]


@alkit.hookimpl
def alkit_strategies() -> list[type[alkit.Strategy]]:
    """Offer the strategy."""
    return [TypiClust]
