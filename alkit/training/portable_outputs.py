"""What the outputs of a network without alkit mean, by the kind of labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from .types import Output

MEANINGS = {
    "class": "probabilities",
    "classes": "probabilities",
    "number": "numbers",
    "mask": "probabilities",
}
"""What the outputs are called, by the kind of labels; other kinds cannot be exported."""


def meaning_of(kind: str, outputs: Tensor) -> Tensor:
    """Return what the outputs of a portable network say: probabilities, or numbers as they are.

    Args:
        kind: of the labels.
        outputs: logits [B, L], for masks [B, classes, H, W]; or numbers, with their deviations after them.
    """
    if kind == "number":
        return outputs.float()
    return outputs.float().sigmoid() if kind == "classes" else outputs.float().softmax(dim=1)


def own_meaning(kind: str, output: Output) -> Tensor | None:
    """Return the same of a task's own output, or None if the task does not give it."""
    if kind == "number":
        if output.numbers is None or output.variances is None:
            return output.numbers
        return torch.cat([output.numbers, output.variances.sqrt()], dim=1)
    if kind == "classes" and output.probabilities is not None:
        return output.probabilities[:, 1]
    return output.probabilities


def gap_between(first: Tensor, second: Tensor) -> float:
    """Return the largest difference, in proportion to the largest value if that is above one."""
    first, second = first.float().cpu(), second.float().cpu()
    return float((first - second).abs().max() / first.abs().max().clamp_min(1.0))
