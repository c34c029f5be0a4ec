"""UncertainGCN: the images that a graph network is least sure of.

Caramalau, Bhattarai and Kim, Sequential Graph Convolutional Network for Active Learning, CVPR 2021; the
network is described in `gcn`. The network's confidence is its probability that an image is labeled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import alkit
from alkit_plugins.components import candidates
from alkit_plugins.components.gcn import GCNStrategy

if TYPE_CHECKING:
    from alkit import Cycle, Indices


@dataclass(kw_only=True)
class UncertainGCN(GCNStrategy):
    """Choose the images whose confidence, according to a graph network, is closest to a margin."""

    name = "uncertaingcn"
    kind = "graph networks"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"published": {"subset": 10_000}}

    s_margin: float = alkit.option(0.1, "the most wanted confidence", minimum=0.0, maximum=1.0)

    def select(self, cycle: Cycle, n: int) -> Indices:
        """Choose n candidates; a score is minus the distance of the confidence from the margin."""
        positions = candidates.draw(cycle, self.subset, n)
        asked = cycle.candidates[positions]
        logits, _ = self.learned(cycle, asked)
        confidence = logits[len(cycle.labeled) :].double().sigmoid()
        return candidates.best(cycle, positions, -(confidence - self.s_margin).abs(), n)


@alkit.hookimpl
def alkit_strategies() -> list[type[alkit.Strategy]]:
    """Offer the strategy."""
    return [UncertainGCN]
