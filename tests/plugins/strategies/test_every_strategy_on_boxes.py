"""Every strategy chooses among pictures with objects to find, or refuses before training."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from alkit.composition.factory import make_strategy
from alkit.data import ImageStore
from alkit.data.labeled_images import LabeledImages
from alkit.data.pool_columns import PoolColumns
from alkit.engine.round import Round
from alkit.errors import UnsupportedTask
from alkit.interfaces.contract import check_needs
from alkit.plugin import registry
from alkit.testing.answers import COUNT, some_answers
from alkit_plugins.tasks.detection import Detection

CLASSES = ("cat", "dog", "owl")
SHAPE = (1, 24, 24)
REFUSED = {
    "mc-entropy": "objects that are found in one pass",
    "bald": "objects that are found in one pass",
    "batchbald": "objects that are found in one pass",
    "dropquery": "objects that are found in one pass",
    "tod": "objects that one model finds",
    "galaxy": "one class, or a map of classes",
    "mc-variance": "numbers",
    "egl": "targets",
    "cdal": "predicted class",
}
SHORT: dict[str, Any] = {
    "iterations": 2,
    "batch_size": 4,
    "vae_steps": 1,
    "latent": 4,
    "channels": (4, 8),
    "discriminator_hidden": 8,
}
ADVERSARIAL = ("vaal", "ta-vaal", "ss-vaal")
COMPOSED = {
    "then": "entropy(8) > coreset",
    "mix": "mix(0.5 entropy, 0.5 random)",
    "balanced": "balanced(margin)",
    "power": "power(entropy)",
    "refine": "refine(first=12, steps=2, batches=2)",
}


def names() -> list[str]:
    """Return the names of all strategies that come with alkit."""
    return sorted(plugin.name for plugin in registry.strategies if plugin.distribution == "alkit")


def task() -> Detection:
    """Return a small detector."""
    made = Detection(model="tiny-fcos", epochs=1, precision="float32")
    made.build(SHAPE, CLASSES, torch.device("cpu"))
    return made


@pytest.mark.parametrize("name", ["entropy", "least-confidence", "ppal", "bald"])
def test_a_strategy_chooses_or_refuses(name: str) -> None:
    choose_or_refuse(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", names())
def test_every_strategy_chooses_or_refuses(name: str) -> None:
    choose_or_refuse(name)


def choose_or_refuse(name: str) -> None:
    """Train with a strategy and let it choose, or see that it refuses the task."""
    strategy = make_strategy(COMPOSED.get(name, name), SHORT if name in ADVERSARIAL else None)
    if name in REFUSED:
        with pytest.raises(UnsupportedTask, match=REFUSED[name]):
            check_needs(strategy, task().spec)
        return
    answers = some_answers(task().make_labels(CLASSES), SHAPE)
    pixels = np.random.default_rng(0).integers(0, 256, (30, *SHAPE), dtype=np.uint8)
    model, device = task(), torch.device("cpu")
    known = LabeledImages(
        images=ImageStore.from_array(pixels),
        indices=np.arange(10),
        values=[answers[index % COUNT] for index in range(10)],
    )
    keys = list(map(str, range(30)))
    known.images.columns = PoolColumns(keys, lambda: {"cost": dict.fromkeys(keys, "1")})
    round_ = Round(number=0, seed=0, labeled=known, strategy=strategy, device=device)
    check_needs(strategy, model.spec)
    trained = round_.train(model, classes=CLASSES)
    cycle = round_.open_cycle(model, trained, np.arange(12, 30))
    assert len(round_.choose(cycle, 4)) == 4
    assert np.isfinite(list(cycle.scores.values())).all()
