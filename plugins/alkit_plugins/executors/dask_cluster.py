"""Jobs on a dask cluster, of this machine or of many."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import alkit
from alkit import option
from alkit.errors import ExecutorError, WorkersLost
from alkit.interfaces import Executor

Job = TypeVar("Job")

# Dask's nanny makes the C library give memory back all the time, which makes convolutions on a CPU two to
# three times slower.
WORKER_ENVIRONMENT = {
    "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": 2**30,
    "distributed.nanny.pre-spawn-environ.MALLOC_MMAP_THRESHOLD_": 2**30,
    "distributed.nanny.pre-spawn-environ.OMP_NUM_THREADS": 1,
}


@dataclass(kw_only=True)
class Dask(Executor):
    """Run jobs on a dask cluster; its workers must see the same files under the same paths."""

    name: ClassVar[str] = "dask"

    scheduler: str = option("", "address of a scheduler; empty: start a cluster on this machine")

    def run(
        self, function: Callable[[Job], None], jobs: Sequence[Job], *, say: Callable[[str], None]
    ) -> None:
        """Submit a task for each job; a job whose worker died runs on another one.

        Raises:
            ExecutorError: dask is not installed, or the scheduler cannot be reached.
        """
        with self._client(len(jobs)) as client:
            from distributed import KilledWorker, as_completed  # noqa: PLC0415  # an extra

            say(f"dask dashboard: {client.dashboard_link}")
            waiting, futures = list(reversed(jobs)), as_completed()

            def submit() -> None:
                futures.add(client.submit(function, waiting.pop(), pure=False))

            # With --scheduler, --workers says how many of the cluster's workers may be busy with this.
            for _ in range(min(self.workers or len(jobs), len(jobs))):
                submit()
            try:
                for future in futures:
                    future.result()
                    if waiting:
                        submit()
            except KilledWorker as error:
                raise WorkersLost("workers of the dask cluster died") from error

    @contextlib.contextmanager
    def _client(self, jobs: int) -> Iterator[Any]:
        try:
            import dask  # noqa: PLC0415  # an extra
            from distributed import Client, LocalCluster  # noqa: PLC0415  # an extra
        except ImportError as error:
            raise ExecutorError(
                "dask is not installed; install it with: pip install 'alkit[dask]'"
            ) from error
        if self.scheduler:
            try:
                client = Client(self.scheduler, timeout="20s")
            except (OSError, ValueError) as error:  # ValueError: no address
                raise ExecutorError(
                    f"no dask scheduler answers at {self.scheduler}: {error}; check --scheduler"
                ) from error
            with client:
                yield client
            return
        workers = min(self.workers or os.cpu_count() or 1, jobs)
        with (
            dask.config.set(WORKER_ENVIRONMENT),
            LocalCluster(n_workers=workers, threads_per_worker=1, host="127.0.0.1") as cluster,
            Client(cluster) as client,
        ):
            yield client


@alkit.hookimpl
def alkit_executors() -> list[type[Executor]]:
    """Offer the executor."""
    return [Dask]
