"""A tiny pool for strategies to look at, with a model that needs no training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from alkit.data.store import ImageStore
from alkit.engine.cycle import Cycle, PoolView, Scoring
from alkit.interfaces.task import TaskModel
from alkit.training.types import Output, TaskSpec

GOLDENS = Path(__file__).parents[1] / "goldens"
ON_EVERY_TASK = {"TestEntropy", "TestBadge", "TestCoreSet", "TestLearningLoss", "TestTAVAAL"}
"""Strategies that the quick tests try on every task; the slow ones try all strategies."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave most pairs of a strategy and a task to the slow tests."""
    for item in items:
        other_task = item.name.startswith("test_task[") and item.name != "test_task[classification]"
        if other_task and item.parent is not None and item.parent.name not in ON_EVERY_TASK:
            item.add_marker(pytest.mark.slow)


class StillModel:
    """Answers from the pixels alone, and counts the images that it was asked about."""

    augment_batch = TaskModel.augment_batch
    spec = TaskSpec("still", (3, 8, 8), 3, frozenset({"probabilities", "embedding", "features"}))

    def __init__(self) -> None:
        self.asked = 0

    def forward_batch(self, batch: Any) -> Output:
        images = batch.images
        self.asked += len(images)
        pooled = torch.nn.functional.adaptive_avg_pool2d(images, 2)
        vector = pooled.flatten(1)
        logits = torch.cat([vector.mean(1, keepdim=True), vector[:, :1], vector[:, -1:]], dim=1)
        return Output(logits, torch.softmax(logits, 1), vector, (pooled, vector))


@pytest.fixture
def golden() -> Callable[[str], dict[str, np.ndarray]]:
    """Load a golden file by name."""

    def load(name: str) -> dict[str, np.ndarray]:
        with np.load(GOLDENS / f"{name}.npz") as arrays:
            return dict(arrays)

    return load


@pytest.fixture
def make_cycle() -> Callable[..., Cycle]:
    """Make a cycle: `count` images of `shape`, the first `labeled` of them labeled."""

    def make(
        count: int = 40,
        shape: tuple[int, int, int] = (1, 8, 8),
        labeled: int = 10,
        *,
        pixels: np.ndarray | None = None,
        companion: Any = None,
        model: Any = None,
        seed: int = 0,
        batch_size: int = 16,
    ) -> Cycle:
        if pixels is None:
            pixels = np.random.default_rng(1).integers(0, 256, (count, *shape), dtype=np.uint8)
        pool = PoolView(
            ImageStore.from_array(pixels),
            np.arange(labeled),
            torch.zeros(labeled, dtype=torch.long),
            np.arange(labeled, len(pixels)),
        )
        return Cycle(
            pool,
            number=1,
            model=StillModel() if model is None else model,
            companion=companion,
            seed=seed,
            scoring=Scoring(torch.device("cpu"), batch_size),
        )

    return make
