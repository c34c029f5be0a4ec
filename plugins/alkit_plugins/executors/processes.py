"""Jobs in processes of this machine, by joblib."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar

import alkit
from alkit.errors import WorkersLost
from alkit.interfaces import Executor

Job = TypeVar("Job")


@dataclass(kw_only=True)
class Processes(Executor):
    """Run jobs in processes of this machine, with one thread each."""

    name: ClassVar[str] = "processes"

    def run(
        self, function: Callable[[Job], None], jobs: Sequence[Job], *, say: Callable[[str], None]
    ) -> None:
        """Call the function with each job in a process that is free."""
        # joblib is slow to import
        from joblib import Parallel, delayed, parallel_config  # noqa: PLC0415
        from joblib.externals.loky.process_executor import BrokenProcessPool  # noqa: PLC0415

        workers = min(self.workers or os.cpu_count() or 1, len(jobs))
        try:
            # A worker takes one job at a time: jobs differ in length, and a killed worker loses only one.
            with parallel_config(backend="loky", inner_max_num_threads=1):
                Parallel(n_jobs=workers, batch_size=1, pre_dispatch=workers)(
                    delayed(function)(job) for job in jobs
                )
        except BrokenProcessPool as error:
            raise WorkersLost("a worker process was killed") from error


@alkit.hookimpl
def alkit_executors() -> list[type[Executor]]:
    """Offer the executor."""
    return [Processes]
