"""A frozen backbone for a benchmark, trained on images that leave the pool: no strategy gains from them."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from alkit.options import build
from alkit.plugin import registry
from alkit.utils import seeding
from alkit.utils.files import write_atomically
from alkit.utils.profiling import Measures
from alkit.utils.progress import Progress

from .protocol import Backbone
from .shared_data import SEED, Arena

if TYPE_CHECKING:
    import numpy.typing as npt


def with_backbone(arena: Arena, backbone: Backbone, progress: Progress) -> Arena:
    """Return the arena without the backbone's images, its task frozen on the backbone's weights.

    The weights are made once and kept in the cache: a file of tensors, found by all that it is made from.
    """
    rng = seeding.numpy_generator(SEED, "backbone")
    taken = rng.permutation(np.array(arena.pool.members, dtype=np.int64))[: backbone.images]
    rest = np.setdiff1d(arena.pool.members, taken)
    parts = repr((arena.fingerprint(), backbone, arena.task))
    path = Path(arena.cache) / f"backbone-{hashlib.sha256(parts.encode()).hexdigest()[:16]}.safetensors"
    if not path.exists():
        _train(arena, backbone, np.sort(taken), path, progress)
    note = (
        f"frozen backbone: {backbone.model} trained on {len(taken):,} labeled images that left the pool; "
        f"{len(rest):,} are left"
    )
    return dataclasses.replace(
        arena,
        pool=dataclasses.replace(arena.pool, members=tuple(rest.tolist())),
        task_options={
            **arena.task_options,
            "model": backbone.model,
            "weights": str(path),
            "freeze_backbone": True,
        },
        notes=(*arena.notes, note),
    )


def _train(
    arena: Arena, backbone: Backbone, taken: npt.NDArray[np.int64], path: Path, progress: Progress
) -> None:
    from safetensors.torch import save

    from alkit.engine.train import Lesson, learn

    options = {"model": backbone.model, **backbone.options}
    task = build(registry.tasks.get(arena.task), options)
    task.build(arena.shape, arena.classes, arena.torch_device)
    learned = learn(
        task,
        Lesson(
            cycle=0,
            seed=SEED,
            labeled=arena.labeled(arena.pool, taken, arena.images),
            test=arena.test_images(),
            classes=arena.classes,
            strategy=None,
            checkpoints=Path(arena.cache) / "backbones",
        ),
        arena.torch_device,
        progress,
        Measures(),
    )
    tensors = {name: tensor.cpu().contiguous() for name, tensor in learned.model.network.state_dict().items()}
    write_atomically(path, save(tensors))
    learned.checkpoint.unlink(missing_ok=True)
