"""The conformance kit: checks that a plugin of any kind keeps its promises, in a small world.

One class holds a plugin's tests:

    class TestMine(alkit.testing.StrategyTests):
        name = "mine"

Without pytest, `alkit check mine` and `check_strategy("mine")` run the same checks. A failed check raises
`Nonconforming` with its own sentence, so nothing depends on pytest's rewriting of `assert`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from alkit._lazy import lazy_exports

if TYPE_CHECKING:
    from alkit.testing.encoders import check_encoder as check_encoder
    from alkit.testing.executors import check_executor as check_executor
    from alkit.testing.formats import check_format as check_format
    from alkit.testing.oracles import check_oracle as check_oracle
    from alkit.testing.results import Nonconforming as Nonconforming
    from alkit.testing.results import NotApplicable as NotApplicable
    from alkit.testing.results import Result as Result
    from alkit.testing.sources import check_source as check_source
    from alkit.testing.strategies import check_strategy as check_strategy
    from alkit.testing.suites import EncoderTests as EncoderTests
    from alkit.testing.suites import ExecutorTests as ExecutorTests
    from alkit.testing.suites import FormatTests as FormatTests
    from alkit.testing.suites import OracleTests as OracleTests
    from alkit.testing.suites import SourceTests as SourceTests
    from alkit.testing.suites import StrategyTests as StrategyTests
    from alkit.testing.suites import TaskTests as TaskTests
    from alkit.testing.tasks import check_task as check_task
    from alkit.testing.world import World as World
    from alkit.testing.world import make_world as make_world

_HOMES = {
    "alkit.testing.encoders": ("check_encoder",),
    "alkit.testing.executors": ("check_executor",),
    "alkit.testing.formats": ("check_format",),
    "alkit.testing.oracles": ("check_oracle",),
    "alkit.testing.results": (
        "Nonconforming",
        "NotApplicable",
        "Result",
    ),
    "alkit.testing.sources": ("check_source",),
    "alkit.testing.strategies": ("check_strategy",),
    "alkit.testing.suites": (
        "EncoderTests",
        "ExecutorTests",
        "FormatTests",
        "OracleTests",
        "SourceTests",
        "StrategyTests",
        "TaskTests",
    ),
    "alkit.testing.tasks": ("check_task",),
    "alkit.testing.world": (
        "World",
        "make_world",
    ),
}

__all__ = sorted([name for names in _HOMES.values() for name in names])
__getattr__, __dir__ = lazy_exports(__name__, _HOMES, __all__)
