"""Wins: how often each strategy beats each other one, as in BADGE (Ash et al., ICLR 2020)."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from .curves import Curves
from .estimates import estimate, paired, t_test


@dataclass(frozen=True, slots=True)
class Wins:
    """The pairwise matrix of one setting.

    Attributes:
        strategies: the names of rows and columns.
        matrix: [K, K], in row i and column j the share of budgets at which i beats j.
        budgets: number of budgets, without the first, at which all pairs share at least two seeds.
        lost: [K] mean of each column without its diagonal: the share of comparisons lost, lower is better.
    """

    strategies: tuple[str, ...]
    matrix: tuple[tuple[float, ...], ...]
    budgets: int
    lost: tuple[float, ...]


def wins(curves: Curves, level: float) -> Wins:
    """Test every pair at every budget after the first, where nothing has been chosen yet.

    In the paper i beats j if t > 2.776, the threshold of a two-sided paired t-test of five repetitions at
    0.05; here it is that of the seeds that both have, uncorrected as there. The paper looks at budgets that
    double; here each step counts the same.
    """
    names = curves.strategies
    won = np.zeros((len(names), len(names)))
    budgets = [step for step in range(1, len(curves.labels)) if _testable(curves, step)]
    for step in budgets:
        for i, j in itertools.permutations(range(len(names)), 2):
            won[i, j] += _beats(curves, names[i], names[j], step, level)
    share = won / max(len(budgets), 1)
    lost = share.sum(axis=0) / max(len(names) - 1, 1)
    return Wins(names, tuple(tuple(row) for row in share.tolist()), len(budgets), tuple(lost.tolist()))


def _testable(curves: Curves, step: int) -> bool:
    """Say whether every pair shares two seeds at this step."""
    there = np.array([~np.isnan(curves.values[name][:, step]) for name in curves.strategies], dtype=np.int64)
    return bool(np.min(there @ there.T) >= 2)


def _beats(curves: Curves, one: str, other: str, step: int, level: float) -> bool:
    ahead = estimate(paired(curves.values[one][:, step], curves.values[other][:, step]), level)
    p = t_test(ahead)
    assert ahead.mean is not None and p is not None  # at least two seeds
    return p < 1 - level and (ahead.mean > 0) == curves.higher_is_better
