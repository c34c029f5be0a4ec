"""DropQuery: k-means over the images whose predicted class changes when inputs of the classifier are dropped.

Gupte, Aklilu, Nirschl and Yeung-Levy, Revisiting Active Learning in the Era of Vision Foundation Models, TMLR
2024. The published code draws other units for each image; here a pass drops the same units for all images, so
that the choice does not depend on batches. If fewer images than wanted change, the published code stops, and
here those that change most often are taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

import alkit
from alkit.distances import k_means
from alkit_plugins.components import candidates, clusters
from alkit_plugins.components.mc_dropout import DropoutStrategy, Dropping

if TYPE_CHECKING:
    import numpy.typing as npt

    from alkit import Cycle, Indices


@dataclass(kw_only=True)
class DropQuery(DropoutStrategy):
    """Cluster the images whose predicted class changes under dropout; choose those nearest the centers."""

    name = "dropquery"
    kind = "uncertainty and diversity"
    needs = frozenset({"probabilities", "embedding", "model"})
    paper = "Gupte et al., Revisiting Active Learning in the Era of Vision Foundation Models, TMLR 2024"

    passes: int = alkit.option(3, "passes with dropout over the candidates", minimum=1)
    dropout: float = alkit.option(
        0.75,
        "share of the classifier's inputs to drop if the network has no dropout layers",
        minimum=0.01,
        maximum=0.99,
    )

    def select(self, cycle: Cycle, n: int) -> Indices:
        """Choose n candidates; a score is the share of passes that predict another class."""
        indices = cycle.candidates[candidates.draw(cycle, self.subset, n)]
        with cycle.measure("score"):
            changed, features = self._passed(cycle, indices)
        with cycle.measure("select"):
            kept = changeable(changed.cpu().numpy(), n)
            found = k_means(
                features[torch.from_numpy(kept).to(features.device)], n, seed=int(cycle.rng.integers(2**31))
            )
            chosen = kept[clusters.nearest(found, n)]
        cycle.record_scores(indices[chosen], changed.cpu().numpy()[chosen])
        cycle.diagnostics["clustered"] = len(kept)
        return indices[chosen]

    def _passed(self, cycle: Cycle, indices: Indices) -> tuple[Tensor, Tensor]:
        """Return the share of passes that change each image's class [n], and embeddings [n, D]."""
        dropping = Dropping(cycle, self.passes, self.dropout)
        cycle.diagnostics["dropout"] = dropping.description
        changed: list[Tensor] = []
        features: Tensor | None = None
        start = 0
        for output, passes in dropping.with_outputs(indices):
            assert output.probabilities is not None and output.embedding is not None
            changed.append(changes(output.probabilities, passes))
            rows = output.embedding.flatten(1).float()
            if features is None:
                features = rows.new_empty(len(indices), rows.shape[1])
            features[start : start + len(rows)] = rows
            start += len(rows)
        assert features is not None
        return torch.cat(changed), features


def changes(probabilities: Tensor, passes: Tensor) -> Tensor:
    """Return the share of passes, and of positions, whose most probable class is another one: [B] float64.

    Args:
        probabilities: [B, classes, positions...] without dropout.
        passes: [passes, B, classes, positions...] with dropout.
    """
    others = passes.argmax(dim=2) != probabilities.argmax(dim=1)
    return others.double().flatten(2).mean(dim=(0, 2)) if others.dim() > 2 else others.double().mean(dim=0)


def changeable(changed: npt.NDArray[np.float64], n: int) -> Indices:
    """Return the rows, ascending, that change in most passes, or if they are few, the n that change most."""
    often = np.flatnonzero(changed > 0.5)
    return often if len(often) >= n else np.sort(np.argsort(-changed, kind="stable")[:n])


@alkit.hookimpl
def alkit_strategies() -> list[type[alkit.Strategy]]:
    """Offer the strategy."""
    return [DropQuery]
