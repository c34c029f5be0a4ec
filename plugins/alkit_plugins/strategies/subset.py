"""A part of the candidates, for strategies that are slow on a large pool: `subset(10000) > ta-vaal`.

The published code of Learning Loss and TA-VAAL chooses from 10,000 random candidates in each cycle.
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
    """Choose a part of the candidates, at random or to cover them, for another strategy to choose from."""

    name = "subset"
    kind = "combinations"
    needs_labels = False
    uniform = True

    by: Literal["random", "cover"] = alkit.option(
        "random", "how to choose: uniformly at random, or by k-center over the candidates' embeddings"
    )

    def __post_init__(self) -> None:
        """Need embeddings only if they are used."""
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
