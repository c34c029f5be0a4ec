"""The upper bound of a benchmark: in each query the best of many batches, by labels that nobody has yet.

Huseljic, Hahn, Herde, Sandrock and Sick, BoSS: A Best-of-Strategies Selector as an Oracle for Deep Active
Learning, 2026. It chooses with knowledge that no strategy can have, so it is in no registry, takes part in no
test and no rank, and can only be asked for by `alkit bench`. It shows how much there is to gain at least.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from alkit.composition.factory import make_strategy
from alkit.interfaces.strategy import Strategy
from alkit.options import build, option

from .protocol import UPPER_BOUND
from .published_random import PUBLISHED_RANDOM, PublishedRandom

if TYPE_CHECKING:
    from alkit._typing import Indices
    from alkit.engine.cycle import Cycle
    from alkit.training.types import TaskSpec

    from .protocol import Entry, Protocol

JUDGED = 2_000  # unlabeled images whose labels judge a batch, at most
SMALLEST = 0.1  # share of the candidates that a batch is chosen from

Judge = Callable[["Indices"], float]


@dataclass(kw_only=True)
class UpperBound(Strategy):
    """Let strategies choose batches from random parts of the candidates, and take the one that is worth most.

    Attributes:
        makers: choose the batches.
        judge: returns the worth of a batch, from hidden labels; set before each query.
    """

    name = UPPER_BOUND
    kind = "no strategy"
    needs = frozenset({"model"})

    batches: int = option(20, "batches in each query", minimum=1)

    makers: Sequence[Strategy] = field(init=False, repr=False, compare=False, default=())
    judge: Judge | None = field(init=False, repr=False, compare=False, default=None)

    def select(self, cycle: Cycle, n: int) -> Indices:
        """Choose the best of several batches of n candidates."""
        from alkit.interfaces.contract import choose  # noqa: PLC0415  # numpy is slow to import

        assert self.makers and self.judge is not None
        found: list[tuple[float, Indices, str]] = []
        with cycle.progress.bar(self.batches, "batches") as bar:
            for number in range(self.batches):
                maker = self.makers[number % len(self.makers)]
                view = cycle.narrowed(self._part(cycle, number, n), "batch", number)
                picks = choose(maker, view, n, seed=view.generator("select").initial_seed())
                found.append((self.judge(picks), picks, maker.name))
                bar.update(1)
        worth = [value for value, _, _ in found]
        best = int(np.argmax(worth))
        cycle.diagnostics.update(best=worth[best], mean=float(np.mean(worth)), made_by=found[best][2])
        return found[best][1]

    def _part(self, cycle: Cycle, number: int, n: int) -> Indices:
        """Return all candidates for the first batch of each maker, then random parts."""
        if number < len(self.makers):
            return cycle.candidates
        count = len(cycle.candidates)
        size = max(n, int(cycle.rng.uniform(SMALLEST, 1.0) * count))
        return np.sort(cycle.rng.choice(cycle.candidates, size, replace=False))


BENCH_ONLY: Mapping[str, type[Strategy]] = {UPPER_BOUND: UpperBound, PUBLISHED_RANDOM: PublishedRandom}


def participant(entry: Entry) -> Strategy:
    """Make what takes part in a benchmark: a strategy, or what only benchmarks have."""
    if entry.name not in BENCH_ONLY:
        return make_strategy(entry.name, entry.options)
    made: Strategy = build(BENCH_ONLY[entry.name], entry.options)
    return made


def makers_of(protocol: Protocol, spec: TaskSpec) -> list[Strategy]:
    """Make the strategies of a protocol that have no companion, so that the plain model is enough."""
    made: list[Any] = [participant(entry) for entry in protocol.strategies if entry.name != UPPER_BOUND]
    return [strategy for strategy in made if strategy.companion(spec) is None]
