"""Isolated candidates: far from every row of a sample."""

from __future__ import annotations

import numpy as np
import torch

from alkit._typing import Indices

from .nearest import CENTRES, Centres, Points
from .ranks import ProcessRanks
from .rows import BLOCK, Floats, Rows

SAMPLE = 1024


def isolated(
    rows: Rows, ranks: ProcessRanks, candidates: Indices, labeled: Indices, share: float, seed: int
) -> Indices:
    """Return the share of candidates that is farthest from the nearest of some sampled other rows.

    Args:
        rows: this process's rows.
        ranks: the processes.
        candidates: global positions, ascending.
        labeled: global positions; they are sampled too.
        share: rounded down to whole candidates.
        seed: of the sample.
    """
    everyone = np.union1d(candidates, labeled)
    chosen = np.random.default_rng(seed).choice(everyone, min(SAMPLE, len(everyone)), replace=False)
    sample: Indices = np.sort(chosen)
    low, high = ranks.offset, ranks.offset + len(rows)
    own = candidates[(candidates >= low) & (candidates < high)] - low
    raw = ranks.join_rows(rows.raw(sample[(sample >= low) & (sample < high)] - low))
    sampled = Rows(raw, rows.metric, rows.scale, rows.mean)
    distance = ranks.join(_to_nearest(rows, own, Centres(sampled)))
    sampled_too = np.isin(candidates, sample)
    distance[sampled_too] = _among(sampled)[np.isin(sample, candidates)]
    order = np.argsort(-distance, kind="stable")
    return candidates[order[: int(share * len(candidates))]]


def _to_nearest(rows: Rows, index: Indices, centres: Centres) -> Floats:
    result = np.empty(len(index))
    for first in range(0, len(index), BLOCK):
        block = index[first : first + BLOCK]
        points = Points(rows, block, np.full(len(block), np.inf))
        for start in range(0, len(centres.rows), CENTRES):
            points.meet(centres, start, min(start + CENTRES, len(centres.rows)))
        result[first : first + BLOCK] = points.best
    return result


def _among(sample: Rows) -> Floats:
    """Squared distance of each sampled row to the nearest other one."""
    exact = sample.exact_block(0, len(sample))
    square = (
        torch.cdist(exact, exact, compute_mode="donot_use_mm_for_euclid_dist")
        .square()
        .fill_diagonal_(torch.inf)
    )
    return square.amin(dim=1).cpu().numpy()
