"""Where cells run: in this process, in processes of this machine, or on a dask cluster."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

from alkit.errors import BenchmarkError
from alkit.utils.progress import Progress

from .cell import Cell, run_cell

Backend = Literal["loky", "dask", "sequential"]
Runner = Callable[[Sequence[Cell]], None]

# Dask's nanny makes the C library give memory back all the time, which makes convolutions on a CPU two to
# three times slower; see `alkit.utils.malloc`.
MALLOC = {
    "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": 2**30,
    "distributed.nanny.pre-spawn-environ.MALLOC_MMAP_THRESHOLD_": 2**30,
    "distributed.nanny.pre-spawn-environ.OMP_NUM_THREADS": 1,
}


def runner_of(backend: Backend, jobs: int, scheduler: str | None, progress: Progress) -> Runner:
    """Return a function that runs cells; its caller runs a cell again if the worker died."""
    if backend == "sequential":
        return _one_by_one
    if backend == "loky":
        return lambda cells: _with_loky(cells, jobs)
    return lambda cells: with_dask(cells, jobs, scheduler, progress)


def _one_by_one(cells: Sequence[Cell]) -> None:
    for cell in cells:
        run_cell(cell)


def _with_loky(cells: Sequence[Cell], jobs: int) -> None:
    from joblib import Parallel, delayed  # noqa: PLC0415  # joblib is slow to import

    # A worker takes one cell at a time: cells differ in length, and a killed worker loses only one.
    Parallel(n_jobs=jobs, backend="loky", batch_size=1, pre_dispatch=jobs)(
        delayed(run_cell)(cell) for cell in cells
    )


def with_dask(cells: Sequence[Cell], jobs: int, scheduler: str | None, progress: Progress) -> None:
    """Run cells on a cluster; a cell whose worker died runs on another one, from where it was.

    Raises:
        BenchmarkError: dask is not installed, or the scheduler cannot be reached.
    """
    from joblib import Parallel, delayed, parallel_config  # noqa: PLC0415  # joblib is slow to import

    with _client(jobs, scheduler) as client:
        progress.line(f"dask dashboard: {client.dashboard_link}")
        with parallel_config(backend="dask"):
            Parallel(n_jobs=-1, batch_size=1)(delayed(run_cell)(cell) for cell in cells)


@contextlib.contextmanager
def _client(jobs: int, scheduler: str | None) -> Iterator[Any]:
    try:
        import dask  # noqa: PLC0415  # an extra
        from distributed import Client, LocalCluster  # noqa: PLC0415  # an extra
    except ImportError as error:
        raise BenchmarkError(
            "the dask backend is not installed; install it with: pip install 'alkit[dask]'"
        ) from error
    if scheduler is not None:
        try:
            with Client(scheduler, timeout="20s") as client:
                yield client
        except OSError as error:
            raise BenchmarkError(
                f"no dask scheduler answers at {scheduler}: {error}; check --scheduler"
            ) from error
        return
    with (
        dask.config.set(MALLOC),
        LocalCluster(n_workers=jobs, threads_per_worker=1, host="127.0.0.1") as cluster,
        Client(cluster) as client,
    ):
        yield client
