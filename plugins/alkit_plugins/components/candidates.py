"""A random part of the candidates, for strategies that are slow on a large pool."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from alkit import Cycle, Indices


SUBSET_HELP = "choose from only this many random candidates (at least the budget); auto: from all"


def draw(cycle: Cycle, subset: int | None, n: int) -> Indices:
    """Return ascending positions in `cycle.candidates`: all, or max(subset, n) of them."""
    count = len(cycle.candidates)
    if subset is None or max(subset, n) >= count:
        return np.arange(count)
    return np.sort(cycle.rng.choice(count, size=max(subset, n), replace=False))


def best(cycle: Cycle, positions: Indices, scores: torch.Tensor, n: int) -> Indices:
    """Return the n candidates with the highest scores, given the scores of those at `positions`."""
    everywhere = torch.full((len(cycle.candidates),), -torch.inf, dtype=torch.float64)
    everywhere[torch.from_numpy(positions)] = scores.detach().double().cpu()
    return cycle.best(everywhere, n)
