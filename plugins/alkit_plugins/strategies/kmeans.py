"""k-means: as many clusters as there are images to choose, and of each the image nearest to its centre.

A common baseline of diversity. The image nearest to a centre is looked for among the members of its cluster,
so that no image is nearest twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

import alkit
from alkit.distances import k_means
from alkit_plugins.components import clusters

if TYPE_CHECKING:
    from alkit import Cycle, Indices


@dataclass(kw_only=True)
class KMeans(alkit.Strategy):
    """Choose the images nearest to the centres of as many clusters of the candidates' embeddings."""

    name = "kmeans"
    needs = frozenset({"embedding"})
    needs_labels = False
    paper = "Lloyd, Least squares quantization in PCM, 1982"

    metric: Literal["euclidean", "cosine"] = alkit.option("euclidean", "distance between embeddings")
    iterations: int = alkit.option(25, "Lloyd's, at most", minimum=1)

    def select(self, cycle: Cycle, n: int) -> Indices:
        """Choose n candidates, those of large clusters first."""
        features = cycle.embeddings(cycle.candidates)
        with cycle.measure("select"):
            found = k_means(
                features,
                n,
                metric=self.metric,
                seed=int(cycle.rng.integers(2**31)),
                iterations=self.iterations,
            )
            # Two members are equally far from their mean, but for rounding: the lower index wins.
            far = max(float(found.distances.max()), np.finfo(np.float64).tiny)
            distance = np.round(found.distances / far, 5)
            everything = np.arange(len(features))
            chosen = clusters.in_turn(found.cluster, distance, everything[:0], everything, n)
        cycle.diagnostics["clusters"] = len(found.centers)
        return cycle.candidates[chosen]


@alkit.hookimpl
def alkit_strategies() -> list[type[alkit.Strategy]]:
    """Offer the strategy."""
    return [KMeans]
