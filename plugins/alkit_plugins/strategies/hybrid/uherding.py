"""UHerding: greedy coverage, by a Gaussian kernel, of the images that the model is uncertain about.

Bae, Oliveira and Sutherland, Uncertainty Herding: One Active Learning Method for All Label Budgets, ICLR
2025. MaxHerding's coverage, where each image counts by the model's uncertainty about it. Two adaptations move
it from representative images to uncertain ones as labels come in: the radius is the smallest distance between
labeled images, and a temperature of low calibration error tempers the probabilities. For the temperature, the
paper trains the network again on a part of the labels; here a linear classifier on the embeddings is trained
instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

import alkit
from alkit.distances import neighbor_distances
from alkit_plugins.components import candidates
from alkit_plugins.components.calibration import temperature, tempered
from alkit_plugins.components.kernel_coverage import KernelCoverage, greedy, rest

if TYPE_CHECKING:
    from alkit import Cycle, Indices, Output


SMALLEST = 1e-3  # radius between embeddings of length one: below it, rounding decides


@dataclass(kw_only=True)
class UHerding(alkit.Strategy):
    """Choose, one at a time, the image that best covers the images of which the model is uncertain."""

    name = "uherding"
    kind = "uncertainty and diversity"
    needs = frozenset({"probabilities", "embedding"})
    paper = "Bae, Oliveira and Sutherland, Uncertainty Herding, ICLR 2025"

    uncertainty: Literal["margin", "entropy", "least-confidence"] = alkit.option(
        "margin", "how to measure the model's uncertainty"
    )
    radius: float | None = alkit.option(
        None,
        "distance between embeddings of length one at which the kernel falls to 1/e; auto: the smallest "
        "distance between labeled images",
        minimum=SMALLEST,
    )
    temperature: float | None = alkit.option(
        None, "divides the logits; auto: by calibration on the labeled images", minimum=0.01
    )
    subset: int | None = alkit.option(None, candidates.SUBSET_HELP, minimum=1)

    def select(self, cycle: Cycle, n: int) -> Indices:
        """Choose n candidates; a score is the share of all uncertainty that the candidate newly covers."""
        indices = cycle.candidates[candidates.draw(cycle, self.subset, n)]
        known = cycle.embeddings(cycle.labeled)
        with cycle.measure("select"):
            value = (
                temperature(known, cycle.targets, cycle.rng) if self.temperature is None else self.temperature
            )
            known = normalize(known, dim=1)
            radius = max(smallest_distance(known), SMALLEST) if self.radius is None else self.radius

        def weighed(output: Output) -> Tensor:
            assert output.probabilities is not None and output.embedding is not None
            weights = uncertain(tempered(output.probabilities.double(), value), self.uncertainty)
            if weights.dim() > 1:
                weights = weights.flatten(1).mean(dim=1)
            unit = normalize(output.embedding.flatten(1), dim=1)
            return torch.cat([weights.unsqueeze(1), unit.double()], dim=1)

        with cycle.measure("score"):
            rows = cycle.collect(indices, weighed)
        with cycle.measure("select"):
            coverage = KernelCoverage(rows[:, 1:], radius, rows[:, 0])
            coverage.cover(known)
            chosen, gains = greedy(coverage, n)
            others = self._others(rows[:, 1:], known, radius, chosen, n - len(chosen))
        cycle.record_scores(indices[chosen], gains)
        cycle.diagnostics.update(radius=radius, temperature=value, coverage=coverage.covered)
        return indices[np.concatenate([chosen, others])]

    @staticmethod
    def _others(unit: Tensor, known: Tensor, radius: float, chosen: Indices, n: int) -> Indices:
        """Choose n more rows by plain coverage, because the model is certain of what is left."""
        if n == 0:
            return chosen[:0]
        coverage = KernelCoverage(unit, radius)
        coverage.cover(torch.cat([known.double(), unit[torch.from_numpy(chosen).to(unit.device)]]))
        left = np.setdiff1d(np.arange(len(unit)), chosen)
        more, _ = greedy(coverage, n, left)
        return np.concatenate([more, rest(np.concatenate([chosen, more]), len(unit), n - len(more))])


def uncertain(probabilities: Tensor, how: str) -> Tensor:
    """Return the uncertainty [B, ...] of probabilities [B, classes, ...], zero or more."""
    if how == "entropy":
        return torch.special.entr(probabilities).sum(dim=1)
    top = probabilities.topk(2, dim=1).values
    return (1.0 - top[:, 0] + (top[:, 1] if how == "margin" else 0.0)).clamp(min=0.0)


def smallest_distance(rows: Tensor) -> float:
    """Return the smallest distance above zero between two of the rows [n, D]; 1 if there is none."""
    apart = neighbor_distances(torch.unique(rows, dim=0), 1)
    return float(apart.min()) if apart.size else 1.0


@alkit.hookimpl
def alkit_strategies() -> list[type[alkit.Strategy]]:
    """Offer the strategy."""
    return [UHerding]
