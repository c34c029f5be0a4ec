"""The strategy under test, and how it is asked to choose."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from alkit import options
from alkit.composition import expression, factory
from alkit.errors import AlkitError, UnsupportedTask
from alkit.interfaces.strategy import Strategy

from .results import Nonconforming, NotApplicable, require
from .world import World, make_world

if TYPE_CHECKING:
    from alkit._typing import Indices
    from alkit.engine.cycle import Cycle

N = 5


def chosen(world: World, strategy: Strategy, n: int, cycle: Cycle | None = None) -> Indices:
    """Let a strategy choose; its scores must be numbers."""
    cycle = world.cycle() if cycle is None else cycle
    try:
        picks = world.choose(strategy, n, cycle)
    except AlkitError as error:
        raise Nonconforming(str(error)) from error
    odd = [index for index, score in cycle.scores.items() if not np.isfinite(score)]
    require(not odd, f"the recorded score of image {odd[0] if odd else ''} is not a finite number")
    return picks


class Subject:
    """The strategy under test.

    Args:
        strategy: its entry-point name, `FILE.py:CLASS`, a composition, or its class.
        given: options, as values or as text; those of a composition are part of its text.
        device: where the worlds live.

    Raises:
        UnknownPlugin, AmbiguousPlugin, BrokenPlugin: there is no such strategy.
        UsageError: the text does not follow the notation, or options are given in addition to a composition.
    """

    def __init__(
        self, strategy: str | type[Strategy], given: Mapping[str, Any] | None = None, device: str = "cpu"
    ) -> None:
        if isinstance(strategy, str) and expression.is_composed(strategy):
            given = options.values_of(factory.make_strategy(strategy, given))
            strategy = expression.read(strategy).name
        self.entry_point = strategy if isinstance(strategy, str) else None
        self.cls = factory.class_of(strategy) if isinstance(strategy, str) else strategy
        self.given, self.device = dict(given or {}), device
        self._chosen: dict[str, tuple[int, ...]] = {}
        self._trained: dict[str, tuple[World, Strategy]] = {}

    def new(self) -> Strategy:
        """Make the strategy anew."""
        return options.build(self.cls, self.given)

    def world(self, task: str, **arguments: Any) -> tuple[World, Strategy]:
        """Return a trained world and the strategy that it was trained with, which has not chosen yet.

        The default world is trained once, and every caller gets a copy of both.

        Raises:
            NotApplicable: the strategy refuses the task.
        """
        if arguments:
            return self.train(task, **arguments)
        if task not in self._trained:
            self._trained[task] = self.train(task)
        try:
            return copy.deepcopy(self._trained[task])
        except Exception:  # a companion may hold what cannot be copied
            return self.train(task)

    def train(self, task: str, **arguments: Any) -> tuple[World, Strategy]:
        """Make a world and train it with a new strategy.

        Raises:
            NotApplicable: the strategy refuses the task.
        """
        world = make_world(task, device=self.device, **arguments)
        strategy = self.new()
        try:
            world.train(strategy)
        except UnsupportedTask as error:
            raise NotApplicable(str(error)) from error
        except AlkitError:
            raise
        except Exception as error:  # raised by a companion
            raise Nonconforming(f"training failed: {type(error).__name__}: {error}") from error
        return world, strategy

    def choose(self, task: str, n: int = N, **arguments: Any) -> Indices:
        """Choose in a new world."""
        world, strategy = self.world(task, **arguments)
        return chosen(world, strategy, n)

    def usual(self, task: str) -> Indices:
        """Choose in the default world; done only once, since many checks compare with it."""
        if task not in self._chosen:
            self._chosen[task] = tuple(self.choose(task).tolist())
        return np.array(self._chosen[task], dtype=np.int64)
