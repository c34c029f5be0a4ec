"""Cases of `peers`: recent strategies, beside scikit-activeml or a plain form of the published algorithm.

scikit-activeml 1.0 has MaxHerding. The plain forms of UHerding and BAIT keep all kernel values in a matrix,
and compute each candidate anew in each step.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from skactiveml.pool import MaxHerding

from alkit_plugins.components.fisher import Design, information, roots
from alkit_plugins.components.kernel_coverage import KernelCoverage, greedy
from alkit_plugins.strategies.hybrid.bait import forward_backward

from .representative import POOLS, pool
from .uncertain import Case, Findings, Works

BUDGET, RADIUS, CLASSES, LAMBDA = 15, 0.5, 4, 1.0
SMALL = 400  # images on which picks are compared


def maxherding(count: int, seed: int = 0) -> Works:
    unit, labeled, answers = pool(seed, count)
    left = np.setdiff1d(np.arange(count), labeled)

    def ours() -> list[int]:
        coverage = KernelCoverage(torch.from_numpy(unit[left]), 1.0)
        coverage.cover(torch.from_numpy(unit[labeled]))
        return left[greedy(coverage, BUDGET)[0]].tolist()

    theirs = MaxHerding(metric_dict={"gamma": 1.0}, random_state=0)
    return {
        "alkit": ours,
        "scikit-activeml": lambda: theirs.query(unit, answers, batch_size=BUDGET).tolist(),
    }


def uherding(count: int, seed: int = 0) -> Works:
    unit, labeled, _ = pool(seed, count)
    left = np.setdiff1d(np.arange(count), labeled)
    weights = np.random.default_rng(seed).random(len(left))
    rows, known = torch.from_numpy(unit[left]), torch.from_numpy(unit[labeled])

    def ours() -> list[int]:
        coverage = KernelCoverage(rows, RADIUS, torch.from_numpy(weights))
        coverage.cover(known)
        return greedy(coverage, BUDGET)[0].tolist()

    def plain() -> list[int]:
        kernel = torch.exp(-torch.cdist(rows, rows).square() / RADIUS**2)
        best = torch.exp(-torch.cdist(rows, known).square() / RADIUS**2).amax(dim=1)
        picks: list[int] = []
        for _ in range(BUDGET):
            gain = (kernel - best).clamp(min=0.0) @ torch.from_numpy(weights)
            gain[picks] = -1.0
            picks.append(int(gain.argmax()))
            best = torch.maximum(best, kernel[picks[-1]])
        return picks

    return {"alkit": ours, "plain": plain}


def bait(count: int, seed: int = 0) -> Works:
    unit, labeled, _ = pool(seed, count)
    rng = np.random.default_rng(seed)
    probabilities = torch.from_numpy(2.0 * rng.standard_normal((count, CLASSES))).softmax(dim=1)
    rows, left = torch.from_numpy(unit), np.setdiff1d(np.arange(count), labeled)
    size = CLASSES * rows.shape[1]
    share = BUDGET / (len(labeled) + BUDGET)

    def start(root: torch.Tensor) -> torch.Tensor:
        known = information(root[labeled], rows[labeled])
        return LAMBDA * torch.eye(size, dtype=torch.float64) + (1.0 - share) * known

    def ours() -> list[int]:
        root = roots(probabilities)
        design = Design(start(root), information(root, rows), share**0.5 * root[left], rows[left])
        return left[forward_backward(design, len(left), BUDGET, 2.0)[0]].tolist()

    def plain() -> list[int]:
        root = roots(probabilities)
        factors = share**0.5 * torch.einsum("nkc,nd->nkcd", root, rows).reshape(count, CLASSES, size)[left]
        aim, inverse = information(root, rows), torch.linalg.inv(start(root))
        added: list[int] = []

        def change(index: torch.Tensor, sign: int) -> torch.Tensor:
            some = factors[index]
            inner = torch.linalg.inv(
                sign * torch.eye(CLASSES, dtype=torch.float64) + some @ inverse @ some.mT
            )
            return sign * (some @ inverse @ aim @ inverse @ some.mT @ inner).diagonal(dim1=1, dim2=2).sum(
                dim=1
            )

        def moved(row: int, sign: int) -> torch.Tensor:
            own = factors[row]
            inner = torch.linalg.inv(sign * torch.eye(CLASSES, dtype=torch.float64) + own @ inverse @ own.T)
            return inverse - inverse @ own.T @ inner @ own @ inverse

        while len(added) < 2 * BUDGET:
            gain = change(torch.arange(len(left)), 1)
            gain[added] = -torch.inf
            added.append(int(gain.argmax()))
            inverse = moved(added[-1], 1)
        while len(added) > BUDGET:
            out = added[int((-change(torch.tensor(added), -1)).abs().argmin())]
            inverse = moved(out, -1)
            added.remove(out)
        return left[added].tolist()

    return {"alkit": ours, "plain": plain}


def same_on_pools(make: Callable[[int, int], Works]) -> Findings:
    """Compare the picks on several pools."""
    same = 0
    for seed in range(POOLS):
        ours, theirs = (list(work()) for work in make(SMALL, seed).values())
        same += ours == theirs
    return [(f"the same {BUDGET} picks on {same} of {POOLS} pools", same == POOLS)]


CASES = {
    "maxherding": Case(maxherding, partial(same_on_pools, maxherding)),
    "uherding": Case(uherding, partial(same_on_pools, uherding)),
    "bait": Case(bait, partial(same_on_pools, bait)),
}
