"""CoreSet: Sener and Savarese, Active Learning for Convolutional Neural Networks: A Core-Set Approach, 2018.

Exact greedy k-center over the task model's embeddings. The paper's robust k-center refines it with an integer
program; `robust` is a cheap alternative that leaves out the most isolated candidates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

import alkit
from alkit.distances import k_center
from alkit_plugins.components.feature_rows import rows_of

if TYPE_CHECKING:
    from alkit import Cycle, Indices


@dataclass(kw_only=True)
class CoreSet(alkit.Strategy):
    """Choose, one at a time, the image whose embedding is farthest from all labeled and chosen images."""

    name = "coreset"
    kind = "diversity"
    needs = frozenset({"embedding"})
    paper = "Sener and Savarese, A Core-Set Approach, ICLR 2018"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "published": {"metric": "euclidean", "robust": 0.0, "pca": 0}
    }

    metric: Literal["euclidean", "cosine"] = alkit.option("euclidean", "distance between embeddings")
    robust: float = alkit.option(
        0.0, "share of the most isolated candidates to leave out as outliers", minimum=0.0, maximum=0.99
    )
    pca: int = alkit.option(
        0, "principal components to compute distances from, which is approximate; 0 uses all", minimum=0
    )

    def select(self, cycle: Cycle, n: int) -> Indices:
        """Choose n candidates; a score is the distance to the nearest center at the time of the choice."""
        pool = cycle.labeled_and_candidates
        features = cycle.embeddings(pool) if self.pca else rows_of(cycle, pool)
        with cycle.measure("select"):
            if self.pca:
                features = principal(features[:], self.pca, centered=self.metric == "euclidean")
            spare = len(cycle.candidates) - n
            chosen = k_center(
                features,
                np.searchsorted(pool, cycle.labeled),
                n,
                candidates=np.searchsorted(pool, cycle.candidates),
                metric=self.metric,
                robust=min(self.robust, spare / len(cycle.candidates)) if self.robust else 0.0,
                seed=int(cycle.rng.integers(2**31)),
            )
        picks = pool[chosen.indices]
        known = np.isfinite(chosen.distances)  # the first pick of a pool without labels has no distance
        cycle.record_scores(picks[known], chosen.distances[known])
        cycle.diagnostics["radius"] = chosen.radius
        return picks


def principal(features: Tensor, count: int, *, centered: bool) -> Tensor:
    """Project features [N, D] onto their `count` principal directions: [N, min(count, D)].

    Args:
        features: [N, D].
        count: number of directions.
        centered: use the directions of largest variance; otherwise normalize the rows to length one and use
            the directions of their largest second moment, which cosines depend on.
    """
    if centered:
        rows = features - features.mean(dim=0)
    else:
        rows = torch.nn.functional.normalize(features, dim=1)
    _, directions = torch.linalg.eigh((rows.T @ rows).double())
    projected: Tensor = rows @ directions[:, -count:].to(features.dtype)
    return projected


@alkit.hookimpl
def alkit_strategies() -> list[type[alkit.Strategy]]:
    """Offer the strategy."""
    return [CoreSet]
