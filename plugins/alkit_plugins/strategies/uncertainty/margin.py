"""Margin sampling: Scheffer, Decomain and Wrobel, Active Hidden Markov Models, IDA 2001."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

import alkit
from alkit_plugins.components.dense import DenseScoreStrategy

if TYPE_CHECKING:
    from alkit import Cycle, Output


class Margin(DenseScoreStrategy):
    """Choose the images whose two most probable classes have the closest probabilities."""

    name = "margin"
    kind = "uncertainty"
    needs = frozenset({"probabilities"})
    paper = "Scheffer, Decomain and Wrobel, Active Hidden Markov Models for Information Extraction, IDA 2001"

    def score(self, cycle: Cycle, output: Output) -> torch.Tensor:
        """Return minus the difference of the two highest probabilities, [B] or [B, positions...]."""
        assert output.probabilities is not None
        top = output.probabilities.float().topk(2, dim=1).values
        return top[:, 1] - top[:, 0]


@alkit.hookimpl
def alkit_strategies() -> list[type[alkit.Strategy]]:
    """Offer the strategy."""
    return [Margin]
