"""The companions of several strategies, trained together with one task model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor

    from alkit.training.types import Companion, Step


class Companions(nn.Module):
    """Companions by the place of their strategy; their losses are added up.

    Raises:
        TypeError: a companion is not a `torch.nn.Module`.
    """

    def __init__(self, parts: Mapping[str, Companion]) -> None:
        super().__init__()
        self.parts = nn.ModuleDict(parts)  # type: ignore[arg-type]  # a companion is a module

    def extra_loss(self, step: Step) -> Tensor:
        """Return the sum of what the companions add to the task's loss."""
        losses = [part.extra_loss(step) for part in self.parts.values()]  # type: ignore[operator]
        return torch.stack(losses).sum()

    @property
    def uses_unlabeled(self) -> bool:
        """Whether one of them looks at images without labels."""
        return any(getattr(part, "uses_unlabeled", False) for part in self.parts.values())

    def part(self, place: str) -> Companion | None:
        """Return the companion of the strategy at a place, or None."""
        return dict(self.parts.items()).get(place)  # type: ignore[return-value]
