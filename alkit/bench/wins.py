"""Wins: who beats whom at how many budgets, as in BADGE (Ash et al., ICLR 2020)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wins:
    """The pairwise matrix of one setting.

    Attributes:
        strategies: the names of rows and columns.
        matrix: [K, K], in row i and column j the share of budgets at which i beats j by a two-sided paired t-test.
        budgets: number of budgets at which all pairs could be tested; 0 with fewer than two seeds.
        lost: [K] mean of each column without its diagonal: the share of comparisons lost, lower is better.
    """

    strategies: tuple[str, ...]
    matrix: tuple[tuple[float, ...], ...]
    budgets: int
    lost: tuple[float, ...]
