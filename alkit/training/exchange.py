"""What the processes of a training exchange: sums, rows of all, tensors of the first; with gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from alkit.errors import ProcessLost

from .launch import LOST

if TYPE_CHECKING:
    from torch.distributed import ProcessGroup


class Exchange:
    """Exchanges tensors with the other processes of a group, which all make the same calls in the same order.

    Args:
        group: the processes.
        device: where the tensors of a training live.
    """

    def __init__(self, group: ProcessGroup, device: torch.device) -> None:
        import torch.distributed as dist  # noqa: PLC0415  # not in every build of torch

        self._dist, self._group, self._device = dist, group, device
        self.rank, self.size = dist.get_rank(group), dist.get_world_size(group)

    def total(self, value: Tensor) -> Tensor:
        """Return the sum over all processes; without gradients."""
        summed = value.detach().clone().contiguous()
        self._reduce(summed)
        return summed

    def from_first(self, value: Tensor) -> Tensor:
        """Return the tensor of process 0, laid out in memory as the one here; without gradients."""
        sent = value.detach().to(self._device).clone(memory_format=torch.contiguous_format)
        self._broadcast(sent)
        return torch.empty_like(value).copy_(sent)  # a fused optimizer takes all to have one layout

    def join(self, rows: Tensor) -> Tensor:
        """Return the rows [B, ...] of all processes, those of process 0 first.

        Gradients flow back to the rows of this process, from the losses of all processes.
        """
        joined: Tensor = _Joined.apply(rows, self)
        return joined

    def rows_of_all(self, rows: Tensor) -> tuple[Tensor, list[int]]:
        """Return the rows of all processes, and how many each has; without gradients."""
        count = torch.tensor([len(rows)], device=self._device)
        counts = [torch.zeros_like(count) for _ in range(self.size)]
        self._gather(counts, count)
        numbers = [int(number) for number in counts]
        padded = rows.new_zeros(max(numbers), *rows.shape[1:])
        padded[: len(rows)] = rows.detach()
        parts = [torch.empty_like(padded) for _ in range(self.size)]
        self._gather(parts, padded)
        return torch.cat([part[:number] for part, number in zip(parts, numbers, strict=True)]), numbers

    def _reduce(self, tensor: Tensor) -> None:
        self._call(self._dist.all_reduce, tensor)

    def _broadcast(self, tensor: Tensor) -> None:
        self._call(self._dist.broadcast, tensor, group_src=0)

    def _gather(self, parts: list[Tensor], tensor: Tensor) -> None:
        self._call(self._dist.all_gather, parts, tensor)

    def _call(self, function: Callable[..., Any], *tensors: Any, **more: Any) -> None:
        try:
            function(*tensors, group=self._group, **more)
        except RuntimeError as error:  # its classes differ between backends
            raise ProcessLost(LOST) from error


class _Joined(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, exchange: Exchange) -> Tensor:
        ctx.exchange, ctx.kind = exchange, rows.dtype
        joined, ctx.counts = exchange.rows_of_all(rows)
        return joined

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, None]:
        exchange: Exchange = ctx.exchange
        total = exchange.total(gradients[0].float())
        begin = sum(ctx.counts[: exchange.rank])
        return total[begin : begin + ctx.counts[exchange.rank]].to(ctx.kind), None
