"""One round: trained or not, the same for the same seed, and remembered from one to the next."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import alkit
from alkit.data.labeled_images import LabeledImages
from alkit.data.store import ImageStore
from alkit.engine.round import Round
from alkit.errors import CampaignError, InvalidSelection, UnsupportedTask
from alkit.options import build
from alkit.plugin.registry import strategies
from alkit.testing.toy_tasks import TASKS

CPU = torch.device("cpu")
CLASSES = ("cat", "dog", "owl")
CANDIDATES = np.arange(12, 40)


class Counting(alkit.Strategy):
    """Remembers how often it was asked."""

    name = "counting"

    def __init__(self) -> None:
        self.times = 0

    def select(self, cycle: alkit.Cycle, n: int) -> Any:
        self.times += 1
        return cycle.candidates[:n]

    def state_dict(self) -> dict[str, Any]:
        return {"times": self.times}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.times = state["times"]


def round_with(strategy: alkit.Strategy | None, *, number: int = 0, seed: int = 3) -> Round:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 3, 8, 8), dtype=np.uint8)
    labeled = LabeledImages(
        images=ImageStore.from_array(pixels),
        indices=np.arange(12),
        values=[CLASSES[index % 3] for index in range(12)],
    )
    return Round(number=number, seed=seed, labeled=labeled, strategy=strategy, device=CPU)


def task(**options: Any) -> alkit.TaskModel:
    model = TASKS["classification"](**options)
    model.build((3, 8, 8), CLASSES, CPU)
    return model


def picks(seed: int, number: int = 0) -> list[int]:
    this = round_with(build(strategies.get("badge"), {}), seed=seed, number=number)
    model = task()
    trained = this.train(model, classes=CLASSES)
    return this.choose(this.open_cycle(model, trained, CANDIDATES), 5).tolist()


def test_seed_and_number_decide_what_is_chosen() -> None:
    assert picks(3) == picks(3)
    assert len({tuple(picks(3)), tuple(picks(4)), tuple(picks(3, number=1))}) == 3


def test_a_round_without_a_model_knows_the_targets_and_no_companion() -> None:
    this = round_with(build(strategies.get("random"), {}))
    cycle = this.open_cycle(task(), None, CANDIDATES)
    assert cycle.companion is None
    assert cycle.targets.tolist() == [index % 3 for index in range(12)]
    assert not cycle.model.network.training
    assert set(this.choose(cycle, 28).tolist()) == set(CANDIDATES.tolist())


def test_a_task_that_lacks_what_the_strategy_needs_is_refused_before_anything_is_chosen() -> None:
    this = round_with(build(strategies.get("entropy"), {}))
    with pytest.raises(UnsupportedTask, match="needs probabilities"):
        this.open_cycle(task(provides=frozenset({"model", "loss"})), None, CANDIDATES)


def test_the_source_of_a_strategy_that_breaks_its_promise_is_named() -> None:
    this = round_with(Counting())
    cycle = this.open_cycle(task(), None, CANDIDATES)
    with pytest.raises(InvalidSelection, match=r"^strategy 'counting' of mine\.py returned 28 images"):
        this.choose(cycle, 30, " of mine.py")


def test_a_plain_round_trains_the_same_network_without_the_companion() -> None:
    this = round_with(build(strategies.get("learning-loss"), {"hidden": 4}))
    with_companion = this.train(task(), classes=CLASSES)
    plain = dataclasses.replace(this, strategy=None).train(task(), classes=CLASSES)
    assert with_companion.companion is not None and plain.companion is None
    for key in ("starting_weights", "order"):
        assert with_companion.record[key] == plain.record[key]


def test_nothing_is_kept_where_no_directory_is_named(tmp_path: Path) -> None:
    this = round_with(build(strategies.get("random"), {}))
    assert this.train(task(), classes=CLASSES).checkpoint is None
    kept = this.train(task(), classes=CLASSES, checkpoints=tmp_path)
    assert kept.checkpoint is not None and kept.checkpoint.exists()
    assert this.train(task(), classes=CLASSES, checkpoints=tmp_path).reused


def test_what_is_remembered_is_recalled(tmp_path: Path) -> None:
    first = round_with(Counting())
    first.choose(first.open_cycle(task(), None, CANDIDATES), 2)
    path = first.remember(tmp_path / "states")
    assert path is not None and path.name.startswith("000-counting")
    fresh = Counting()
    round_with(fresh, number=1).recall(path)
    assert fresh.times == 1
    assert round_with(build(strategies.get("random"), {})).remember(tmp_path) is None
    path.unlink()
    with pytest.raises(CampaignError, match="is missing: strategy 'counting'"):
        round_with(Counting()).recall(path)
