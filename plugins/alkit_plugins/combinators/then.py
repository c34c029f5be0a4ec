"""One strategy keeps some candidates and another chooses from these: `entropy(2000) > coreset`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import alkit

if TYPE_CHECKING:
    from alkit import Cycle, Indices


@dataclass(kw_only=True)
class Then(alkit.Combinator):
    """Let one strategy keep some candidates, and another choose from these."""

    name = "then"

    first: str = alkit.nested("entropy", "the strategy that keeps some candidates")
    second: str = alkit.nested("coreset", "the strategy that chooses from these")
    keep: int = alkit.option(10_000, "candidates that are kept (at least the budget)", minimum=1)

    def select(self, cycle: Cycle, n: int) -> Indices:
        """Choose n of what the first strategy keeps."""
        keep = min(max(self.keep, n), len(cycle.candidates))
        kept = self.delegate("first", cycle, cycle.candidates, keep, scored=False)
        return self.delegate("second", cycle, kept, n)


@alkit.hookimpl
def alkit_strategies() -> list[type[alkit.Strategy]]:
    """Offer the strategy."""
    return [Then]
