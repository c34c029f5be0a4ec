"""BADGE: k-means++ seeding on the gradients that each image's most probable label gives the last layer.

Ash, Zhang, Krishnamurthy, Langford and Agarwal, Deep Batch Active Learning by Diverse, Uncertain Gradient
Lower Bounds, ICLR 2020. The gradient embedding of image i is the outer product a_i ⊗ h_i: a_i is the image's
probabilities minus the one-hot vector of the most probable class, and h_i is its embedding. Only these two
factors are kept, and embeddings that lie in a file stay there.

The paper seeds as k-means++ does, with a uniform first point; its published code
(github.com/JordanAsh/badge) starts at the largest gradient, and so does alkit unless `first=uniform`. If all
remaining gradients coincide with chosen ones, the published code stops in a debugger; here the rest is drawn
uniformly. For dense outputs a_i is averaged over positions, since there is one embedding per image.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import Tensor

import alkit
from alkit.distances import k_means_plus_plus
from alkit_plugins.components import candidates

if TYPE_CHECKING:
    from alkit import Cycle, Indices, Output
    from alkit.distances import RowView


@dataclass(kw_only=True)
class Badge(alkit.Strategy):
    """Draw images at random, preferring those whose gradients are far from the gradients drawn before."""

    name = "badge"
    kind = "uncertainty and diversity"
    needs = frozenset({"probabilities", "embedding"})
    paper = "Ash et al., Deep Batch Active Learning by Diverse, Uncertain Gradient Lower Bounds, ICLR 2020"

    first: Literal["largest", "uniform"] = alkit.option(
        "largest", "how to choose the first image: the largest gradient, or uniformly at random"
    )
    subset: int | None = alkit.option(None, candidates.SUBSET_HELP, minimum=1)

    def select(self, cycle: Cycle, n: int) -> Indices:
        """Choose n candidates; a score is the distance of the gradient to the nearest one drawn before."""
        indices = cycle.candidates[candidates.draw(cycle, self.subset, n)]
        embeddings: Tensor | RowView | None = cycle.stored_embeddings(indices)
        with cycle.measure("score"):
            if embeddings is None:
                rows, classes = cycle.collect(indices, _factors), cycle.model.spec.num_classes
                errors, embeddings = rows[:, :classes], rows[:, classes:]
            else:
                errors = cycle.collect(indices, _errors)
        with cycle.measure("select"):
            drawn = k_means_plus_plus(embeddings, n, factors=errors, first=self.first, rng=cycle.rng)
        picks = indices[drawn.indices]
        known = np.isfinite(drawn.distances)  # the first pick has no distance
        cycle.record_scores(picks[known], drawn.distances[known])
        if uniform := int((drawn.distances == 0.0).sum()):
            cycle.diagnostics["drawn_uniformly"] = uniform
        return picks


def _factors(output: Output) -> Tensor:
    """Return the two factors of the gradient embeddings side by side, [B, classes + D]."""
    assert output.embedding is not None
    return torch.cat([_errors(output), output.embedding], dim=1)


def _errors(output: Output) -> Tensor:
    """Return the first factor, [B, classes]."""
    assert output.probabilities is not None
    errors = prediction_errors(output.probabilities)
    if errors.dim() > 2:  # each class's error is averaged over positions, padding left out
        errors = torch.stack([output.per_image(one) for one in errors.unbind(dim=1)], dim=1)
    return errors


def prediction_errors(probabilities: Tensor) -> Tensor:
    """Return probabilities [B, classes, positions...] minus the one-hot vectors of the most probable classes.

    The value of the most probable class is minus the sum of the others, not p - 1, since float32 has no
    digits left close to 1.
    """
    top = probabilities.argmax(dim=1, keepdim=True)
    others = probabilities.scatter(1, top, 0.0)
    return others.scatter(1, top, -others.sum(dim=1, keepdim=True))


@alkit.hookimpl
def alkit_strategies() -> list[type[alkit.Strategy]]:
    """Offer the strategy."""
    return [Badge]
