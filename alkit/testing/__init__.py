"""The conformance kit: what a strategy, a task, an oracle or a format promises, checked in a small world.

A plugin's tests are one class:

    class TestMine(alkit.testing.StrategyTests):
        name = "mine"

Without pytest, `alkit check mine` and `check_strategy("mine")` say the same. A failed check raises
`Nonconforming` with a sentence of its own, so nothing depends on pytest's rewriting of `assert`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .formats import check_format as check_format
    from .mixins import FormatTests as FormatTests
    from .mixins import OracleTests as OracleTests
    from .mixins import StrategyTests as StrategyTests
    from .mixins import TaskTests as TaskTests
    from .oracles import check_oracle as check_oracle
    from .results import Nonconforming as Nonconforming
    from .results import NotApplicable as NotApplicable
    from .results import Result as Result
    from .strategies import check_strategy as check_strategy
    from .tasks import check_task as check_task
    from .world import World as World
    from .world import make_world as make_world

_HOME = {
    "FormatTests": "mixins",
    "Nonconforming": "results",
    "NotApplicable": "results",
    "OracleTests": "mixins",
    "Result": "results",
    "StrategyTests": "mixins",
    "TaskTests": "mixins",
    "World": "world",
    "check_format": "formats",
    "check_oracle": "oracles",
    "check_strategy": "strategies",
    "check_task": "tasks",
    "make_world": "world",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for: only the mixins need pytest."""
    if name in _HOME:
        return getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
    raise AttributeError(f"module 'alkit.testing' has no attribute '{name}'")


def __dir__() -> list[str]:
    return __all__
