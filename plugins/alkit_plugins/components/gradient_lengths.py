"""How long the gradient of each image is, for every label that it may have."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from alkit.errors import UnsupportedTask
from alkit.training import hypotheses

if TYPE_CHECKING:
    from alkit import Batch, Output, TaskModel


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a layer: the layer, what went in, [B, ...], and what came out, [B, ...]."""

    layer: nn.Module
    given: Tensor
    result: Tensor


@dataclass
class LastLayer:
    """Expected lengths of the gradient by the weights of the last layer, which are exact.

    The last layer is the last one called that has weights and changes the loss. Its gradient for one image
    follows from what goes in and the gradient of what comes out, so the network runs once for all labels.

    Attributes:
        model: the task model.
        draws: labels to draw where there are too many to go through.
        layer: found in the first batch.
    """

    model: TaskModel
    draws: int
    layer: nn.Module | None = field(init=False, default=None)

    def __call__(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Return the expected length for each image, [B]."""
        with self._recorded() as calls:
            output = self.model.forward_batch(batch)
        expected = torch.zeros(len(batch))
        for guess in hypotheses(self.model, output, draws=self.draws, generator=generator):
            calls = self._of_last_layer(calls, output, guess.targets)
            loss = self.model.loss(output, guess.targets).sum()
            errors = torch.autograd.grad(loss, [call.result for call in calls], retain_graph=True)
            expected = expected.to(guess.chance) + guess.chance * lengths(calls, errors)
        return expected

    @contextlib.contextmanager
    def _recorded(self) -> Iterator[list[Call]]:
        """Collect the calls of the last layer; until it is known, those of all layers with weights."""
        calls: list[Call] = []

        def collect(module: nn.Module, given: tuple[Tensor, ...], result: Tensor) -> None:
            if isinstance(result, Tensor):
                calls.append(Call(module, given[0].detach(), result))

        layers = [self.layer] if self.layer is not None else _with_weights(self.model.network)
        handles = [layer.register_forward_hook(collect) for layer in layers]
        try:
            yield calls
        finally:
            for handle in handles:
                handle.remove()

    def _of_last_layer(self, calls: list[Call], output: Output, targets: object) -> list[Call]:
        if self.layer is None:
            loss = self.model.loss(output, targets).sum()
            results = [call.result for call in calls]
            found = torch.autograd.grad(loss, results, retain_graph=True, allow_unused=True) if calls else ()
            used = [call.layer for call, gradient in zip(calls, found, strict=True) if gradient is not None]
            if not used:
                raise UnsupportedTask(
                    f"the network of task '{self.model.name}' calls no layer with weights as a module, so "
                    "there is no last one; use layers=all"
                )
            self.layer = used[-1]
        return [call for call in calls if call.layer is self.layer]


def lengths(calls: list[Call], errors: tuple[Tensor, ...]) -> Tensor:
    """Return the length of each image's gradient by the weights of the layer that was called, [B].

    Args:
        calls: of one layer.
        errors: gradients of the loss by what came out of each call, [B, ...].
    """
    layer, first = calls[0].layer, calls[0].given
    if len(calls) == 1 and type(layer) is nn.Linear and first.dim() == 2:
        rows = first.float().square().sum(dim=1) + (0.0 if layer.bias is None else 1.0)
        return (errors[0].float().square().sum(dim=1) * rows).sqrt()
    weights = [weight for weight in layer.parameters(recurse=False) if weight.requires_grad]
    found = []
    for image in range(len(first)):
        row = slice(image, image + 1)
        results = [layer(call.given[row]) for call in calls]
        gradients = torch.autograd.grad(results, weights, [error[row] for error in errors])
        found.append(torch.stack([gradient.float().square().sum() for gradient in gradients]).sum().sqrt())
    return torch.stack(found)


def of_all_weights(model: TaskModel, batch: Batch, draws: int, generator: torch.Generator) -> Tensor:
    """Return the expected length of the gradient by all weights, [1], for a batch of one image."""
    weights = [weight for weight in model.network.parameters() if weight.requires_grad]
    output = model.forward_batch(batch)
    expected = torch.zeros(1, device=weights[0].device)
    for guess in hypotheses(model, output, draws=draws, generator=generator):
        loss = model.loss(output, guess.targets).sum()
        gradients = torch.autograd.grad(loss, weights, retain_graph=True, allow_unused=True)
        squares = [gradient.float().square().sum() for gradient in gradients if gradient is not None]
        expected += guess.chance * torch.stack(squares).sum().sqrt()
    return expected


def _with_weights(network: nn.Module) -> list[nn.Module]:
    return [
        module
        for module in network.modules()
        if any(weight.requires_grad for weight in module.parameters(recurse=False))
    ]
