"""A pool that several strategies filter and one chooses from: `refine(uherding, margin, badge)`.

Huseljic, Herde, Rauch, Hahn and Sick, Cleaning the Pool: Progressive Filtering of Unlabeled Pools in Deep
Active Learning, 2025. In each step, every strategy chooses batches from random parts of what is left, and
only images of these batches stay. Numbers are those of the published code.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

import alkit

if TYPE_CHECKING:
    from alkit import Cycle, Indices
    from alkit.training import Bar


@dataclass(kw_only=True)
class Refine(alkit.Combinator):
    """Keep what several strategies would choose and let one choose from it: `refine(uherding, margin)`.

    The first strategy chooses, the others filter.
    """

    name = "refine"
    kind = "combinations"
    paper = "Huseljic et al., Cleaning the Pool: Progressive Filtering of Unlabeled Pools, 2025"

    cover: str = alkit.nested("uherding", "strategy that chooses from what is left")
    strategies: tuple[str, ...] = alkit.nested(
        ("margin", "badge", "typiclust"), "strategies whose batches stay in the pool"
    )
    steps: int = alkit.option(5, "how many times the pool is filtered", minimum=0)
    batches: int = alkit.option(11, "batches of each strategy in a step", minimum=1)
    first: int = alkit.option(5_000, "candidates that a batch of the first step is chosen from", minimum=1)
    share: float = alkit.option(
        0.4, "share of what is left that a batch of a later step is chosen from", minimum=0.01, maximum=1.0
    )
    most: int = alkit.option(10_000, "candidates that stay after a step, at most", minimum=1)

    def select(self, cycle: Cycle, n: int) -> Indices:
        """Choose n candidates."""
        left = cycle.candidates
        sizes = []
        part = self.first
        for step in range(self.steps):
            left = self._filtered(cycle, left, step, min(max(part, n), len(left)), n)
            sizes.append(len(left))
            part = int(self.share * len(left))
        cycle.diagnostics["left"] = sizes
        return self.delegate("cover", cycle, left, n)

    def _filtered(self, cycle: Cycle, left: Indices, step: int, part: int, n: int) -> Indices:
        """Return the images of all batches of a step, ascending."""
        view = cycle.narrowed(left, "filter", step, companion=cycle.companion)
        view.progress = _Quiet()  # many short passes
        kept: list[Indices] = []
        places = [place for place in self.parts if place != "cover"]
        with cycle.progress.bar(len(places) * self.batches, f"filter {step + 1} of {self.steps}") as bar:
            for place in places:
                for number in range(self.batches):
                    some = np.sort(view.rng.choice(left, part, replace=False))
                    kept.append(self.delegate(place, view, some, n, number, scored=False))
                    bar.update(1)
        found = np.unique(np.concatenate(kept))
        if len(found) > max(self.most, n):
            found = np.sort(view.rng.choice(found, max(self.most, n), replace=False))
        return found


class _Quiet:
    """Progress that nobody sees."""

    def line(self, text: str) -> None:
        """Say nothing."""

    @contextlib.contextmanager
    def bar(self, total: int, label: str) -> Iterator[Bar]:
        """Show nothing."""
        yield self

    def update(self, count: int, /) -> None:
        """Count nothing."""

    def note(self, text: str, /) -> None:
        """Show nothing."""


@alkit.hookimpl
def alkit_strategies() -> list[type[alkit.Strategy]]:
    """Offer the strategy."""
    return [Refine]
