"""A budget shared by several strategies: `mix(0.8 coreset, 0.2 random)`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

import alkit

if TYPE_CHECKING:
    from alkit import Cycle, Indices


@dataclass(kw_only=True)
class Mix(alkit.Combinator):
    """Divide the budget among strategies by shares, as in `mix(0.8 coreset, 0.2 random)`.

    Each strategy in turn chooses from the candidates that those before it left.
    """

    name = "mix"
    kind = "combinations"

    strategies: tuple[str, ...] = alkit.nested(
        ("entropy", "random"), "strategies, each with its share of the budget before it; the default is 1"
    )

    def __post_init__(self) -> None:
        """Reject strategies that choose from different images."""
        super().__post_init__()
        if len({strategy.asks_again for strategy in self.parts.values()}) > 1:
            raise ValueError("strategies that relabel answered images cannot be mixed with others")

    def select(self, cycle: Cycle, n: int) -> Indices:
        """Choose n candidates; the strategies alternate in the result, in proportion to their shares."""
        left, chosen, turns = cycle.candidates, [], []
        for place, count in zip(self.parts, divided(n, list(self.shares.values())), strict=True):
            before = np.setdiff1d(cycle.candidates, left, assume_unique=True)
            picks = self.delegate(place, cycle, left, count, before=before)
            left = np.setdiff1d(left, picks, assume_unique=True)
            chosen.append(picks)
            turns.append((np.arange(count) + 0.5) / max(count, 1))
        return np.concatenate(chosen)[np.argsort(np.concatenate(turns), kind="stable")]


def divided(n: int, shares: Sequence[float]) -> list[int]:
    """Divide n in proportion to shares; what rounding leaves goes to the largest remainders."""
    exact = n * np.asarray(shares) / sum(shares)
    counts = np.floor(exact).astype(np.int64)
    counts[np.argsort(counts - exact, kind="stable")[: n - counts.sum()]] += 1
    return counts.tolist()


@alkit.hookimpl
def alkit_strategies() -> list[type[alkit.Strategy]]:
    """Offer the strategy."""
    return [Mix]
