"""How one training runs: the recipe, with every value set, and its session."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from alkit.utils.json_values import AsDict
from alkit.utils.progress import NullProgress, Progress

if TYPE_CHECKING:
    import torch

    from .group import TrainingGroup
    from .pool_images import PoolImages


Precision = Literal["auto", "float32", "bfloat16"]
"""The number format of forward passes; auto is bfloat16 where the device is fast at it."""
Schedule = Literal["one-cycle", "cosine", "step", "constant"]
"""How the learning rate changes during training."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe(AsDict):
    """How to train; every value is set, so that it can be printed and recorded.

    Attributes:
        epochs: passes over the labeled images.
        batch_size: images per step.
        learning_rate: the largest of the schedule.
        momentum: of SGD.
        weight_decay: of SGD.
        schedule: `one-cycle` (up for a quarter, down to zero), `cosine`, `step` (a tenth after 80 % of the
            epochs), `constant`.
        precision: of the forward pass; `auto` is bfloat16 if the device supports it.
        augment: flip and move the images.
    """

    epochs: int = 30
    batch_size: int = 64
    learning_rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4
    schedule: Schedule = "one-cycle"
    precision: Precision = "auto"
    augment: bool = True


@dataclass(slots=True, kw_only=True)
class TrainingRun:
    """Where and how one training runs.

    Attributes:
        recipe: how to train.
        device: where.
        steps_per_epoch: batches that one epoch has.
        progress: where epochs are shown.
        checkpoint: file of the unfinished training, or None.
        fingerprint: what the checkpoint must match to be resumed.
        unlabeled: images of the pool that have no label, if the task or the companion says `uses_unlabeled`.
        label: what is trained, for messages: `cycle 3`.
        history: mean loss by epoch, filled by the loop.
        companion_seconds: time in the companion's forward passes, filled by the loop; on a GPU, only the time
            to queue them. Its backward pass is part of the training's.
        group: the processes that train together, or None; a task that needs no help sets it to None.
    """

    recipe: Recipe
    device: torch.device
    steps_per_epoch: int
    progress: Progress = field(default_factory=NullProgress)
    checkpoint: Path | None = None
    fingerprint: str = ""
    unlabeled: PoolImages | None = None
    label: str = "training"
    history: list[float] = field(default_factory=list)
    companion_seconds: float = 0.0
    group: TrainingGroup | None = None
