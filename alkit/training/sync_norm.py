"""Batch normalization over the batch of all processes, in place of each process's own part."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

if TYPE_CHECKING:
    from .exchange import Exchange


@contextlib.contextmanager
def synchronized(network: nn.Module, exchange: Exchange) -> Iterator[None]:
    """Let a network's batch normalization use the statistics of all processes.

    torch's own `SyncBatchNorm` works on GPUs only, and changes the modules of the network. Subclasses that
    compute something else stay as they are.
    """
    modules = [
        module
        for module in network.modules()
        if isinstance(module, _BatchNorm) and type(module).forward is _BatchNorm.forward
    ]
    for module in modules:
        setattr(module, "forward", partial(_normalized, module, module.forward, exchange))  # noqa: B010
    try:
        yield
    finally:
        for module in modules:
            del module.forward


def _normalized(
    module: _BatchNorm, alone: Callable[[Tensor], Tensor], exchange: Exchange, values: Tensor
) -> Tensor:
    if not (module.training or module.running_mean is None):
        return alone(values)
    module._check_input_dim(values)
    mean, variance, count = _statistics(values.detach().float(), exchange)
    if module.training and module.track_running_stats:
        _remember(module, mean, variance, count)
    normalized: Tensor = _Normalized.apply(
        values, module.weight, module.bias, mean, variance, count, module.eps, exchange
    )
    return normalized


def _statistics(values: Tensor, exchange: Exchange) -> tuple[Tensor, Tensor, int]:
    """Return mean and biased variance of each channel [C] over all processes, and how many values it has."""
    variance, mean = torch.var_mean(values, dim=_others(values), correction=0)
    count = values.numel() // values.shape[1]
    own = torch.cat([torch.full_like(mean[:1], count), mean, variance])
    rows, _ = exchange.rows_of_all(own.double().unsqueeze(0))
    counts, means, variances = rows[:, :1], *rows[:, 1:].chunk(2, dim=1)
    total = counts.sum()
    all_mean = (counts * means).sum(dim=0) / total
    all_variance = (counts * (variances + (means - all_mean).square())).sum(dim=0) / total
    return all_mean.float(), all_variance.float(), int(total)


def _remember(module: _BatchNorm, mean: Tensor, variance: Tensor, count: int) -> None:
    assert module.running_mean is not None and module.running_var is not None
    assert module.num_batches_tracked is not None
    module.num_batches_tracked.add_(1)
    share = 1.0 / float(module.num_batches_tracked) if module.momentum is None else module.momentum
    module.running_mean.lerp_(mean.to(module.running_mean), share)
    unbiased = variance * (count / max(count - 1, 1))
    module.running_var.lerp_(unbiased.to(module.running_var), share)


def _others(values: Tensor) -> list[int]:
    """Return all dimensions but that of channels."""
    return [0, *range(2, values.dim())]


class _Normalized(torch.autograd.Function):
    """Normalizes with given statistics; the gradient knows that they depend on the values of all."""

    @staticmethod
    def forward(
        ctx: Any,
        values: Tensor,
        weight: Tensor | None,
        bias: Tensor | None,
        mean: Tensor,
        variance: Tensor,
        count: int,
        eps: float,
        exchange: Exchange,
    ) -> Tensor:
        ctx.save_for_backward(values, weight, mean, (variance + eps).rsqrt())
        ctx.count, ctx.exchange = count, exchange
        return F.batch_norm(values, mean, variance, weight, bias, False, 0.0, eps)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor | None, ...]:
        values, weight, mean, scale = ctx.saved_tensors
        shape = [1, -1] + [1] * (values.dim() - 2)
        gradient = gradients[0].float()
        unit = (values.float() - mean.view(shape)) * scale.view(shape)
        of_bias = gradient.sum(dim=_others(values))
        of_weight = (gradient * unit).sum(dim=_others(values))
        means = ctx.exchange.total(torch.stack([of_bias, of_weight])) / ctx.count
        factor = scale if weight is None else scale * weight
        centered = gradient - means[0].view(shape) - unit * means[1].view(shape)
        of_values = (centered * factor.view(shape)).to(values.dtype)
        if weight is None:
            return of_values, None, None, None, None, None, None, None
        return of_values, of_weight.to(weight.dtype), of_bias.to(weight.dtype), None, None, None, None, None
