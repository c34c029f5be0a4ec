"""Two steps: one strategy keeps some candidates, another chooses from them: `entropy(2000) > coreset`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import alkit

if TYPE_CHECKING:
    from alkit import Cycle, Indices


@dataclass(kw_only=True)
class Then(alkit.Combinator):
    """Let one strategy keep some candidates and another choose from them, as in `entropy(2000) > coreset`."""

    name = "then"
    kind = "combinations"

    first: str = alkit.nested("entropy", "strategy that keeps some candidates")
    second: str = alkit.nested("coreset", "strategy that chooses from them")
    keep: int = alkit.option(10_000, "number of candidates to keep (at least the budget)", minimum=1)

    def select(self, cycle: Cycle, n: int) -> Indices:
        """Choose n of the candidates that the first strategy keeps."""
        keep = min(max(self.keep, n), len(cycle.candidates))
        kept = self.delegate("first", cycle, cycle.candidates, keep, scored=False)
        return self.delegate("second", cycle, kept, n)


@alkit.hookimpl
def alkit_strategies() -> list[type[alkit.Strategy]]:
    """Offer the strategy."""
    return [Then]
