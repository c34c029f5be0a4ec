"""Variance with Monte Carlo dropout, for regression.

Gal and Ghahramani, Dropout as a Bayesian Approximation, ICML 2016. The variance of the predicted numbers over
the passes is divided by that of the labels, so that several numbers count the same whatever their units.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

import alkit
from alkit import option
from alkit_plugins.components import candidates
from alkit_plugins.components.mc_dropout import Dropping

if TYPE_CHECKING:
    from torch import Tensor

    from alkit import Cycle, Indices, Output


@dataclass(kw_only=True)
class McVariance(alkit.Strategy):
    """Choose the images whose predicted numbers vary most over dropout passes."""

    name = "mc-variance"
    kind = "dropout uncertainty"
    needs = frozenset({"numbers", "model"})
    paper = "Gal and Ghahramani, Dropout as a Bayesian Approximation, ICML 2016"

    passes: int = option(10, "passes with dropout over the candidates", minimum=2)
    dropout: float = option(
        0.5,
        "share of the inputs of the last layer to drop if the network has no dropout layers",
        minimum=0.01,
        maximum=0.99,
    )
    noise: bool = option(False, "add the variance that a heteroscedastic task predicts for the labels")
    subset: int | None = option(None, candidates.SUBSET_HELP, minimum=1)

    def select(self, cycle: Cycle, n: int) -> Indices:
        """Score the candidates and take the n highest; in a tie, the lower index comes first."""
        positions = candidates.draw(cycle, self.subset, n)
        scale = _variance_of_labels(cycle.targets, cycle.device)
        dropping = Dropping(cycle, self.passes, self.dropout)
        cycle.diagnostics["dropout"] = dropping.description
        found: list[Tensor] = []
        with cycle.measure("score"):
            for passes in dropping.passes(cycle.candidates[positions]):
                variance = torch.stack([_numbers(output) for output in passes]).var(dim=0, unbiased=False)
                if self.noise and passes[0].variances is not None:
                    noise = [output.variances.double() for output in passes if output.variances is not None]
                    variance = variance + torch.stack(noise).mean(dim=0)
                found.append((variance / scale).mean(dim=1))
        return candidates.best(cycle, positions, torch.cat(found), n)


def _numbers(output: Output) -> Tensor:
    assert output.numbers is not None
    return output.numbers.double()


def _variance_of_labels(targets: object, device: torch.device) -> Tensor:
    """Return the variance of each number of the labels, [K]; 1 where all labels are the same."""
    assert isinstance(targets, torch.Tensor)
    variance = targets.double().flatten(1).var(dim=0, unbiased=False).to(device)
    return torch.where(variance > 0, variance, torch.ones_like(variance))


@alkit.hookimpl
def alkit_strategies() -> list[type[alkit.Strategy]]:
    """Offer the strategy."""
    return [McVariance]
