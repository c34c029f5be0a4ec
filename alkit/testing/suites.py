"""Test classes for pytest: inherit from one and name the plugin."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from alkit.errors import AlkitError
from alkit.interfaces.format import Format
from alkit.interfaces.oracle import Oracle
from alkit.interfaces.strategy import Strategy
from alkit.interfaces.task import TaskModel

from . import formats, oracles, tasks
from .formats import FormatSubject
from .results import Nonconforming, NotApplicable, title
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

    def test_interface(self, subject: Subject) -> None:
        """Run the checks that do not depend on a task."""
        with one_thread():
            run_checks(INTERFACE_CHECKS, lambda check: check(subject))

    @pytest.mark.parametrize("task", TASKS)
    def test_task(self, subject: Subject, task: str) -> None:
        """Run the checks for a task that provides what the strategy needs."""
        with one_thread():
            run_checks(TASK_CHECKS, lambda check: check(subject, task))


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

    def test_task(self, subject: TaskSubject) -> None:
        """Run the checks of a task model."""
        with one_thread():
            run_checks(tasks.CHECKS, lambda check: check(subject))


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
        run_checks(oracles.CHECKS, lambda check: check(oracle, list(self.indices)))


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

    def test_format(self, tmp_path: Path) -> None:
        """Run the checks of a format, each in its own folder."""
        wanted = _wanted(type(self), self.format, "format")

        def call(check: Callable[[FormatSubject], None]) -> None:
            check(FormatSubject(wanted, self.options, tmp_path / title(check)))

        run_checks(formats.CHECKS, call)


@functools.cache
def _strategy_subject(own: type[StrategyTests]) -> Subject:
    """Return one subject per test class, so that many checks share one choice to compare with."""
    return Subject(_wanted(own, own.strategy, "strategy"), own.options, own.device)


def _wanted(own: Any, cls: Any, kind: str) -> Any:
    if not own.name and cls is None:
        pytest.fail(f"{own.__name__} names no {kind}; set name = '...' or {kind} = ...", pytrace=False)
    return own.name or cls


def run_checks(checks: Sequence[Callable[..., None]], call: Callable[[Any], None]) -> None:
    """Run all checks in one test, and fail once with the sentences of all that fail.

    The first failure's traceback is shown; a test is skipped if none of its checks apply.
    """
    failures: list[tuple[str, Exception]] = []
    left_out: list[NotApplicable] = []
    for check in checks:
        try:
            call(check)
        except NotApplicable as reason:
            left_out.append(reason)
        except Exception as error:  # any error in the plugin's code is a failure
            failures.append((title(check), error))
    if failures:
        told = [f"{name}: {_sentence(error)}" for name, error in failures]
        counted = "1 check fails" if len(told) == 1 else f"{len(told)} checks fail"
        raise Nonconforming("\n  ".join([f"{counted} of {len(checks)}:", *told])) from failures[0][1]
    if len(left_out) == len(checks):
        pytest.skip(str(left_out[0]))


def _sentence(error: Exception) -> str:
    known = isinstance(error, (Nonconforming, AlkitError))
    return str(error) if known else f"{type(error).__name__}: {error}"
