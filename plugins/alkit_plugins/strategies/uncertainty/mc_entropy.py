"""Entropy with Monte Carlo dropout: Gal, Islam and Ghahramani, Deep Bayesian Active Learning, ICML 2017."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

import alkit
from alkit_plugins.components.mc_dropout import DropoutScoreStrategy, entropy


@dataclass(kw_only=True)
class McEntropy(DropoutScoreStrategy):
    """Choose the images whose probabilities, averaged over dropout passes, have the highest entropy."""

    name = "mc-entropy"
    kind = "dropout uncertainty"
    paper = "Gal, Islam and Ghahramani, Deep Bayesian Active Learning with Image Data, ICML 2017"

    def score(self, probabilities: Tensor) -> Tensor:
        """Return the entropy in nats of the mean of [passes, B, classes, positions...]."""
        return entropy(probabilities.mean(dim=0), dim=1)


@alkit.hookimpl
def alkit_strategies() -> list[type[alkit.Strategy]]:
    """Offer the strategy."""
    return [McEntropy]
