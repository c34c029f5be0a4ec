"""Task models as they are built: what `build` leaves behind is checked, and its errors name the task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from alkit.errors import BrokenPlugin
from alkit.utils.code_places import where

from .faults import blamed, shown

if TYPE_CHECKING:
    import torch

    from alkit.interfaces.task import TaskModel


def build_task(
    task: TaskModel, image_shape: tuple[int, int, int], classes: Sequence[str], device: torch.device
) -> None:
    """Let a task make its network, and check what it says of itself.

    Raises:
        BrokenPlugin: it failed, or did not set `spec` and `network` as the interface says.
    """
    with blamed(task, "to build its network"):
        task.build(image_shape, classes, device)
    if reason := _wrong(task):
        raise BrokenPlugin(f"{shown(task)} is broken: {reason}{where(task, 'build')}")


def _wrong(task: TaskModel) -> str:
    from torch import nn  # noqa: PLC0415  # torch takes seconds to import

    from alkit.training.types import TaskSpec  # noqa: PLC0415  # numpy is slow to import

    wanted = (("spec", TaskSpec, "an alkit.TaskSpec"), ("network", nn.Module, "a torch.nn.Module"))
    for name, cls, words in wanted:
        value: Any = getattr(task, name, None)
        if value is None:
            return f"build does not set self.{name}"
        if not isinstance(value, cls):
            return f"build should set self.{name} to {words}, not {type(value).__name__}"
    provides: Any = task.spec.provides
    if not isinstance(provides, (set, frozenset)):
        return f"provides of its spec should be a frozenset of texts, not {type(provides).__name__}"
    return ""
