"""Targets that are not one tensor: made when a batch needs them, or of a different size for each image."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from alkit._typing import Indices


class Targets(ABC):
    """Base of such targets; `TaskModel.encode` may return them in place of a tensor [n, ...].

    What needs no target, such as a strategy without a model, makes none.
    """

    @abstractmethod
    def __len__(self) -> int:
        """Return how many images have a target."""

    @abstractmethod
    def take(self, rows: Indices) -> Any:
        """Return the targets of some rows, on any device: a tensor [B, ...], or a tree of tensors."""

    @abstractmethod
    def digest(self) -> str:
        """Return a hash of all targets, as cheaply as possible."""


def map_tensors(function: Callable[[Tensor], Tensor], tree: Any) -> Any:
    """Apply a function to every tensor in a tree of lists, tuples and dicts; the rest stays as it is."""
    import torch  # noqa: PLC0415  # torch takes seconds to import

    if isinstance(tree, torch.Tensor):
        return function(tree)
    if isinstance(tree, dict):
        return {key: map_tensors(function, value) for key, value in tree.items()}
    if isinstance(tree, (list, tuple)):
        mapped = [map_tensors(function, value) for value in tree]
        return mapped if isinstance(tree, list) else tuple(mapped)
    return tree
