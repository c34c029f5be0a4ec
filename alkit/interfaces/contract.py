"""The contract of a selection: needs are met, randomness is fenced, and the result is checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from alkit.errors import AlkitError, InvalidSelection, UnsupportedTask
from alkit.utils import seeding
from alkit.utils.code_places import told, where
from alkit.utils.counts import counted
from alkit.utils.suggestions import nearest

if TYPE_CHECKING:
    from alkit._typing import Indices
    from alkit.data.store import ImageStore
    from alkit.engine.cycle import Cycle
    from alkit.training.types import TaskSpec

    from .strategy import Strategy

PROVIDED = ("probabilities", "embedding", "features", "loss", "boxes", "targets", "numbers", "model")
"""What tasks can provide, as the docs of `Strategy.needs` say; a task may provide more."""


def check_needs(strategy: Strategy, spec: TaskSpec) -> None:
    """Check that a task provides what a strategy needs, and nothing that it refuses.

    Raises:
        UnsupportedTask: it does not; names what is missing, or why it is refused.
    """
    missing = sorted(strategy.needs - spec.provides)
    if missing:
        hint = ""
        if missing == ["features"]:
            hint = "; name its mid-level modules with the task option 'taps'"
        elif len(missing) == 1 and (near := nearest(missing[0], spec.provides)):
            wrong, right = (near, missing[0]) if missing[0] in PROVIDED else (missing[0], near)
            at = where(strategy, "select", "score") if right == near else ""
            hint = f"; '{wrong}' seems to be a misspelling of '{right}'{at}"
        raise UnsupportedTask(
            f"strategy '{strategy.name}' needs {' and '.join(missing)}, but task '{spec.task}' does not "
            f"provide {'it' if len(missing) == 1 else 'them'}{hint or '; choose another strategy or task'}"
        )
    for word in sorted(strategy.refuses.keys() & spec.provides):
        raise UnsupportedTask(
            f"strategy '{strategy.name}' does not work with task '{spec.task}': {strategy.refuses[word]}; "
            "choose another strategy"
        )


def check_columns(strategy: Strategy, images: ImageStore) -> None:
    """Check that a pool has the columns that a strategy asks for.

    Raises:
        SourceError: it has not; names the columns that there are.
    """
    for name in sorted(strategy.columns):
        images.column(name)


def can_begin(strategy: Strategy, spec: TaskSpec) -> bool:
    """Say whether a strategy can choose before any image is labeled: by images or pretrained embeddings."""
    at_hand = frozenset({"embedding"} & spec.provides if spec.pretrained else ())
    return not strategy.needs_labels and strategy.needs <= at_hand


def choose(strategy: Strategy, cycle: Cycle, n: int, *, seed: int, source: str = "") -> Indices:
    """Let a strategy select, and check the result.

    Args:
        strategy: the strategy that selects.
        cycle: the cycle to select in.
        n: number of images, at most the number of candidates.
        seed: seed of the global generators while it runs; they are restored afterwards.
        source: where the strategy comes from, for error messages.

    Raises:
        InvalidSelection: it failed, or did not return n distinct candidates.
    """
    who = f"strategy '{strategy.name}'{source}"
    with seeding.fence(seed), cycle.measure("select"):
        try:
            chosen = strategy.select(cycle, n)
        except (AlkitError, MemoryError, OSError):
            raise
        except (Exception, SystemExit) as error:  # third-party code may raise anything
            place = where(strategy, "select", "score")
            raise InvalidSelection(f"{who} failed: {told(error, place)}") from error
    if reason := _wrong(chosen, cycle, n):
        raise InvalidSelection(f"{who} {reason}{where(strategy, 'select', 'score')}")
    return np.asarray(chosen).astype(np.int64)


def _wrong(chosen: Any, cycle: Cycle, n: int) -> str:
    """Say what is wrong with a selection, in a clause; empty if nothing is."""
    if chosen is None:
        return "should return a vector of integers, not None"
    picks = np.asarray(chosen)
    if picks.ndim != 1 or picks.dtype.kind not in "iu":
        return f"should return a vector of integers, not {picks.dtype} {picks.shape}"
    if len(picks) != n:
        return f"returned {counted(len(picks), 'image')} instead of {n}"
    if len(np.unique(picks)) != n:
        return "returned an image twice"
    others = picks[~np.isin(picks, cycle.candidates)]
    return f"returned image {others[0]}, which is not a candidate" if len(others) else ""
