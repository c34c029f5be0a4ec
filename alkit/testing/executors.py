"""The checks of an executor."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alkit.errors import AlkitError, SourceError, WorkersLost
from alkit.interfaces.executor import Executor
from alkit.options import build
from alkit.plugin import registry
from alkit.plugin.executors import ATTEMPTS

from .results import Nonconforming, NotApplicable, Result, outcome, require, title

JOBS = 12


@dataclass(frozen=True, slots=True)
class Mark:
    """A job of the checks: writes a file.

    Attributes:
        folder: where the file goes.
        number: of the job; the file's name.
        caller: number of the process that runs the checks.
        fault: what goes wrong first: an error, or the death of the worker.
    """

    folder: str
    number: int
    caller: int
    fault: str = ""

    @property
    def path(self) -> Path:
        """The file."""
        return Path(self.folder) / str(self.number)


def write_mark(mark: Mark) -> None:
    """Do a job of the checks.

    Raises:
        SourceError: the job has that fault.
    """
    if mark.fault == "error":
        raise SourceError(f"job {mark.number} fails")
    died = mark.path.with_suffix(".died")
    if mark.fault == "death" and os.getpid() != mark.caller and not died.exists():
        died.touch()
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
    mark.path.write_text(str(os.getpid()), encoding="utf-8")


class ExecutorSubject:
    """The executor under test.

    Args:
        executor: its entry-point name, or its class.
        given: options, as values or as text.
    """

    def __init__(self, executor: str | type[Executor], given: Mapping[str, Any] | None) -> None:
        self.entry_point = executor if isinstance(executor, str) else None
        self.cls = registry.executors.get(executor) if isinstance(executor, str) else executor
        self._given = dict(given or {})

    def ran(self, folder: str, count: int, fault: Mapping[int, str] | None = None) -> set[int]:
        """Run jobs once; return the numbers of those that are done."""
        executor: Executor = build(self.cls, self._given)
        faults = fault or {}
        marks = [Mark(folder, number, os.getpid(), faults.get(number, "")) for number in range(count)]
        executor.run(write_mark, marks, say=lambda sentence: None)
        return done_in(folder)


def done_in(folder: str) -> set[int]:
    """Return the numbers of the jobs that are done."""
    return {int(path.name) for path in Path(folder).iterdir() if path.name.isdigit()}


def name(subject: ExecutorSubject) -> None:
    """The name is in kebab-case and matches the entry point."""
    own = getattr(subject.cls, "name", None)
    fits = isinstance(own, str) and own == own.lower() and own.replace("-", "").isalnum()
    require(fits, f"the name {own!r} is not in kebab-case: small letters, digits and hyphens")
    if subject.entry_point is not None:
        plain = subject.entry_point.rpartition(":")[2]
        require(own == plain, f"the name '{own}' differs from the entry point '{plain}'")


def runs_every_job(subject: ExecutorSubject) -> None:
    """When `run` returns, every job is done, however many there are; then it can be called again."""
    for count in (1, JOBS):
        with tempfile.TemporaryDirectory() as folder:
            missing = set(range(count)) - subject.ran(folder, count)
            require(not missing, f"{len(missing)} of {count} jobs were not done when run returned")


def errors_arrive(subject: ExecutorSubject) -> None:
    """What a job raises reaches the caller as it is."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            subject.ran(folder, JOBS, {JOBS // 2: "error"})
        except SourceError as error:
            require("fails" in str(error), f"the error of a job lost its sentence: it says '{error}'")
            return
        except Exception as error:
            raise Nonconforming(
                f"a job raised SourceError, and run raised {type(error).__name__}: {error}"
            ) from error
        raise Nonconforming("a job raised SourceError, and run returned as if all was well")


def survives_a_worker(subject: ExecutorSubject) -> None:
    """If a worker process is killed, its job is done by another, or `run` raises `WorkersLost`."""
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(ATTEMPTS):
            try:
                found = subject.ran(folder, JOBS, {1: "death"})
            except WorkersLost:
                continue
            except AlkitError as error:
                raise Nonconforming(f"a worker was killed, and run raised {error!r}") from error
            require(
                found == set(range(JOBS)), "a worker was killed, and its job was not done when run returned"
            )
            if not (Path(folder) / "1.died").exists():
                raise NotApplicable("jobs run in the process of the caller")
            return
        raise Nonconforming(f"run raised WorkersLost {ATTEMPTS} times, although one worker was killed once")


CHECKS: tuple[Callable[[ExecutorSubject], None], ...] = (
    name,
    runs_every_job,
    errors_arrive,
    survives_a_worker,
)


def check_executor(executor: str | type[Executor], given: Mapping[str, Any] | None = None) -> list[Result]:
    """Run every check.

    Args:
        executor: entry-point name, or class.
        given: options, as values or as text.

    Returns:
        One result per check.

    Raises:
        UnknownPlugin, AmbiguousPlugin, BrokenPlugin: there is no such executor.
    """
    subject = ExecutorSubject(executor, given)
    return [outcome(title(check), check, subject) for check in CHECKS]
