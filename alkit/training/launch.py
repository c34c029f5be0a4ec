"""The processes of one command that torchrun started: their numbers, and how they talk to each other."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from typing import TYPE_CHECKING

from alkit.errors import TrainingError

if TYPE_CHECKING:
    import torch
    from torch.distributed import ProcessGroup
    from torch.distributed.distributed_c10d import Store

SECONDS_BETWEEN_LOOKS = 0.05
LONGEST_WAIT = timedelta(days=30)  # for a command that scores for days before it trains again
LOST = (
    "another process of this command has ended or was killed; run the same command again, and a training "
    "goes on from its last checkpoint"
)

_current: Launch | None = None


def is_launched() -> bool:
    """Say whether torchrun, or another launcher with the same variables, started several processes."""
    size = os.environ.get("WORLD_SIZE", "")
    return "RANK" in os.environ and "MASTER_ADDR" in os.environ and size.isdigit() and int(size) > 1


def current() -> Launch | None:
    """Return the processes of this command; None if it is alone."""
    return _current


class Launch:
    """The processes of one command. Number 0 runs it; the others wait for trainings to take part in.

    Args:
        store: where messages are kept.
        rank: number of this process.
        size: how many there are.
        local_rank: number of this process on its machine.
        local_size: how many there are on this machine.
    """

    def __init__(self, store: Store, rank: int, size: int, local_rank: int = 0, local_size: int = 1) -> None:
        self.rank, self.size, self.local_rank, self.local_size = rank, size, local_rank, local_size
        self._store = store
        self._jobs = 0
        self._groups: dict[str, ProcessGroup] = {}

    @classmethod
    def join(cls) -> Launch:
        """Meet the other processes, as the variables of torchrun say; from now on they are `current`."""
        global _current
        from torch.distributed.distributed_c10d import PrefixStore  # noqa: PLC0415  # as torch
        from torch.distributed.rendezvous import rendezvous  # noqa: PLC0415  # torch takes seconds to import

        store, rank, size = next(iter(rendezvous("env://", timeout=LONGEST_WAIT)))
        local = int(os.environ.get("LOCAL_RANK", "0")), int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
        _current = cls(PrefixStore("alkit", store), rank, size, *local)
        return _current

    def announce(self, job: str) -> None:
        """Tell the others about a job, and wait until they are ready.

        Raises:
            TrainingError: a process cannot take part.
        """
        self._jobs += 1
        self._store.set(f"job/{self._jobs}", job)
        for rank in range(1, self.size):
            if reason := self._said(f"ready/{self._jobs}/{rank}"):
                raise TrainingError(f"process {rank} of {self.size} cannot take part: {reason}")

    def next_job(self) -> str:
        """Wait for the next job and return it; empty when the command ends."""
        self._jobs += 1
        return self._said(f"job/{self._jobs}")

    def ready(self, error: str = "") -> None:
        """Tell process 0 that this one is ready for the job, or why it is not."""
        self._store.set(f"ready/{self._jobs}/{self.rank}", error)

    def end(self) -> None:
        """Let the others end."""
        self._store.set(f"job/{self._jobs + 1}", "")

    def group(self, device: torch.device) -> ProcessGroup:
        """Return what the processes exchange tensors of a device with; all call it at the same time."""
        import torch.distributed as dist  # noqa: PLC0415  # torch takes seconds to import
        from torch.distributed.distributed_c10d import PrefixStore  # noqa: PLC0415  # as torch

        backend = "nccl" if device.type == "cuda" else "gloo"
        if backend not in self._groups:
            if not dist.is_initialized():
                store = PrefixStore("group", self._store)
                dist.init_process_group(backend, store=store, rank=self.rank, world_size=self.size)
            group = dist.new_group(backend=backend)
            assert not isinstance(group, int)  # it is an int where a process is not a member
            self._groups[backend] = group
        return self._groups[backend]

    def _said(self, key: str) -> str:
        while not self._store.check([key]):  # waiting inside torch would keep signals from Python
            time.sleep(SECONDS_BETWEEN_LOOKS)
        text: bytes = self._store.get(key)
        return text.decode()
