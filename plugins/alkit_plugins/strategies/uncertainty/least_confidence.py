"""Least-confidence sampling.

Lewis and Gale, A Sequential Algorithm for Training Text Classifiers, SIGIR 1994; Culotta and McCallum,
Reducing Labeling Effort for Structured Prediction Tasks, AAAI 2005.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

import alkit
from alkit_plugins.components.dense import DenseScoreStrategy

if TYPE_CHECKING:
    from alkit import Cycle, Output


class LeastConfidence(DenseScoreStrategy):
    """Choose the images whose most probable class has the lowest probability."""

    name = "least-confidence"
    kind = "uncertainty"
    needs = frozenset({"probabilities"})
    paper = "Culotta and McCallum, Reducing Labeling Effort for Structured Prediction Tasks, AAAI 2005"

    def score(self, cycle: Cycle, output: Output) -> torch.Tensor:
        """Return one minus the highest probability, [B] or [B, positions...].

        For boxes it is one minus the highest score of all objects in the image, [B].
        """
        assert output.probabilities is not None
        if output.objects is not None:
            return 1.0 - output.objects.scores.amax(dim=1)
        return 1.0 - output.probabilities.float().amax(dim=1)


@alkit.hookimpl
def alkit_strategies() -> list[type[alkit.Strategy]]:
    """Offer the strategy."""
    return [LeastConfidence]
