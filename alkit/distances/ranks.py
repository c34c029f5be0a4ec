"""Rows sharded over the processes of a torch.distributed group; one process alone needs no group."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

if TYPE_CHECKING:
    from torch.distributed import ProcessGroup


Number = TypeVar("Number", bound=np.generic)


class ProcessRanks:
    """The processes that hold the shards, first rows first.

    Attributes:
        rank: this process.
        size: how many there are.
        offset: global position of this process's first row.
        total: rows of all processes.
    """

    def __init__(self, group: ProcessGroup | None, device: torch.device, count: int) -> None:
        self.group, self.rank, self.size, self.offset, self.total = group, 0, 1, 0, count
        self._home = device
        self._device = torch.device("cpu")
        if group is not None:
            import torch.distributed as dist  # noqa: PLC0415  # not in every build of torch

            self._dist = dist
            self.rank, self.size = dist.get_rank(group), dist.get_world_size(group)
            self._device = device if dist.get_backend(group) == "nccl" else self._device
            counts = self.join(np.array([count]))
            self.offset, self.total = int(counts[: self.rank].sum()), int(counts.sum())

    def join_rows(self, rows: Tensor) -> Tensor:
        """Return the rows [n, D] of all processes, in order of rank, on the device they came from."""
        if self.size == 1:
            return rows
        flat = rows.contiguous().view(torch.uint8).to(self._device)  # bytes: every backend carries them
        count = torch.tensor([len(flat)], device=self._device)
        counts = [torch.zeros_like(count) for _ in range(self.size)]
        self._dist.all_gather(counts, count, group=self.group)
        longest = max(int(count) for count in counts)
        padded = flat.new_zeros(longest, flat.shape[1])
        padded[: len(flat)] = flat
        parts = [torch.empty_like(padded) for _ in range(self.size)]
        self._dist.all_gather(parts, padded, group=self.group)
        joined = torch.cat([part[: int(count)] for part, count in zip(parts, counts, strict=True)])
        return joined.to(self._home).view(rows.dtype)

    def join(self, values: npt.NDArray[Number]) -> npt.NDArray[Number]:
        """Return the values [n] of all processes, in order of rank."""
        if self.size == 1:
            return values
        joined = self.join_rows(torch.from_numpy(np.ascontiguousarray(values)).unsqueeze(1))
        return joined.squeeze(1).cpu().numpy()
