"""One selection: what the strategy needs is there, randomness is fenced, and what it returns is checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alkit.errors import AlkitError, InvalidSelection, UnsupportedTask
from alkit.utils import seeding

if TYPE_CHECKING:
    from alkit._typing import Indices
    from alkit.engine.cycle import Cycle
    from alkit.training.types import TaskSpec

    from .strategy import Strategy


def check_needs(strategy: Strategy, spec: TaskSpec) -> None:
    """Check that a task provides what a strategy needs.

    Raises:
        UnsupportedTask: names what is missing.
    """
    missing = sorted(strategy.needs - spec.provides)
    if missing:
        hint = ""
        if missing == ["features"]:
            hint = "; name its mid-level modules by the task option 'taps'"
        raise UnsupportedTask(
            f"strategy '{strategy.name}' needs {' and '.join(missing)}, which task '{spec.task}' does not "
            f"provide{hint}"
        )


def can_begin(strategy: Strategy, spec: TaskSpec) -> bool:
    """Say whether a strategy can choose while nothing is labeled: by images, or by pretrained embeddings."""
    at_hand = frozenset({"embedding"} & spec.provides if spec.pretrained else ())
    return not strategy.needs_labels and strategy.needs <= at_hand


def choose(strategy: Strategy, cycle: Cycle, n: int, *, seed: int, source: str = "") -> Indices:
    """Let a strategy select, and check that it kept its promise.

    Args:
        strategy: who selects.
        cycle: what it looks at.
        n: how many, at most the number of candidates.
        seed: of the global generators while it runs; they are put back afterwards.
        blame: where the strategy comes from, for error messages.

    Raises:
        InvalidSelection: not n distinct candidates, or the strategy failed.
    """
    who = f"strategy '{strategy.name}'{source}"
    with seeding.fence(seed), cycle.measure("select"):
        try:
            chosen = strategy.select(cycle, n)
        except (AlkitError, MemoryError, OSError):
            raise
        except Exception as error:  # whatever a stranger's code does; the cause stays attached
            raise InvalidSelection(f"{who} failed: {type(error).__name__}: {error}") from error
    picks = np.asarray(chosen)
    if picks.ndim != 1 or picks.dtype.kind not in "iu":
        raise InvalidSelection(f"{who} should return a vector of integers, not {picks.dtype} {picks.shape}")
    if len(picks) != n:
        raise InvalidSelection(f"{who} returned {len(picks)} images instead of {n}")
    if len(np.unique(picks)) != n:
        raise InvalidSelection(f"{who} returned an image twice")
    strangers = picks[~np.isin(picks, cycle.candidates)]
    if len(strangers):
        raise InvalidSelection(f"{who} returned image {strangers[0]}, which is not a candidate")
    return picks.astype(np.int64)
