"""The random baseline of published code: it draws some images again, and trains beside another module.

The code of TA-VAAL (github.com/cubeyoung/TA-VAAL) draws its random baseline with replacement and keeps what
it drew twice in both sets, so 10,000 labels are about 8,700 images; and it trains every method beside a
module that predicts losses. This is no baseline to compare with. It is in no registry, and takes part in a
protocol only where an entry names it, to measure what the two are worth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from alkit.composition.factory import make_strategy
from alkit.interfaces.strategy import Strategy
from alkit.options import option

from .protocol import BASELINE

if TYPE_CHECKING:
    from alkit._typing import Indices
    from alkit.engine.cycle import Cycle
    from alkit.training.types import Companion, TaskSpec

    from .protocol import Entry

PUBLISHED_RANDOM = "published-random"


@dataclass(kw_only=True)
class PublishedRandom(Strategy):
    """Ask for the images that `random` asks for, and train on what published code would have of them.

    The sizes are those of the published protocol by default; for fewer labels, divide all three by the same
    number.
    """

    name = PUBLISHED_RANDOM
    kind = "no strategy"
    needs = frozenset({"model"})

    repeats: bool = option(True, "draw with replacement, so that some labels are of the same image")
    beside: str = option("", "strategy whose companion is trained with the model; none if empty")
    stage: int = option(1_000, "images in the seed set and in each query of the published code", minimum=1)
    subset: int = option(10_000, "unlabeled images that it draws from in each query", minimum=1)
    pool: int = option(50_000, "all images", minimum=1)

    def companion(self, spec: TaskSpec) -> Companion | None:
        """Return the companion of another strategy, or None."""
        return make_strategy(self.beside).companion(spec) if self.beside else None

    def select(self, cycle: Cycle, n: int) -> Indices:
        """Choose n candidates as `random` does with the same seed."""
        picks: Indices = cycle.rng.choice(cycle.candidates, size=n, replace=False)
        return picks

    def trained_on(self, asked: Indices, rng: np.random.Generator) -> Indices:
        """Return the images that a model is trained on, ascending; the same number, some of them repeated.

        Args:
            asked: images in the order in which they were asked for.
            rng: the same in each cycle of a cell, so that what was drawn stays.
        """
        if not self.repeats:
            return np.sort(asked)
        drawn = draws(len(asked), stage=self.stage, subset=self.subset, pool=self.pool, rng=rng)
        _, first, which = np.unique(drawn, return_index=True, return_inverse=True)
        place = np.argsort(np.argsort(first))  # the images drawn, in the order of their first draw
        return np.sort(asked[place[which]])


def draws(count: int, *, stage: int, subset: int, pool: int, rng: np.random.Generator) -> Indices:
    """Draw as the code of TA-VAAL does, with replacement, and return the first so many draws.

    The seed set is drawn without replacement. Each query takes `subset` unlabeled images and draws as many
    from them with replacement: the last `stage` draws are labeled, and the others take the subset's place
    among the unlabeled images, with those that were drawn twice or are labeled already.
    """
    order = rng.permutation(pool)
    labeled, unlabeled = order[:stage], order[stage:]
    while len(labeled) < count:
        unlabeled = rng.permutation(unlabeled)
        seen = unlabeled[:subset]
        drawn = seen[rng.integers(len(seen), size=len(seen))]
        labeled = np.concatenate([labeled, drawn[-stage:]])
        unlabeled = np.concatenate([drawn[:-stage], unlabeled[subset:]])
    return labeled[:count]


def arm_of(entry: Entry) -> tuple[bool, bool] | None:
    """Say whether an entry's labels repeat images, and whether it trains beside a module; None for others."""
    if entry.name == BASELINE:
        return False, False
    if entry.name != PUBLISHED_RANDOM:
        return None
    return bool(entry.options.get("repeats", True)), bool(entry.options.get("beside", ""))
