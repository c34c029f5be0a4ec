"""A part of the candidates, for strategies that look at some of a large pool only: `subset(10000) > ta-vaal`.

Learning Loss and TA-VAAL's published code choose from 10,000 random candidates each cycle.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import alkit
from alkit.distances import k_center

if TYPE_CHECKING:
    from alkit import Cycle, Indices


@dataclass(kw_only=True)
class Subset(alkit.Strategy):
    """Choose at random, or so that the choice covers the candidates, whatever is labeled."""

    name = "subset"
    needs_labels = False
    uniform = True

    by: Literal["random", "cover"] = alkit.option(
        "random", "uniformly, or by k-center over the embeddings of the candidates alone"
    )

    def __post_init__(self) -> None:
        """Need embeddings only where they are looked at."""
        if self.by == "cover":
            vars(self).update(needs=frozenset({"embedding"}), uniform=False)

    def select(self, cycle: Cycle, n: int) -> Indices:
        """Choose n candidates."""
        if self.by == "random":
            return cycle.rng.choice(cycle.candidates, size=n, replace=False)
        return cycle.candidates[k_center(cycle.embeddings(cycle.candidates), [], n).indices]


@alkit.hookimpl
def alkit_strategies() -> list[type[alkit.Strategy]]:
    """Offer the strategy."""
    return [Subset]
