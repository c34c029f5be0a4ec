"""PPAL: objects of classes that are hard to find count more, then images with different objects are chosen.

Yang, Huang and Crowley, Plug and Play Active Learning for Object Detection, CVPR 2024. The uncertainty of an
image is the sum of the entropies of its objects, each weighted by the difficulty of its class. Of the most
uncertain images, a few times as many as wanted, those are chosen that represent the others: centers by the
farthest-first rule, then k-medoids, over a similarity that compares objects of the same class.

In the paper, difficulties are moving averages over the steps of training. Here they are computed once, by the
trained model on the labeled images, so that any detector can be asked; a class without a labeled object has
the highest difficulty, as in the paper at the start.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

import alkit
from alkit.data import Targets
from alkit_plugins.components.object_matching import class_difficulty, matching_similarity, medoids

if TYPE_CHECKING:
    from alkit import Cycle, Indices, Output

BOX = 4


@dataclass(kw_only=True)
class PPAL(alkit.Strategy):
    """Choose images with uncertain objects of hard classes that differ from each other's objects."""

    name = "ppal"
    kind = "uncertainty and diversity"
    needs = frozenset({"model", "probabilities", "boxes"})
    paper = "Yang, Huang and Crowley, Plug and Play Active Learning for Object Detection, CVPR 2024"

    expand: float = alkit.option(4.0, "uncertain images to choose from, for each image wanted", minimum=1.0)
    certainty: float = alkit.option(
        0.6, "how much of an object's difficulty is that of its class, not its edges", minimum=0, maximum=1
    )
    alpha: float = alkit.option(0.3, "how fast the weight of a class grows with difficulty", minimum=0.01)
    beta: float = alkit.option(0.2, "how much more the hardest class counts than the easiest", minimum=0)

    def select(self, cycle: Cycle, n: int) -> Indices:
        """Choose n candidates; a score is the calibrated uncertainty."""
        with cycle.measure("score"):
            weights = self.class_weights(self.difficulties(cycle))
            uncertain = cycle.collect(cycle.candidates, _entropy_by_class) @ weights
        count = min(len(cycle.candidates), max(n, math.ceil(self.expand * n)))
        order = np.argsort(-uncertain.double().cpu().numpy(), kind="stable")[:count]
        some = cycle.candidates[np.sort(order)]
        with cycle.measure("score"):
            rows = cycle.collect(some, _described)
        with cycle.measure("select"):
            likeness = matching_similarity(rows[..., 0], rows[..., 1].long(), rows[..., 2], rows[..., 3:])
            centers = medoids(1 - likeness, n, int(cycle.rng.integers(len(some)))).cpu().numpy()
        picks = some[centers]
        cycle.record_scores(picks, uncertain.cpu().numpy()[np.searchsorted(cycle.candidates, picks)])
        return picks

    def difficulties(self, cycle: Cycle) -> Tensor:
        """Return the mean difficulty of the labeled objects of each class, [K]; 1 for a class without any."""
        assert isinstance(cycle.targets, Targets)
        rows = cycle.collect(cycle.labeled, _detections)
        targets = {
            key: part.to(rows.device)
            for key, part in cycle.targets.take(np.arange(len(cycle.labeled))).items()
        }
        total, count = class_difficulty(
            rows[..., :BOX], rows[..., BOX:].mT, targets, certainty=self.certainty
        )
        return torch.where(count > 0, total / count.clamp_min(1), torch.ones_like(total))

    def class_weights(self, difficulties: Tensor) -> Tensor:
        """Return how much the entropy of an object of each class counts, [K] from 1 to 1 + beta."""
        steep = math.expm1(1 / self.alpha)
        return 1 + self.alpha * self.beta * torch.log1p(steep * difficulties.clamp(0, 1))


def _entropy_by_class(output: Output) -> Tensor:
    """Return the sum of the entropies of the objects of each class, [B, K]."""
    assert output.probabilities is not None and output.objects is not None
    entropy = torch.special.entr(output.probabilities).sum(dim=1) * output.objects.weights
    classes = output.probabilities.shape[1] - 1
    return entropy.new_zeros(len(entropy), classes).scatter_add(1, output.objects.classes, entropy)


def _described(output: Output) -> Tensor:
    """Return score, class, weight and normalized features of the objects, [B, M, 3 + D]."""
    found = output.objects
    assert found is not None
    first = torch.stack([found.scores, found.classes.to(found.scores), found.weights], dim=2)
    return torch.cat([first, functional.normalize(found.features, dim=2)], dim=2)


def _detections(output: Output) -> Tensor:
    """Return boxes and probabilities of the objects, [B, M, 4 + K + 1]."""
    assert output.probabilities is not None and output.objects is not None
    return torch.cat([output.objects.boxes, output.probabilities.mT], dim=2)


@alkit.hookimpl
def alkit_strategies() -> list[type[alkit.Strategy]]:
    """Offer the strategy."""
    return [PPAL]
