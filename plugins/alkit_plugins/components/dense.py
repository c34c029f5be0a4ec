"""Scores of positions, such as pixels, and what they say about an image."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import alkit
from alkit import option
from alkit.training import Reduction

if TYPE_CHECKING:
    from torch import Tensor

    from alkit import Output

REDUCE_HELP = (
    "how scores of pixels or boxes become that of an image: their mean, their sum, the mean of the highest "
    "tenth, or the highest"
)
BALANCED_HELP = (
    "reduce the scores of each predicted class by itself, then average over the classes of the image: a "
    "small object counts as much as a large background"
)


@dataclass(kw_only=True)
class DenseScoreStrategy(alkit.ScoreStrategy):
    """Base of strategies that score images, or each of their positions; padding does not count."""

    reduce: Reduction = option("mean", REDUCE_HELP)
    class_balanced: bool = option(False, BALANCED_HELP)

    def per_image(self, output: Output, scores: Tensor) -> Tensor:
        """Turn scores of positions [B, positions...] into one for each image, [B]."""
        return reduced(output, scores, self.reduce, class_balanced=self.class_balanced)


def reduced(output: Output, scores: Tensor, reduce: Reduction, *, class_balanced: bool) -> Tensor:
    """Turn scores of positions [B, positions...] into one for each image, [B].

    Args:
        output: of the task model; its weights say which positions count, its probabilities [B, classes,
            positions...], or [passes, B, classes, positions...], which class each of them has.
        scores: [B, positions...]; [B] is returned as it is.
        reduce: see `Output.per_image`.
        class_balanced: reduce the positions of each predicted class, then average over the classes.
    """
    if scores.dim() == 1 or not class_balanced:
        return output.per_image(scores, reduce)
    probabilities = output.probabilities
    assert probabilities is not None
    if probabilities.dim() == scores.dim() + 2:
        probabilities = probabilities.mean(dim=0)
    predicted = probabilities.argmax(dim=1)
    counting = scores.new_ones(scores.shape) if output.weights is None else output.weights.to(scores)
    total, classes = scores.new_zeros(len(scores)), scores.new_zeros(len(scores))
    for number in range(probabilities.shape[1]):
        weights = counting * (predicted == number)
        there = (weights > 0).flatten(1).any(dim=1)
        found = dataclasses.replace(output, weights=weights).per_image(scores, reduce)
        total += found.where(there, 0)
        classes += there
    return total / classes.clamp_min(1)
