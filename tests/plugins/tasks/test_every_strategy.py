"""Every strategy works on every task, or refuses before training; boxes have a test of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from alkit.data.labeled_images import LabeledImages
from alkit.data.pool_columns import PoolColumns
from alkit.data.store import ImageStore
from alkit.engine.round import Round
from alkit.errors import UnsupportedTask
from alkit.interfaces.labels import Mask
from alkit.interfaces.task import TaskModel
from alkit.options import build
from alkit.plugin import registry
from alkit.utils.profiling import Profile

CPU = torch.device("cpu")
CLASSES = ("bird", "cat", "dog")
COUNT, LABELED = 30, 12
SHAPE = (3, 16, 16)
MEANS = f"file:{Path(__file__).parents[1] / 'encoders' / 'means.py'}:make"
ADVERSARY = {"iterations": 2, "batch-size": 4, "latent": 4, "channels": "4,8", "discriminator-hidden": 8}
OPTIONS = {
    "mc-variance": {"passes": 3},
    "bald": {"passes": 3},
    "mc-entropy": {"passes": 3},
    "batchbald": {"passes": 3},
    "dropquery": {"passes": 2},
    "learning-loss": {"hidden": 8},
    "coregcn": {"hidden": 8, "epochs": 3},
    "uncertaingcn": {"hidden": 8, "epochs": 3},
    "vaal": ADVERSARY,
    "ta-vaal": ADVERSARY | {"hidden": 8},
    "ss-vaal": ADVERSARY | {"hidden": 8, "ranker-steps": 2},
}
NEED_MORE = {"then", "mix", "power", "refine", "subset", "balanced", "disputed"}
"""Strategies that need another one, or annotators who differ."""


def sets(count: int) -> list[Any]:
    return [["bird"], ["cat", "dog"], [], ["dog"], ["bird", "cat"], ["cat"]] * (count // 6)


def masks(count: int) -> list[Any]:
    rng = np.random.default_rng(0)
    return [LABELS.of_numbers(rng.integers(0, 3, SHAPE[1:], dtype=np.uint8)) for _ in range(count)]


LABELS = Mask(classes=CLASSES)
VALUES: dict[str, Callable[[int], Sequence[Any]]] = {
    "class": lambda count: [CLASSES[number % 3] for number in range(count)],
    "classes": sets,
    "number": lambda count: [float(number) for number in range(count)],
    "mask": masks,
}


def own(plugins: registry.Registry[Any]) -> list[str]:
    return [plugin.name for plugin in plugins if plugin.distribution == "alkit"]


def made(name: str) -> TaskModel:
    """Return a task on small images."""
    plugin = registry.tasks.get(name)
    options: dict[str, Any] = {"model": "tiny-unet" if plugin.labels.kind == "mask" else "tiny-cnn"}
    options = {"encoder": MEANS} if name.startswith("encoded") else {**options, "epochs": 1}
    task = build(plugin, options)
    if plugin.labels.kind == "mask":
        task.known_labels = LABELS
    task.build(SHAPE, () if plugin.labels.kind == "number" else CLASSES, CPU)
    return task


@pytest.mark.slow
@pytest.mark.parametrize("task_name", [name for name in own(registry.tasks) if name != "detection"])
@pytest.mark.parametrize("name", [name for name in own(registry.strategies) if name not in NEED_MORE])
def test_it_works_or_refuses_before_training(name: str, task_name: str) -> None:
    task = made(task_name)
    strategy = build(registry.strategies.get(name), OPTIONS.get(name, {}))
    images = ImageStore.from_array(np.random.default_rng(0).integers(0, 256, (COUNT, *SHAPE), dtype=np.uint8))
    images.features = np.random.default_rng(1).normal(size=(COUNT, 9)).astype(np.float32)
    keys = list(map(str, range(COUNT)))
    images.columns = PoolColumns(keys, lambda: {"cost": dict.fromkeys(keys, "1")})
    labeled = np.arange(LABELED)
    values = VALUES[task.labels.kind](COUNT)
    round_ = Round(
        number=1,
        seed=0,
        labeled=LabeledImages(images=images, indices=labeled, values=[values[i] for i in labeled]),
        strategy=strategy,
        device=CPU,
        profile=Profile(),
    )
    if not strategy.needs <= task.spec.provides:
        with pytest.raises(UnsupportedTask, match=f"strategy '{name}.*' needs"):
            round_.train(task, classes=CLASSES, test=None)
        return
    try:
        trained = round_.train(task, classes=CLASSES, test=None)
    except UnsupportedTask as refused:
        assert name in str(refused), "it says which strategy does not work"
        return
    cycle = round_.open_cycle(task, trained, np.arange(LABELED, COUNT))
    picks = round_.choose(cycle, 5)
    assert len(set(picks.tolist())) == 5
