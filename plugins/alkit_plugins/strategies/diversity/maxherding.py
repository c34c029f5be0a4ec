"""MaxHerding: greedy coverage of the pool by a Gaussian kernel around labeled and chosen images.

Bae, Noh and Sutherland, Generalized Coverage for More Robust Low-Budget Active Learning, ECCV 2024. Greedy
coverage by a Gaussian kernel in place of ProbCover's balls, so that images a little farther away count a
little less. Embeddings have length one and the radius is one, as in the published code; the paper leaves the
radius of the Gaussian to it. All candidates are covered, where the code draws 35,000 of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from torch.nn.functional import normalize

import alkit
from alkit_plugins.components import candidates
from alkit_plugins.components.kernel_coverage import KernelCoverage, greedy, rest

if TYPE_CHECKING:
    from alkit import Cycle, Indices


@dataclass(kw_only=True)
class MaxHerding(alkit.Strategy):
    """Choose, one at a time, the image that brings all others closest to a labeled or chosen one."""

    name = "maxherding"
    kind = "diversity"
    needs = frozenset({"embedding"})
    needs_labels = False
    paper = (
        "Bae, Noh and Sutherland, Generalized Coverage for More Robust Low-Budget Active Learning, ECCV 2024"
    )

    radius: float = alkit.option(
        1.0,
        "distance between embeddings of length one at which the kernel falls to 1/e",
        minimum=1e-3,
    )
    subset: int | None = alkit.option(None, candidates.SUBSET_HELP, minimum=1)

    def select(self, cycle: Cycle, n: int) -> Indices:
        """Choose n candidates; a score is the mean by which the candidate raises the kernel values."""
        indices = cycle.candidates[candidates.draw(cycle, self.subset, n)]
        unit = normalize(cycle.embeddings(indices), dim=1)
        known = normalize(cycle.embeddings(cycle.labeled), dim=1)
        with cycle.measure("select"):
            coverage = KernelCoverage(unit, self.radius)
            coverage.cover(known)
            chosen, gains = greedy(coverage, n)
        cycle.record_scores(indices[chosen], gains)
        cycle.diagnostics["coverage"] = coverage.covered
        return indices[np.concatenate([chosen, rest(chosen, len(indices), n - len(chosen))])]


@alkit.hookimpl
def alkit_strategies() -> list[type[alkit.Strategy]]:
    """Offer the strategy."""
    return [MaxHerding]
