"""An even spread of the budget over predicted classes: `balanced(entropy)`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

import alkit
from alkit_plugins.components.several_answers import applying, has_sets

if TYPE_CHECKING:
    import torch

    from alkit import Cycle, Indices, Output


@dataclass(kw_only=True)
class Balanced(alkit.Combinator):
    """Spread the budget evenly over the predicted classes, as in `balanced(entropy)`.

    The nested strategy chooses the images of each class.
    """

    name = "balanced"
    kind = "combinations"
    needs = frozenset({"probabilities"})
    needs_labels = True

    strategy: str = alkit.nested("entropy", "strategy that chooses within each predicted class")

    def select(self, cycle: Cycle, n: int) -> Indices:
        """Choose n candidates; the classes alternate in the result."""
        with cycle.measure("score"):
            of_image = applying_most if has_sets(cycle) else predicted
            classes = cycle.collect(cycle.candidates, of_image).cpu().numpy()
        present, sizes = np.unique(classes, return_counts=True)
        chosen, turns = [], []
        for number, count in zip(present.tolist(), even(n, sizes.tolist()), strict=True):
            chosen.append(
                self.delegate("strategy", cycle, cycle.candidates[classes == number], count, number)
            )
            turns.append(np.arange(count))
        return np.concatenate(chosen)[np.argsort(np.concatenate(turns), kind="stable")]


def predicted(output: Output) -> torch.Tensor:
    """Return the most probable class of each image, [B]; probabilities are averaged over positions.

    An image with objects has the class whose objects have the highest scores in all.
    """
    assert output.probabilities is not None
    if output.objects is not None:
        found = output.objects
        scores = found.scores * found.weights
        total = scores.new_zeros(len(scores), output.probabilities.shape[1] - 1)
        return total.scatter_add(1, found.classes, scores).argmax(dim=1)
    images, classes = output.probabilities.shape[:2]
    return output.probabilities.reshape(images, classes, -1).mean(dim=2).argmax(dim=1)


def applying_most(output: Output) -> torch.Tensor:
    """Return the class that most probably applies to each image, [B], where any number may."""
    return applying(output).argmax(dim=1)


def even(n: int, sizes: Sequence[int]) -> list[int]:
    """Divide n among groups as evenly as their sizes allow; the remainder goes to smaller groups."""
    counts = [0] * len(sizes)
    for done, group in enumerate(sorted(range(len(sizes)), key=lambda group: sizes[group])):
        fair = -(-(n - sum(counts)) // (len(sizes) - done))
        counts[group] = min(sizes[group], fair)
    return counts


@alkit.hookimpl
def alkit_strategies() -> list[type[alkit.Strategy]]:
    """Offer the strategy."""
    return [Balanced]
