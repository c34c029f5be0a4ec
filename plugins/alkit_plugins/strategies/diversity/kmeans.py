"""k-means: one cluster per image to choose, and the image nearest to the center of each.

A common diversity baseline. Only members of a cluster can be nearest to its center, so no image is chosen
twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import alkit
from alkit.distances import k_means
from alkit_plugins.components import clusters

if TYPE_CHECKING:
    from alkit import Cycle, Indices


@dataclass(kw_only=True)
class KMeans(alkit.Strategy):
    """Divide the candidates' embeddings into n clusters and choose the image nearest to each center."""

    name = "kmeans"
    kind = "diversity"
    needs = frozenset({"embedding"})
    needs_labels = False
    paper = "Lloyd, Least squares quantization in PCM, 1982"

    metric: Literal["euclidean", "cosine"] = alkit.option("euclidean", "distance between embeddings")
    iterations: int = alkit.option(25, "largest number of Lloyd iterations", minimum=1)

    def select(self, cycle: Cycle, n: int) -> Indices:
        """Choose n candidates, first those of large clusters."""
        features = cycle.embeddings(cycle.candidates)
        with cycle.measure("select"):
            found = k_means(
                features,
                n,
                metric=self.metric,
                seed=int(cycle.rng.integers(2**31)),
                iterations=self.iterations,
            )
            chosen = clusters.nearest(found, n)
        cycle.diagnostics["clusters"] = len(found.centers)
        return cycle.candidates[chosen]


@alkit.hookimpl
def alkit_strategies() -> list[type[alkit.Strategy]]:
    """Offer the strategy."""
    return [KMeans]
