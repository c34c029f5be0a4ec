"""Tasks in which any number of classes apply to an image: probabilities are [B, 2, L], targets [n, L]."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alkit import TaskSpec

if TYPE_CHECKING:
    from torch import Tensor

    from alkit import Cycle, Output


def has_sets(cycle: Cycle) -> bool:
    """Say whether labels are sets of classes."""
    spec = getattr(cycle.model, "spec", None)  # a model need not be a whole task
    return isinstance(spec, TaskSpec) and spec.averages and not spec.dense


def applying(output: Output) -> Tensor:
    """Return the probability that each class applies, [B, L]."""
    assert output.probabilities is not None
    return output.probabilities[:, 1]
