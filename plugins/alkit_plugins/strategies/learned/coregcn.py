"""CoreGCN: greedy k-center over the features that a graph network has learned.

Caramalau, Bhattarai and Kim, Sequential Graph Convolutional Network for Active Learning, CVPR 2021; the
network is described in `gcn`. The published code trains the network, then runs k-center on the network's
input embeddings; here k-center runs on its hidden features, as the paper says, unless `space=embedding`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from torch.nn.functional import normalize

import alkit
from alkit.distances import k_center
from alkit_plugins.components import candidates
from alkit_plugins.components.gcn import GCNStrategy

if TYPE_CHECKING:
    from torch import Tensor

    from alkit import Cycle, Indices


@dataclass(kw_only=True)
class CoreGCN(GCNStrategy):
    """Choose images far from all labeled and chosen ones in the hidden features of a graph network."""

    name = "coregcn"
    kind = "graph networks"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "published": {"space": "embedding", "subset": 10_000}
    }

    space: Literal["hidden", "embedding"] = alkit.option(
        "hidden", "space of the distances; embedding uses no network and trains none"
    )

    def select(self, cycle: Cycle, n: int) -> Indices:
        """Choose n candidates; a score is the distance to the nearest center at the time of the choice."""
        asked = cycle.candidates[candidates.draw(cycle, self.subset, n)]
        known = len(cycle.labeled)
        features = self._features(cycle, asked)
        with cycle.measure("select"):
            chosen = k_center(features, np.arange(known), n, candidates=np.arange(known, known + len(asked)))
        picks = asked[chosen.indices - known]
        finite = np.isfinite(chosen.distances)  # the first pick of a pool without labels has no distance
        cycle.record_scores(picks[finite], chosen.distances[finite])
        cycle.diagnostics["radius"] = chosen.radius
        return picks

    def _features(self, cycle: Cycle, asked: Indices) -> Tensor:
        if self.space == "hidden":
            return self.learned(cycle, asked)[1]
        return normalize(cycle.embeddings(np.concatenate([cycle.labeled, asked])), dim=1)


@alkit.hookimpl
def alkit_strategies() -> list[type[alkit.Strategy]]:
    """Offer the strategy."""
    return [CoreGCN]
