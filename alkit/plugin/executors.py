"""Executors by name, and running jobs to their end although workers die."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from alkit.errors import AlkitError, BrokenPlugin, ExecutorError, WorkersLost
from alkit.options import build
from alkit.utils.code_places import told

from . import registry
from .faults import shown

if TYPE_CHECKING:
    from alkit.interfaces.executor import Executor
    from alkit.utils.progress import Progress

Job = TypeVar("Job")

ATTEMPTS = 3  # in a row in which workers died and no job was done


def open_executor(executor: str | Executor, options: Mapping[str, Any] | None = None) -> Executor:
    """Find an executor by name, unless it is one already.

    Raises:
        UnknownPlugin: there is no such executor; the message suggests the nearest name.
        InvalidOption: an option does not fit it.
    """
    if not isinstance(executor, str):
        return executor
    found: Executor = build(registry.executors.get(executor), options)
    return found


def run_all(
    executor: Executor,
    function: Callable[[Job], None],
    jobs: Sequence[Job],
    is_done: Callable[[Job], bool],
    progress: Progress,
) -> None:
    """Run jobs until all are done; if workers die, run the jobs again that are not.

    Args:
        executor: runs them.
        function: does one, see `Executor.run`.
        jobs: what to do.
        is_done: says whether a job's result is there after it ran.
        progress: told about workers that died.

    Raises:
        ExecutorError: workers died again and again, or a job ended without a result.
        BrokenPlugin: the executor's own code failed.
    """
    left, attempts = list(jobs), 0
    while left:
        before = len(left)
        try:
            executor.run(function, left, say=progress.line)
            lost = None
        except WorkersLost as error:
            lost = error
        except Exception as error:  # third-party code may raise anything, and so may the jobs
            *_, (frame, _) = traceback.walk_tb(error.__traceback__)
            if isinstance(error, AlkitError) or frame.f_globals.get("__name__") != type(executor).__module__:
                raise
            raise BrokenPlugin(f"{shown(executor)} failed to run jobs: {told(error)}") from error
        left = [job for job in left if not is_done(job)]
        if lost is None and left:
            raise ExecutorError(
                f"{len(left)} of {before} jobs ended without a result; run the same command again to resume"
            )
        attempts = attempts + 1 if len(left) == before else 0
        if lost is not None and attempts == ATTEMPTS:
            raise ExecutorError(
                f"{lost}, {ATTEMPTS} times in a row (too little memory?); run the same command again, "
                "perhaps with fewer --workers, to resume"
            ) from lost
        if left:
            progress.line(f"{lost}; the jobs that are not done run again")
