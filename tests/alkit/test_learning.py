"""Training on the labels at hand: once, the same again from its checkpoint, and never from another's."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from alkit.errors import TrainingDiverged, TrainingError, UnsupportedTask, UsageError
from alkit.learning import LabeledImages, Learned, Lesson, learn
from alkit.measure import Measures
from alkit.options import build
from alkit.plugins import strategies, tasks
from alkit.progress import Silent
from alkit.store import ImageStore

CPU = torch.device("cpu")
CLASSES = ("dark", "light")


@pytest.fixture(scope="module")
def labeled() -> LabeledImages:
    pixels = np.random.default_rng(0).integers(0, 100, (16, 3, 8, 8), dtype=np.uint8)
    pixels[1::2] += 150
    return LabeledImages(
        images=ImageStore.from_array(pixels),
        indices=np.arange(16),
        values=[CLASSES[number % 2] for number in range(16)],
    )


@pytest.fixture
def study(labeled: LabeledImages, tmp_path: Path) -> Callable[..., Learned]:
    """Train with the options of the task given by name, and the lesson's fields in `lesson`."""

    def train(lesson: dict[str, Any] | None = None, **options: Any) -> Learned:
        task = build(tasks.get("classification"), {"epochs": 2, **options})
        task.build((3, 8, 8), CLASSES, CPU)
        fields: dict[str, Any] = {
            "cycle": 0,
            "seed": 1,
            "labeled": labeled,
            "test": None,
            "classes": CLASSES,
            "strategy": None,
            "checkpoints": tmp_path / "checkpoints",
            **(lesson or {}),
        }
        return learn(task, Lesson(**fields), CPU, Silent(), Measures())

    return train


def weights(learned: Learned) -> list[torch.Tensor]:
    return [tensor.clone() for tensor in learned.model.network.state_dict().values()]


def same(one: Learned, other: Learned) -> bool:
    return all(torch.equal(a, b) for a, b in zip(weights(one), weights(other), strict=True))


def test_the_same_again_is_taken_from_its_checkpoint(study: Callable[..., Learned]) -> None:
    first, second = study(), study()
    assert (first.reused, second.reused) == (False, True)
    assert same(first, second)
    assert (second.record, second.metrics, second.fingerprint) == (
        first.record,
        first.metrics,
        first.fingerprint,
    )
    assert not second.model.network.training


def test_without_the_checkpoint_it_is_the_same_training(study: Callable[..., Learned]) -> None:
    first = study()
    before = weights(first)
    first.checkpoint.unlink()
    second = study()
    assert second.reused is False
    assert all(torch.equal(a, b) for a, b in zip(before, weights(second), strict=True))


@pytest.mark.parametrize(
    ("lesson", "options"),
    [
        ({"seed": 2}, {}),
        ({"cycle": 1}, {}),
        ({}, {"epochs": 3}),
        ({}, {"learning_rate": 0.05}),
        ({"strategy": "learning-loss"}, {}),
    ],
)
def test_anything_else_is_another_training(
    study: Callable[..., Learned], lesson: dict[str, Any], options: dict[str, Any]
) -> None:
    if "strategy" in lesson:
        lesson = {"strategy": build(strategies.get(lesson["strategy"]))}
    first, second = study(), study(lesson, **options)
    assert second.reused is False
    assert second.fingerprint != first.fingerprint
    assert second.checkpoint != first.checkpoint


def test_another_label_is_another_training(study: Callable[..., Learned], labeled: LabeledImages) -> None:
    first = study()
    values = [*labeled.values[:-1], "dark"]
    assert study({"labeled": dataclasses.replace(labeled, values=values)}).fingerprint != first.fingerprint


def test_a_strategy_without_companion_shares_the_training(study: Callable[..., Learned]) -> None:
    study()
    assert study({"strategy": build(strategies.get("entropy"))}).reused is True


def test_a_companion_changes_neither_starting_weights_nor_order(study: Callable[..., Learned]) -> None:
    alone = study(learning_rate=0.0)
    with_companion = study({"strategy": build(strategies.get("learning-loss"))}, learning_rate=0.0)
    assert with_companion.companion is not None
    for one, other in zip(
        alone.model.network.parameters(), with_companion.model.network.parameters(), strict=True
    ):
        assert torch.equal(one, other)


def test_the_companion_comes_back_with_the_checkpoint(study: Callable[..., Learned]) -> None:
    strategy = build(strategies.get("learning-loss"))
    first, second = study({"strategy": strategy}), study({"strategy": strategy})
    assert second.reused is True
    assert first.companion is not None
    assert second.companion is not None
    for name, tensor in first.companion.state_dict().items():
        assert torch.equal(tensor, second.companion.state_dict()[name])


def test_the_model_is_judged_on_test_images(study: Callable[..., Learned], labeled: LabeledImages) -> None:
    learned = study({"test": labeled}, epochs=20)
    assert learned.metrics["accuracy"] == 1.0
    assert next(iter(learned.metrics)) == "accuracy"
    assert study().metrics == {}


def test_one_class_is_no_task(study: Callable[..., Learned], labeled: LabeledImages, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="all 16 labels are 'dark'"):
        study({"labeled": dataclasses.replace(labeled, values=["dark"] * 16)})
    assert not (tmp_path / "checkpoints").exists()


def test_a_loss_that_is_not_finite_leaves_no_checkpoint(
    study: Callable[..., Learned], tmp_path: Path
) -> None:
    good = study().checkpoint
    with pytest.raises(TrainingDiverged, match=r"cycle 0: training on 16 labels: .* epoch \d of 2"):
        study(learning_rate=1e30)
    assert list((tmp_path / "checkpoints").iterdir()) == [good]


def test_a_need_that_is_not_met_is_said_before_training(
    study: Callable[..., Learned], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    strategy = build(strategies.get("entropy"))
    monkeypatch.setattr(type(strategy), "needs", frozenset({"depth"}))
    with pytest.raises(UnsupportedTask, match="needs depth"):
        study({"strategy": strategy})
    assert not (tmp_path / "checkpoints").exists()


def test_a_warm_start_begins_with_the_last_weights(study: Callable[..., Learned]) -> None:
    first = study(epochs=5)
    warm = study({"cycle": 1, "previous": first.checkpoint}, warm_start=True, learning_rate=0.0)
    for one, other in zip(first.model.network.parameters(), warm.model.network.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_warm_start_from_something_else_is_refused(study: Callable[..., Learned], tmp_path: Path) -> None:
    other = tmp_path / "other.pt"
    torch.save({"network": {"nothing": torch.zeros(1)}}, other)
    with pytest.raises(UsageError, match="cannot start the next training"):
        study({"cycle": 1, "previous": other}, warm_start=True)
