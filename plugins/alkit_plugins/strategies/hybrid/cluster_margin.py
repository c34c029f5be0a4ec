"""Cluster-Margin: Citovsky et al., Batch Active Learning at Scale, NeurIPS 2021.

All images are clustered once, by the embeddings of the first model. A query takes the images of smallest
margin, several times as many as it asks for, and goes through their clusters in turn, those with the fewest
of them first. The paper clusters by average linkage down to a distance threshold, which gives ten images or
more a cluster on average; alkit runs k-means with as many clusters, up to a limit, and finds the centers of a
large pool on a sample. So a later query costs what `margin` costs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

import alkit
from alkit.distances import k_means
from alkit_plugins.components import clusters
from alkit_plugins.components.feature_rows import rows_of

if TYPE_CHECKING:
    from alkit import Cycle, Indices, Output

IMAGES = 10  # of a cluster, on average
MOST_CLUSTERS = 1000
SAMPLE = 100  # images per cluster from which centers are found


@dataclass(kw_only=True)
class ClusterMargin(alkit.Strategy):
    """Choose images of small margin in turn from clusters of similar images, the smallest clusters first."""

    name = "cluster-margin"
    kind = "uncertainty and diversity"
    needs = frozenset({"probabilities", "embedding"})
    paper = "Citovsky et al., Batch Active Learning at Scale, NeurIPS 2021"

    factor: float = alkit.option(
        10.0, "images of smallest margin to choose from, as a multiple of the budget", minimum=1.0
    )
    clusters: int | None = alkit.option(
        None, f"number of clusters; auto: one for {IMAGES} images, at most {MOST_CLUSTERS:,}", minimum=1
    )

    def __post_init__(self) -> None:
        """Begin without clusters."""
        self._cluster = np.empty(0, dtype=np.int32)  # of each image of the pool; -1 without one

    def select(self, cycle: Cycle, n: int) -> Indices:
        """Choose n candidates; a score is minus the margin."""
        with cycle.measure("score"):
            scores = cycle.collect(cycle.candidates, _minus_margin).double().cpu().numpy()
        few = np.argsort(-scores, kind="stable")[: max(n, round(self.factor * n))]
        group = self._clusters_of(cycle, cycle.candidates[few])
        few = few[in_turn(group, n, cycle.rng)]
        picks = cycle.candidates[few]
        cycle.record_scores(picks, scores[few])
        cycle.diagnostics["clusters"] = int(self._cluster.max()) + 1
        return picks

    def _clusters_of(self, cycle: Cycle, indices: Indices) -> Indices:
        """Return the cluster of each image; cluster all images if one has no cluster yet."""
        known = indices < len(self._cluster)
        if not known.all() or (self._cluster[indices] < 0).any():
            self._cluster_all(cycle)
        return self._cluster[indices].astype(np.int64)

    def _cluster_all(self, cycle: Cycle) -> None:
        pool = cycle.labeled_and_candidates
        features = rows_of(cycle, pool)
        with cycle.measure("cluster"):
            count = self.clusters or max(1, min(len(pool) // IMAGES, MOST_CLUSTERS))
            few = np.arange(len(pool))
            if len(pool) > SAMPLE * count:
                few = np.sort(cycle.rng.choice(len(pool), SAMPLE * count, replace=False))
            sample = features[torch.from_numpy(few).to(features.device)].float()
            found = k_means(sample, count, seed=int(cycle.rng.integers(2**31)))
            self._cluster = np.full(int(pool[-1]) + 1, -1, dtype=np.int32)
            self._cluster[pool] = (
                found.cluster if len(few) == len(pool) else clusters.assigned(features, found.centers)
            )

    def state_dict(self) -> dict[str, Any]:
        """Return the clusters, which are found once."""
        return {"cluster": torch.from_numpy(self._cluster)} if len(self._cluster) else {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the clusters."""
        self._cluster = state["cluster"].numpy()


def in_turn(group: Indices, n: int, rng: np.random.Generator) -> Indices:
    """Return n positions: a random member of each group in turn, those of the smallest groups first.

    Args:
        group: [m] the group of each position; in a tie of sizes, the lower number comes first.
        n: at most m.
        rng: the order within groups.
    """
    shuffled = rng.permutation(len(group))
    size = np.bincount(group)
    by_group = shuffled[np.argsort(group[shuffled], kind="stable")]
    starts = np.cumsum(size) - size
    turn = np.arange(len(group)) - starts[group[by_group]]
    order: Indices = by_group[np.lexsort((group[by_group], size[group[by_group]], turn))]
    return order[:n]


def _minus_margin(output: Output) -> torch.Tensor:
    """Return minus the difference of the two highest probabilities, [B], averaged over positions."""
    assert output.probabilities is not None
    top = output.probabilities.float().topk(2, dim=1).values
    return output.per_image(top[:, 1] - top[:, 0])


@alkit.hookimpl
def alkit_strategies() -> list[type[alkit.Strategy]]:
    """Offer the strategy."""
    return [ClusterMargin]
