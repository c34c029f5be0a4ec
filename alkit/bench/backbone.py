"""A frozen backbone for a benchmark, trained on images that leave the pool: no strategy gains from it."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from alkit.options import build
from alkit.plugin import registry
from alkit.plugin.tasks import build_task
from alkit.utils import seeding
from alkit.utils.counts import counted
from alkit.utils.files import write_atomically
from alkit.utils.profiling import Profile
from alkit.utils.progress import Progress

from .protocol import Backbone
from .shared_data import SEED, SharedData

if TYPE_CHECKING:
    import numpy.typing as npt


def with_backbone(shared: SharedData, backbone: Backbone, progress: Progress) -> SharedData:
    """Return the shared data without the backbone's images, with its task frozen on the backbone's weights.

    The weights are trained once and cached in a file named by a hash of everything they depend on.
    """
    rng = seeding.numpy_generator(SEED, "backbone")
    taken = rng.permutation(np.array(shared.pool.members, dtype=np.int64))[: backbone.images]
    rest = np.setdiff1d(shared.pool.members, taken)
    parts = repr((shared.fingerprint(), backbone, shared.task))
    path = Path(shared.cache) / f"backbone-{hashlib.sha256(parts.encode()).hexdigest()[:16]}.safetensors"
    if not path.exists():
        _train(shared, backbone, np.sort(taken), path, progress)
    note = (
        f"frozen backbone: {backbone.model} trained on {counted(len(taken), 'labeled image')} that left the "
        f"pool; {counted(len(rest), 'is', 'are')} left"
    )
    return dataclasses.replace(
        shared,
        pool=dataclasses.replace(shared.pool, members=tuple(rest.tolist())),
        task_options={
            **shared.task_options,
            "model": backbone.model,
            "weights": str(path),
            "freeze_backbone": True,
        },
        notes=(*shared.notes, note),
    )


def _train(
    shared: SharedData, backbone: Backbone, taken: npt.NDArray[np.int64], path: Path, progress: Progress
) -> None:
    from safetensors.torch import save  # noqa: PLC0415  # torch takes seconds to import

    from alkit.engine.train import TrainingJob, train_model  # noqa: PLC0415  # torch takes seconds to import

    options = {"model": backbone.model, **backbone.options}
    task = build(registry.tasks.get(shared.task), options)
    build_task(task, shared.shape, shared.classes, shared.torch_device)
    trained = train_model(
        task,
        TrainingJob(
            cycle=0,
            seed=SEED,
            labeled=shared.labeled(shared.pool, taken, shared.images),
            test=shared.test_images(),
            classes=shared.classes,
            strategy=None,
            checkpoints=Path(shared.cache) / "backbones",
        ),
        shared.torch_device,
        progress,
        Profile(),
    )
    tensors = {name: tensor.cpu().contiguous() for name, tensor in trained.model.network.state_dict().items()}
    write_atomically(path, save(tensors))
    if trained.checkpoint is not None:  # the weights are kept in a file of their own now
        trained.checkpoint.unlink(missing_ok=True)
