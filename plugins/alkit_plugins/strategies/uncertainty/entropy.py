"""Entropy sampling.

Shannon, A Mathematical Theory of Communication, 1948; Settles, Active Learning Literature Survey, 2009.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

import alkit
from alkit_plugins.components.dense import DenseScoreStrategy

if TYPE_CHECKING:
    from alkit import Cycle, Output


class Entropy(DenseScoreStrategy):
    """Choose the images whose predicted class probabilities have the highest entropy."""

    name = "entropy"
    kind = "uncertainty"
    needs = frozenset({"probabilities"})
    paper = "Settles, Active Learning Literature Survey, 2009"

    def score(self, cycle: Cycle, output: Output) -> torch.Tensor:
        """Return the entropy in nats, [B] or [B, positions...]; a probability of 0 adds nothing."""
        assert output.probabilities is not None
        return torch.special.entr(output.probabilities.float()).sum(dim=1)


@alkit.hookimpl
def alkit_strategies() -> list[type[alkit.Strategy]]:
    """Offer the strategy."""
    return [Entropy]
