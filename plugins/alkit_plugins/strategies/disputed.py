"""Relabeling: ask again about images on which annotators disagree, by vote entropy.

Dagan and Engelson, Committee-based sampling for training probabilistic classifiers, ICML 1995. Here the
annotators are the committee.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

import alkit

if TYPE_CHECKING:
    from alkit import Cycle, Indices


class Disputed(alkit.Strategy):
    """Choose the answered images on which annotators disagree most, to ask about them again."""

    name = "disputed"
    kind = "relabeling"
    needs_labels = False
    asks_again = True
    paper = "Dagan and Engelson, Committee-based sampling for training probabilistic classifiers, ICML 1995"

    def select(self, cycle: Cycle, n: int) -> Indices:
        """Take the n images with the highest vote entropy, in nats; in a tie, the lower index comes first."""
        entropies = [_entropy(cycle.disputes.get(int(index), ())) for index in cycle.candidates]
        return cycle.best(torch.tensor(entropies, dtype=torch.float64), n)


def _entropy(votes: tuple[int, ...]) -> float:
    shares = torch.tensor(votes, dtype=torch.float64)
    return float(torch.special.entr(shares / shares.sum()).sum())


@alkit.hookimpl
def alkit_strategies() -> list[type[alkit.Strategy]]:
    """Offer the strategy."""
    return [Disputed]
