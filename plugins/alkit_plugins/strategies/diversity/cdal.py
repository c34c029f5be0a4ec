"""CDAL: Agarwal, Arora, Anand and Arora, Contextual Diversity for Active Learning, ECCV 2020.

This is CDAL-CS: the greedy k-center of CoreSet over a distance that compares, class by class, with which
other classes the model confuses the pixels that it takes for that class. The paper's other variant trains a
policy by reinforcement learning. The paper adds the divergences of the classes that two images share; its
published code averages them, which is the option `average`. That code also draws the first pick of a query at
random; here it is, like all others, the candidate farthest from the labeled images.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from torch import Tensor

import alkit

if TYPE_CHECKING:
    from alkit import Cycle, Indices, Output

SURE = 1e-12
"""Weight of a pixel of zero entropy, so that a class of such pixels has a mean, too."""


@dataclass(kw_only=True)
class CDAL(alkit.Strategy):
    """Choose, one at a time, the image whose classes are confused most unlike those of all labeled images."""

    name = "cdal"
    kind = "diversity"
    needs = frozenset({"probabilities"})
    refuses: ClassVar[Mapping[str, str]] = {"boxes": "it compares pixels by their predicted class"}
    paper = "Agarwal, Arora, Anand and Arora, Contextual Diversity for Active Learning, ECCV 2020"

    average: bool = alkit.option(
        False, "average over the classes that two images share, as the published code, instead of adding"
    )

    def select(self, cycle: Cycle, n: int) -> Indices:
        """Choose n candidates; a score is the distance to the nearest center at the time of the choice."""
        pool = cycle.labeled_and_candidates
        with cycle.measure("score"):
            found = cycle.collect(pool, contexts)
        with cycle.measure("select"):
            distance = Divergence(found, average=self.average)
            nearest = torch.full((len(pool),), torch.inf, device=found.device)
            for center in np.searchsorted(pool, cycle.labeled).tolist():
                nearest = nearest.minimum(distance(center))
            left = torch.from_numpy(np.isin(pool, cycle.candidates)).to(found.device)
            chosen, distances = np.empty(n, dtype=np.int64), np.empty(n)
            for turn in range(n):
                row = int(nearest.where(left, -1.0).argmax())
                chosen[turn], distances[turn] = row, float(nearest[row])
                left[row] = False
                nearest = nearest.minimum(distance(row))
        cycle.record_scores(pool[chosen], distances)
        return pool[chosen]


class Divergence:
    """The pairwise contextual diversity of images.

    Args:
        found: [N, K, C], from `contexts`.
        average: over the rows that both images have, in place of their sum.
    """

    def __init__(self, found: Tensor, *, average: bool = False) -> None:
        self.found, self.average = found, average
        self.logs = found.clamp_min(torch.finfo(found.dtype).tiny).log()
        self.there = found.sum(dim=2) > 0

    def __call__(self, center: int) -> Tensor:
        """Return half of both Kullback-Leibler divergences of all images and one, over shared rows, [N]."""
        each = ((self.found - self.found[center]) * (self.logs - self.logs[center])).sum(dim=2) / 2
        shared = self.there & self.there[center]
        total = (each * shared).sum(dim=1)
        return total / shared.sum(dim=1).clamp_min(1) if self.average else total


def contexts(output: Output) -> Tensor:
    """Return the class-specific confusion of each image, [B, K, C]; zeros for a class that it does not have.

    Row k is the mean of the probabilities of all pixels of predicted class k, weighted by their entropy;
    padding does not count. Without pixels there is a row for each position: a single one for an image of one
    class, and one for each class that may apply to an image of several.
    """
    assert output.probabilities is not None
    probabilities = output.probabilities.float().unsqueeze(-1).flatten(2)
    if output.probabilities.dim() <= 3:
        return probabilities.mT
    weights = torch.special.entr(probabilities).sum(dim=1).clamp_min(SURE)
    if output.weights is not None:
        weights = weights * (output.weights.flatten(1) > 0)
    numbers = torch.arange(probabilities.shape[1], device=probabilities.device)
    members = weights.unsqueeze(1) * (probabilities.argmax(dim=1, keepdim=True) == numbers.view(1, -1, 1))
    total = members.sum(dim=2, keepdim=True)
    return members @ probabilities.mT / total.where(total > 0, 1.0)


@alkit.hookimpl
def alkit_strategies() -> list[type[alkit.Strategy]]:
    """Offer the strategy."""
    return [CDAL]
