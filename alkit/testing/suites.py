"""Test classes for pytest: inherit from one and name the plugin.

One test runs all checks of a plugin; a strategy has one for its interface and one per task. A test fails once
for all failed checks, explained as by `alkit check`, and is skipped if no check applies.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pytest

from alkit.data.source import Source
from alkit.interfaces.executor import Executor
from alkit.interfaces.format import Format
from alkit.interfaces.oracle import Oracle
from alkit.interfaces.strategy import Strategy
from alkit.interfaces.task import TaskModel

from .encoders import check_encoder
from .executors import check_executor
from .formats import check_format
from .hints import describe
from .oracles import check_oracle
from .results import Nonconforming, Result
from .sources import check_source
from .strategies import interface_results, task_results
from .subject import Subject
from .tasks import check_task
from .toy_tasks import TASKS


class StrategyTests:
    """All checks of a strategy, on every task.

    Attributes:
        name: the entry point's name; or else
        strategy: the class, where there is no entry point.
        options: given to the strategy; choose small ones, since it trains and selects many times.
        device: where the worlds live.
    """

    name: ClassVar[str] = ""
    strategy: ClassVar[type[Strategy] | None] = None
    options: ClassVar[Mapping[str, Any]] = {}
    device: ClassVar[str] = "cpu"

    def test_interface(self) -> None:
        """Run the checks that do not depend on a task."""
        _judge("strategy", interface_results(self._subject()))

    @pytest.mark.parametrize("task", TASKS)
    def test_task(self, task: str) -> None:
        """Run the checks for a task that provides what the strategy needs."""
        _judge("strategy", task_results(self._subject(), task))

    def _subject(self) -> Subject:
        own: Any = type(self)
        return _strategy_subject(own)


class TaskTests:
    """All checks of a task model.

    Attributes:
        name: the entry point's name; or else
        task: the class, where there is no entry point.
        options: given to the task model.
        image_shape: (C, H, W) that it is built for.
        classes: names of classes; empty where the task has none.
        values: an acceptable answer for each of a few images; made for the kind of labels by default.
    """

    name: ClassVar[str] = ""
    task: ClassVar[type[TaskModel] | None] = None
    options: ClassVar[Mapping[str, Any]] = {}
    image_shape: ClassVar[tuple[int, int, int]] = (3, 16, 16)
    classes: ClassVar[Sequence[str]] = ("cat", "dog", "owl")
    values: ClassVar[Sequence[Any]] = ()

    def test_task(self) -> None:
        """Run the checks of a task model."""
        task = _wanted(type(self), self.task, "task")
        shape, classes, values = self.image_shape, self.classes, self.values
        _judge("task", check_task(task, self.options, classes=classes, values=values, shape=shape))


class OracleTests:
    """All checks of an oracle; a subclass overrides `oracle`.

    Attributes:
        indices: images that it is asked for; some of them it should know.
    """

    indices: ClassVar[Sequence[int]] = range(8)

    @pytest.fixture
    def oracle(self) -> Oracle:
        """Return the oracle under test, connected to its pool."""
        raise NotImplementedError("override the fixture 'oracle'")

    def test_oracle(self, oracle: Oracle) -> None:
        """Run the checks of an oracle."""
        _judge("oracle", check_oracle(oracle, self.indices))


class EncoderTests:
    """All checks of an encoder.

    Attributes:
        name: as users type it.
        weights: file with its weights, if they do not come with it.
    """

    name: ClassVar[str] = ""
    weights: ClassVar[str] = ""

    def test_encoder(self) -> None:
        """Run the checks of an encoder."""
        _judge("encoder", check_encoder(self.name, weights=self.weights))


class SourceTests:
    """All checks of a source; a subclass overrides `location`.

    Attributes:
        name: the entry point's name; or else
        source: the class, where there is no entry point.
    """

    name: ClassVar[str] = ""
    source: ClassVar[type[Source] | None] = None

    @pytest.fixture
    def location(self) -> str:
        """Return the location of some images, as users write it."""
        raise NotImplementedError("override the fixture 'location'")

    def test_source(self, location: str) -> None:
        """Run the checks of a source."""
        _judge("source", check_source(location, _wanted(type(self), self.source, "source")))


class ExecutorTests:
    """All checks of an executor.

    Attributes:
        name: the entry point's name; or else
        executor: the class, where there is no entry point.
        options: given to the executor.
    """

    name: ClassVar[str] = ""
    executor: ClassVar[type[Executor] | None] = None
    options: ClassVar[Mapping[str, Any]] = {}

    def test_executor(self) -> None:
        """Run the checks of an executor."""
        _judge("executor", check_executor(_wanted(type(self), self.executor, "executor"), self.options))


class FormatTests:
    """All checks of a format.

    Attributes:
        name: the entry point's name; or else
        format: the class, where there is no entry point.
        options: given to the format.
    """

    name: ClassVar[str] = ""
    format: ClassVar[type[Format] | None] = None
    options: ClassVar[Mapping[str, Any]] = {}

    def test_format(self) -> None:
        """Run the checks of a format."""
        _judge("format", check_format(_wanted(type(self), self.format, "format"), self.options))


@functools.cache
def _strategy_subject(own: Any) -> Subject:
    """Return one subject per test class, so that many checks share one choice to compare with."""
    return Subject(_wanted(own, own.strategy, "strategy"), own.options, own.device)


def _wanted(own: Any, cls: Any, kind: str) -> Any:
    if not own.name and cls is None:
        pytest.fail(f"{own.__name__} names no {kind}; set name = '...' or {kind} = ...", pytrace=False)
    return own.name or cls


def _judge(kind: str, results: Sequence[Result]) -> None:
    """Fail once for all failed checks, below the first failure's traceback; skip if no check applies.

    Raises:
        Nonconforming: a check failed.
    """
    __tracebackhide__ = True
    left_out = [f"{result.check}: {result.sentence}" for result in results if result.ok and result.sentence]
    print("\n".join(left_out))  # pytest -rP shows it
    if failed := [result for result in results if not result.ok]:
        names = ", ".join(result.check for result in failed)
        headline = f"{len(failed)} of {len(results)} checks failed: {names}"
        raise Nonconforming(f"{headline}\n\n{describe(kind, failed)}") from failed[0].error
    if len(left_out) == len(results):
        pytest.skip("; ".join(left_out))
