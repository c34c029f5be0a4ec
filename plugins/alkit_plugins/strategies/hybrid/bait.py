"""BAIT: the batch that leaves the weights of the last layer least uncertain, judged over the whole pool.

Ash, Goel, Krishnamurthy and Kakade, Gone Fishing: Neural Active Learning with Fisher Embeddings, NeurIPS
2021. Greedy, as in the paper: twice as many images are added, one at a time, then half of them are removed.
Scaling is that of the published code (github.com/JordanAsh/badge, `bait_sampling.py`). The Fisher matrix has
(classes · width)² entries; above `size` rows, embeddings are projected to their strongest directions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

import alkit
from alkit_plugins.components import candidates
from alkit_plugins.components.fisher import Design, information, roots, roots_of_sets
from alkit_plugins.components.several_answers import applying, has_sets

if TYPE_CHECKING:
    import numpy.typing as npt

    from alkit import Cycle, Indices, Output


EQUAL = 1e-9  # changes closer than this share of the largest are equal: rounding decides nothing


@dataclass(kw_only=True)
class Bait(alkit.Strategy):
    """Choose the images whose labels would say most about the last layer, as it is used on the whole pool."""

    name = "bait"
    kind = "uncertainty and diversity"
    needs = frozenset({"probabilities", "embedding"})
    paper = "Ash et al., Gone Fishing: Neural Active Learning with Fisher Embeddings, NeurIPS 2021"

    regularization: float = alkit.option(1.0, "added to the diagonal of the Fisher matrix", minimum=1e-6)
    oversample: float = alkit.option(2.0, "images added, per image to choose", minimum=1.0)
    size: int = alkit.option(
        1024,
        "largest number of rows of the Fisher matrix, classes times directions of the embeddings",
        minimum=2,
    )
    subset: int | None = alkit.option(None, candidates.SUBSET_HELP, minimum=1)

    def select(self, cycle: Cycle, n: int) -> Indices:
        """Choose n candidates; a score is by how much the image lowered the uncertainty when it was added."""
        indices = cycle.candidates[candidates.draw(cycle, self.subset, n)]
        pool, sets = np.concatenate([cycle.labeled, indices]), has_sets(cycle)
        with cycle.measure("score"):
            seen = cycle.collect(pool, parts_of_sets if sets else parts).double()
        spec = cycle.model.spec
        classes = spec.num_outputs if sets else spec.num_classes
        with cycle.measure("select"):
            root = (roots_of_sets if sets else roots)(seen[:, :classes])
            rows = strongest(seen[:, classes:], max(self.size // classes, 1))
            known = len(cycle.labeled)
            share = n / (known + n)
            start = (1.0 - share) * information(root[:known], rows[:known])
            start.diagonal().add_(self.regularization)
            design = Design(start, information(root, rows), share**0.5 * root[known:], rows[known:])
            chosen, gains = forward_backward(design, len(indices), n, self.oversample)
        cycle.record_scores(indices[chosen], gains)
        cycle.diagnostics["directions"] = rows.shape[1]
        return indices[chosen]


def parts(output: Output) -> Tensor:
    """Return probabilities, averaged over positions that count, beside embeddings, [B, classes + D]."""
    assert output.probabilities is not None and output.embedding is not None
    found = output.probabilities
    if found.dim() > 2 and output.weights is not None:
        found = torch.stack([output.per_image(one) for one in found.unbind(dim=1)], dim=1)
    mean = found.flatten(2).mean(dim=2) if found.dim() > 2 else found
    return torch.cat([mean, output.embedding.flatten(1)], dim=1)


def parts_of_sets(output: Output) -> Tensor:
    """Return probabilities that each class applies and embeddings side by side, [B, L + D]."""
    assert output.embedding is not None
    return torch.cat([applying(output), output.embedding.flatten(1)], dim=1)


def strongest(rows: Tensor, count: int) -> Tensor:
    """Project rows [N, D] to the directions of largest second moment, [N, min(count, D)]."""
    if rows.shape[1] <= count:
        return rows
    _, directions = torch.linalg.eigh(rows.T @ rows)
    return rows @ directions[:, -count:]


def forward_backward(
    design: Design, count: int, n: int, oversample: float
) -> tuple[Indices, npt.NDArray[np.float64]]:
    """Add some of `count` images one at a time, then remove the least useful until n are left.

    In a tie, the lower row is added, and the higher row is removed.

    Returns:
        The rows in the order in which they were added, and the change that each made then.
    """
    added: list[int] = []
    gains: list[float] = []
    while len(added) < min(max(int(oversample * n), n), count):
        change = _settled(design.change(1))
        change[added] = -np.inf
        added.append(int(change.argmax()))
        gains.append(float(change[added[-1]]))
        design.take(added[-1], 1)
    rows, values = np.array(added, dtype=np.int64), np.array(gains)
    order = np.argsort(rows)
    place = order  # positions in `rows`, by row
    design.keep(rows[order])
    while len(place) > n:
        change = _settled(design.change(-1))
        out = len(change) - 1 - int(change[::-1].argmin())
        design.take(out, -1)
        left = np.delete(np.arange(len(place)), out)
        design.keep(left)
        place = place[left]
    kept = np.sort(place)
    return rows[kept], values[kept]


def _settled(change: Tensor) -> npt.NDArray[np.float64]:
    values = change.cpu().numpy()
    grain = EQUAL * max(float(np.abs(values).max()), np.finfo(np.float64).tiny)
    found: npt.NDArray[np.float64] = np.rint(values / grain) * grain
    return found


@alkit.hookimpl
def alkit_strategies() -> list[type[alkit.Strategy]]:
    """Offer the strategy."""
    return [Bait]
