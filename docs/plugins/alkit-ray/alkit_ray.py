"""Jobs on a Ray cluster, of this machine or of many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import ray

import alkit
from alkit.errors import ExecutorError, WorkersLost

alkit_interface = 1

Job = TypeVar("Job")


@dataclass(kw_only=True)
class Ray(alkit.Executor):
    """Run jobs on a Ray cluster; its nodes must see the same files under the same paths."""

    name = "ray"

    scheduler: str = alkit.option("", "address of a cluster; empty: start Ray on this machine")
    gpus: float = alkit.option(0.0, "GPUs a job takes", minimum=0.0)

    def run(
        self, function: Callable[[Job], None], jobs: Sequence[Job], *, say: Callable[[str], None]
    ) -> None:
        """Submit a task for each job, at most `workers` of them at once."""
        try:
            cpus = None if self.scheduler else self.workers
            ray.init(self.scheduler or "local", num_cpus=cpus, include_dashboard=False, log_to_driver=False)
        except (ConnectionError, ValueError) as error:
            raise ExecutorError(
                f"no Ray cluster answers at {self.scheduler}: {error}; check --scheduler"
            ) from error
        try:
            task = ray.remote(num_gpus=self.gpus)(function).remote
            waiting, running = list(reversed(jobs)), list[ray.ObjectRef]()
            while waiting or running:
                while waiting and len(running) < (self.workers or len(jobs)):
                    running.append(task(waiting.pop()))
                (done,), running = ray.wait(running, num_returns=1)
                ray.get(done)
        except ray.exceptions.RayTaskError as error:
            raise error.cause from error  # what the job raised
        except (ray.exceptions.WorkerCrashedError, ray.exceptions.NodeDiedError) as error:
            raise WorkersLost("workers of the Ray cluster died") from error
        finally:
            ray.shutdown()


@alkit.hookimpl
def alkit_executors() -> list[type[alkit.Executor]]:
    """Offer the executor."""
    return [Ray]
