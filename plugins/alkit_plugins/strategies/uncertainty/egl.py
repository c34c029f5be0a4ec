"""EGL: by how much an image's label is expected to change the weights.

Settles and Craven, An Analysis of Active Learning Strategies for Sequence Labeling Tasks, EMNLP 2008: the sum
over all labels y of P(y | x) · |gradient of the loss of (x, y)|. As there, the gradient of the labeled images
is left out, since it is close to zero after training. Their models are linear in the weights; for networks,
Zhang, Lease and Wallace (AAAI 2017) take the gradient of some layers only, and so does alkit with
`layers=last`. Where labels are too many to go through, Settles and Craven take the most probable ones, and
alkit draws some as the model expects them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch

import alkit
from alkit_plugins.components import candidates
from alkit_plugins.components.gradient_lengths import LastLayer, of_all_weights

if TYPE_CHECKING:
    from torch import Tensor

    from alkit import Batch, Cycle, Indices

BLOCK = 32  # images whose gradients are computed at once


@dataclass(kw_only=True)
class Egl(alkit.Strategy):
    """Choose the images whose labels are expected to change the model's weights most."""

    name = "egl"
    kind = "uncertainty"
    needs = frozenset({"model", "loss", "targets"})
    paper = "Settles and Craven, Active Learning Strategies for Sequence Labeling Tasks, EMNLP 2008"

    layers: Literal["last", "all"] = alkit.option(
        "last", "weights whose gradient counts: those of the last layer, or all, which is slow"
    )
    draws: int = alkit.option(
        8, "labels drawn per image where there are too many to go through, as for masks", minimum=1
    )
    subset: int | None = alkit.option(None, candidates.SUBSET_HELP, minimum=1)

    def select(self, cycle: Cycle, n: int) -> Indices:
        """Take the n candidates with the largest expected length; in a tie, the lower index comes first."""
        positions = candidates.draw(cycle, self.subset, n)
        last, everything = LastLayer(cycle.model, self.draws), self.layers == "all"

        def expected(batch: Batch) -> Tensor:
            generator = cycle.generator("labels", int(batch.indices[0]))
            with torch.inference_mode(False), torch.enable_grad():
                if everything:
                    return of_all_weights(cycle.model, batch, self.draws, generator)
                return last(batch, generator)

        with cycle.measure("score"):
            # Of a size that depends on the task alone, so that the same labels are drawn in any setting.
            size = 1 if everything else min(BLOCK, cycle.model.scoring_batch())
            scores = cycle.compute(cycle.candidates[positions], expected, size=size)
        return candidates.best(cycle, positions, scores, n)


@alkit.hookimpl
def alkit_strategies() -> list[type[alkit.Strategy]]:
    """Offer the strategy."""
    return [Egl]
