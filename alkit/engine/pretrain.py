"""Pretraining a task model on the images of the pool, once for all trainings on the same images."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from alkit.errors import NotTrained, TrainingDiverged
from alkit.options import values_of
from alkit.training.checkpoints import load_safely, save_atomically
from alkit.training.pool_images import PoolImages
from alkit.training.precision import settled
from alkit.training.recipe import TrainingRun
from alkit.utils import seeding
from alkit.utils.counts import counted
from alkit.utils.devices import threads_for

from .fingerprint import hash_of_values, version_of_task

if TYPE_CHECKING:
    from pathlib import Path

    import torch
    from torch import Tensor

    from alkit.data.store import ImageStore
    from alkit.interfaces.task import TaskModel
    from alkit.utils.profiling import Profile
    from alkit.utils.progress import Progress


@dataclasses.dataclass(frozen=True, slots=True)
class Pretrained:
    """What a pretraining gave.

    Attributes:
        weights: that every training starts from.
        file: name of the file in the task's `cache_dir`; empty if nothing is kept.
    """

    weights: Mapping[str, Tensor]
    file: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pretraining:
    """The inputs of a pretraining.

    Attributes:
        images: of the pool; it learns from those that can be used.
        seed: of the campaign or cell.
        device: where to train.
        progress: shows the training.
        profile: collects seconds and peak memory.
    """

    images: ImageStore
    seed: int
    device: torch.device
    progress: Progress
    profile: Profile

    def of(self, task: TaskModel, *, load_only: bool = False) -> Pretrained | None:
        """Return what a task learns from the images; None for a task that does not pretrain.

        The result is kept in the task's `cache_dir` under a hash of the task, its options, the seed and the
        pixels of the images, so that cycles, processes and the cells of a benchmark share it.

        Args:
            task: built; it is left with other weights.
            load_only: do not train where nothing is kept.

        Raises:
            NotTrained: nothing is kept.
            TrainingError: a weight is not finite.
        """
        if not task.pretrains:
            return None
        if task.cache_dir is None:
            return Pretrained(self._learned(task))
        key = self._key(task)
        path = task.cache_dir / f"pretrained-{key[:16]}.pt"
        task.cache_dir.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock")):  # of several processes, one trains and the others wait
            weights = read_weights(path, self.device, key)
            if weights is None:
                if load_only:
                    raise NotTrained(f"the task '{task.name}' is not pretrained on these images and options")
                weights = self._learned(task)
                save_atomically({"key": key, "weights": dict(weights)}, path)
        return Pretrained(weights, path.name)

    def _key(self, task: TaskModel) -> str:
        identity = {
            "task": [task.name, version_of_task(task)],
            "options": values_of(task),
            "shape": task.spec.image_shape,
            "device": self.device.type,
            "seed": self.seed,
            "images": self.images.digest(self.images.usable),
        }
        return hash_of_values(identity)

    def _learned(self, task: TaskModel) -> Mapping[str, Tensor]:
        own, indices = seeding.derive(self.seed, "pretrain"), self.images.usable
        count = len(indices)
        task.reset(seeding.derive(own, "weights"))
        recipe = settled(task.recipe(count), self.device)
        run = TrainingRun(
            recipe=recipe,
            device=self.device,
            steps_per_epoch=-(-count // recipe.batch_size),
            progress=self.progress,
            label=f"pretraining on {counted(count, 'image')}",
        )
        self.progress.line(f"{run.label}, without labels: {task.name} on {self.device}")
        pool = PoolImages(self.images, indices, self.device, own)
        threads = threads_for(max(self.images.shape[1:]), self.device)
        with self.profile.phase("pretrain"), threads, seeding.fence(seeding.derive(own, "training")):
            found = task.pretrain(pool, run)
        weights = {name: tensor.detach().clone() for name, tensor in found.items()}
        for name, tensor in weights.items():
            if not bool(tensor.isfinite().all()):
                raise TrainingDiverged(f"{run.label}: the weights '{name}' are infinite or not a number")
        return weights


def read_weights(path: Path, device: torch.device, key: str | None = None) -> Mapping[str, Tensor] | None:
    """Return the weights in a file of a pretraining, or None if there is none that can be read.

    Args:
        path: the file.
        device: where the weights go.
        key: whole hash that the file should have; any by default.
    """
    try:
        kept: Mapping[str, Any] = load_safely(path, device)
        weights: Mapping[str, Tensor] = kept["weights"]
    except Exception:  # the file is a cache: if it is damaged or missing, learn again
        return None
    return weights if key is None or kept.get("key") == key else None
