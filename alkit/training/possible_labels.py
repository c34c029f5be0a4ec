"""Labels that images might have: the most probable ones, random ones, or each with its chance."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch

from alkit.errors import UnsupportedTask

if TYPE_CHECKING:
    from torch import Tensor

    from alkit.interfaces.task import TaskModel

    from .types import Output

CLASS_KINDS = ("class", "classes", "mask")
"""Kinds of labels whose targets are class numbers along dimension 1 of the probabilities."""


@dataclasses.dataclass(frozen=True, slots=True)
class Hypothesis:
    """Labels that a batch of images might have.

    Attributes:
        targets: rows for B images, as `TaskModel.encode` makes them.
        chance: [B] of these labels; the chances of all hypotheses sum to one.
    """

    targets: Any
    chance: Tensor


def hypotheses(
    model: TaskModel, output: Output, *, draws: int, generator: torch.Generator
) -> Iterator[Hypothesis]:
    """Yield what the labels of a batch may be: every class in turn, or labels drawn as the model expects.

    Args:
        model: the task model.
        output: its output; probabilities [B, classes] give one hypothesis a class, which is exact.
        draws: hypotheses for outputs of any other kind, of which there are too many to go through.
        generator: on the CPU; the only source of randomness.
    """
    plain = _without_graph(output)
    shares = plain.probabilities
    if shares is not None and shares.dim() == 2:
        for number in range(shares.shape[1]):
            certain = torch.zeros_like(shares)
            certain[:, number] = 1.0
            yield Hypothesis(
                model.targets_of(dataclasses.replace(plain, probabilities=certain)), shares[:, number]
            )
        return
    known = next(
        part for part in (shares, plain.numbers, plain.embedding, plain.prediction) if part is not None
    )
    chance = torch.full((len(known),), 1.0 / draws, device=known.device)
    for _ in range(draws):
        yield Hypothesis(model.targets_of(plain, generator), chance)


def class_targets(output: Output, kind: str, generator: torch.Generator | None) -> Tensor:
    """Return class numbers [B, positions...] from probabilities; 0 and 1 for sets of classes.

    Args:
        output: of a task model.
        kind: of its labels.
        generator: draws each position on its own; None takes the most probable.

    Raises:
        UnsupportedTask: the output has no probabilities, or labels are of another kind.
    """
    shares = output.probabilities
    if shares is None or kind not in CLASS_KINDS:
        raise UnsupportedTask(
            f"labels of the kind '{kind}' cannot be told from the model's output"
            f"{' without probabilities' if shares is None else ''}; the author of the task can override "
            "TaskModel.targets_of"
        )
    numbers = shares.argmax(dim=1) if generator is None else _drawn(shares, generator)
    return numbers.to(torch.int8) if kind == "classes" else numbers


def _drawn(shares: Tensor, generator: torch.Generator) -> Tensor:
    """Draw a class for each position of probabilities [B, classes, positions...]."""
    uniform = torch.rand(shares.select(1, 0).shape, generator=generator).to(shares.device)
    until = shares.float().cumsum(dim=1)
    passed = until <= (uniform * until[:, -1]).unsqueeze(1)
    return passed.sum(dim=1).clamp_max(shares.shape[1] - 1)


def _without_graph(output: Output) -> Output:
    def alone(tensor: Tensor | None) -> Tensor | None:
        return None if tensor is None else tensor.detach()

    return dataclasses.replace(
        output,
        probabilities=alone(output.probabilities),
        numbers=alone(output.numbers),
        variances=alone(output.variances),
    )
