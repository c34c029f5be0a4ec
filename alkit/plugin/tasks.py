"""Task models as plugins: what `build`, `encode` and `forward` do is checked, and errors name the task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from alkit.errors import BrokenPlugin
from alkit.utils.code_places import where

from .faults import blamed, returned, shown

if TYPE_CHECKING:
    import torch

    from alkit.data.loader import Batch
    from alkit.data.targets import Targets
    from alkit.interfaces.task import TaskModel
    from alkit.training.types import Output


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


def encode(task: TaskModel, values: Sequence[Any]) -> torch.Tensor | Targets:
    """Return the targets of labels.

    Raises:
        BrokenPlugin: they are no tensor and no `Targets`, or not one for each label.
    """
    import torch  # noqa: PLC0415  # torch takes seconds to import

    from alkit.data.targets import Targets  # noqa: PLC0415  # torch takes seconds to import

    targets: Any = task.encode(values)
    if isinstance(targets, Targets):
        return targets
    if not isinstance(targets, torch.Tensor):
        raise returned(task, "encode", targets, "a torch.Tensor or an alkit.data.Targets")
    if targets.ndim == 0 or len(targets) != len(values):
        raise BrokenPlugin(
            f"{shown(task)} should return a row for each of {len(values)} labels from encode, not the shape "
            f"{tuple(targets.shape)}{where(task, 'encode')}"
        )
    return targets


def output_of(task: TaskModel, batch: Batch) -> Output:
    """Return the output for a batch.

    Raises:
        BrokenPlugin: it is no `Output`, or lacks what the task's spec provides.
    """
    from alkit.training.types import Output  # noqa: PLC0415  # numpy is slow to import

    output: Any = task.forward_batch(batch)
    if not isinstance(output, Output):
        raise returned(task, "forward", output, "an alkit.Output")
    for name in ("probabilities", "embedding", "numbers"):
        if name in task.spec.provides and getattr(output, name) is None:
            raise BrokenPlugin(
                f"{shown(task)} is broken: its spec provides {name}, and the output of forward has none"
                f"{where(task, 'forward')}"
            )
    return output


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
