"""BALD: the mutual information between an image's label and the network's weights.

Houlsby, Huszár, Ghahramani and Lengyel, Bayesian Active Learning for Classification and Preference
Learning, 2011; with Monte Carlo dropout: Gal, Islam and Ghahramani, Deep Bayesian Active Learning with Image
Data, ICML 2017.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

import alkit
from alkit_plugins.components.mc_dropout import DropoutScoreStrategy, entropy


@dataclass(kw_only=True)
class Bald(DropoutScoreStrategy):
    """Choose the images on which dropout passes disagree although each pass is certain."""

    name = "bald"
    kind = "dropout uncertainty"
    paper = "Gal, Islam and Ghahramani, Deep Bayesian Active Learning with Image Data, ICML 2017"

    def score(self, probabilities: Tensor) -> Tensor:
        """Return the mutual information in nats of [passes, B, classes, positions...]."""
        return mutual_information(probabilities)


def mutual_information(probabilities: Tensor) -> Tensor:
    """Return the entropy of the mean minus the mean entropy, [B, ...], of [passes, B, classes, ...]."""
    return entropy(probabilities.mean(dim=0), dim=1) - entropy(probabilities, dim=2).mean(dim=0)


@alkit.hookimpl
def alkit_strategies() -> list[type[alkit.Strategy]]:
    """Offer the strategy."""
    return [Bald]
