"""Random sampling: the baseline that every strategy has to beat."""

from __future__ import annotations

from typing import TYPE_CHECKING

import alkit

if TYPE_CHECKING:
    from alkit import Cycle, Indices


class Random(alkit.Strategy):
    """Choose images uniformly at random, without replacement."""

    name = "random"
    kind = "random sampling"
    needs_labels = False
    uniform = True

    def select(self, cycle: Cycle, n: int) -> Indices:
        """Choose n candidates."""
        picks: Indices = cycle.rng.choice(cycle.candidates, size=n, replace=False)
        cycle.record_draw(picks)
        return picks


@alkit.hookimpl
def alkit_strategies() -> list[type[alkit.Strategy]]:
    """Offer the strategy."""
    return [Random]
