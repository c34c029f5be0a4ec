"""Test classes for pytest: inherit, name the plugin, done."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from alkit.interfaces.format import Format
from alkit.interfaces.oracle import Oracle
from alkit.interfaces.strategy import Strategy
from alkit.interfaces.task import TaskModel

from . import formats, oracles, tasks
from .formats import FormatSubject
from .results import NotApplicable, title
from .strategies import INTERFACE_CHECKS, TASK_CHECKS
from .subject import Subject
from .tasks import TaskSubject
from .toy_tasks import TASKS
from .world import one_thread


class StrategyTests:
    """All checks of a strategy, on every task.

    Attributes:
        name: the entry point's name; or else
        strategy: the class, where there is no entry point.
        options: given to the strategy; choose small ones, since each check trains and selects anew.
        device: where the worlds live.
    """

    name: ClassVar[str] = ""
    strategy: ClassVar[type[Strategy] | None] = None
    options: ClassVar[Mapping[str, Any]] = {}
    device: ClassVar[str] = "cpu"

    @pytest.fixture
    def subject(self) -> Subject:
        """Return the strategy under test."""
        own: Any = type(self)
        return _strategy_subject(own)

    @pytest.mark.parametrize("check", INTERFACE_CHECKS, ids=title)
    def test_interface(self, subject: Subject, check: Callable[[Subject], None]) -> None:
        """What does not depend on a task."""
        with one_thread(), _skipping():
            check(subject)

    @pytest.mark.parametrize("task", TASKS)
    @pytest.mark.parametrize("check", TASK_CHECKS, ids=title)
    def test_task(self, subject: Subject, check: Callable[[Subject, str], None], task: str) -> None:
        """What holds on every task that provides what the strategy needs."""
        with one_thread(), _skipping():
            check(subject, task)


class TaskTests:
    """All checks of a task model.

    Attributes:
        name: the entry point's name; or else
        task: the class, where there is no entry point.
        options: given to the task model.
        image_shape: (C, H, W) that it is built for.
        classes: names of classes; empty where the task has none.
        values: an acceptable answer for each of a few images; class names in turn by default.
    """

    name: ClassVar[str] = ""
    task: ClassVar[type[TaskModel] | None] = None
    options: ClassVar[Mapping[str, Any]] = {}
    image_shape: ClassVar[tuple[int, int, int]] = (3, 16, 16)
    classes: ClassVar[Sequence[str]] = ("cat", "dog", "owl")
    values: ClassVar[Sequence[Any]] = ()

    @pytest.fixture
    def subject(self) -> TaskSubject:
        """Return the task model under test."""
        task = _wanted(type(self), self.task, "task")
        values = self.values or [self.classes[number % len(self.classes)] for number in range(7)]
        return TaskSubject(task, self.options, self.classes, values, self.image_shape)

    @pytest.mark.parametrize("check", tasks.CHECKS, ids=title)
    def test_task(self, subject: TaskSubject, check: Callable[[TaskSubject], None]) -> None:
        """What every task model promises."""
        with one_thread(), _skipping():
            check(subject)


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

    @pytest.mark.parametrize("check", oracles.CHECKS, ids=title)
    def test_oracle(self, oracle: Oracle, check: Callable[[Oracle, Sequence[int]], None]) -> None:
        """What every oracle promises."""
        check(oracle, list(self.indices))


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

    @pytest.fixture
    def subject(self, tmp_path: Path) -> FormatSubject:
        """Return the format under test."""
        return FormatSubject(_wanted(type(self), self.format, "format"), self.options, tmp_path)

    @pytest.mark.parametrize("check", formats.CHECKS, ids=title)
    def test_format(self, subject: FormatSubject, check: Callable[[FormatSubject], None]) -> None:
        """What every format promises."""
        check(subject)


@functools.cache
def _strategy_subject(own: type[StrategyTests]) -> Subject:
    """Return one subject a test class, so that what many checks compare with is chosen once."""
    return Subject(_wanted(own, own.strategy, "strategy"), own.options, own.device)


def _wanted(own: Any, cls: Any, kind: str) -> Any:
    if not own.name and cls is None:
        pytest.fail(f"{own.__name__} should say name = '...' or {kind} = ...", pytrace=False)
    return own.name or cls


@contextlib.contextmanager
def _skipping() -> Iterator[None]:
    try:
        yield
    except NotApplicable as reason:
        pytest.skip(str(reason))
