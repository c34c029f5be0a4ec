"""Images with their answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from alkit._typing import Indices

    from .store import ImageStore


@dataclass(frozen=True, slots=True, kw_only=True)
class LabeledImages:
    """Images with their answers: a store, positions in it, and one answer a position."""

    images: ImageStore
    indices: Indices
    values: Sequence[Any]
