"""Training on the labels at hand: once, the same again from its checkpoint, and never from another's."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from alkit.data.labeled_images import LabeledImages
from alkit.data.store import ImageStore
from alkit.engine.train import TrainedModel, TrainingJob, train_model
from alkit.errors import InvalidAnswers, TrainingDiverged, TrainingError, UnsupportedTask, UsageError
from alkit.interfaces.strategy import Strategy
from alkit.options import build
from alkit.plugin.registry import strategies, tasks
from alkit.testing.toy_tasks import TinyRegression, TinySegmentation
from alkit.training.recipe import Recipe
from alkit.utils.profiling import Profile
from alkit.utils.progress import NullProgress

CPU = torch.device("cpu")
CLASSES = ("dark", "light")


class Told(NullProgress):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def line(self, text: str) -> None:
        self.lines.append(text)


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
def study(labeled: LabeledImages, tmp_path: Path) -> Callable[..., TrainedModel]:
    """Train with the options of the task given by name, and the lesson's fields in `job`."""

    def train(job: dict[str, Any] | None = None, **options: Any) -> TrainedModel:
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
            **(job or {}),
        }
        return train_model(task, TrainingJob(**fields), CPU, said, profile)

    said, profile = Told(), Profile()
    train.said, train.profile = said.lines, profile  # type: ignore[attr-defined]
    return train


def weights(trained: TrainedModel) -> list[torch.Tensor]:
    return [tensor.clone() for tensor in trained.model.network.state_dict().values()]


def same(one: TrainedModel, other: TrainedModel) -> bool:
    return all(torch.equal(a, b) for a, b in zip(weights(one), weights(other), strict=True))


def test_the_same_again_is_taken_from_its_checkpoint(study: Callable[..., TrainedModel]) -> None:
    first, second = study(), study()
    assert (first.reused, second.reused) == (False, True)
    assert same(first, second)
    assert (second.record, second.metrics, second.fingerprint) == (
        first.record,
        first.metrics,
        first.fingerprint,
    )
    assert not second.model.network.training


def test_without_the_checkpoint_it_is_the_same_training(study: Callable[..., TrainedModel]) -> None:
    first = study()
    before = weights(first)
    first.checkpoint.unlink()
    second = study()
    assert second.reused is False
    assert all(torch.equal(a, b) for a, b in zip(before, weights(second), strict=True))


@pytest.mark.parametrize(
    ("job", "options"),
    [
        ({"seed": 2}, {}),
        ({"cycle": 1}, {}),
        ({}, {"epochs": 3}),
        ({}, {"learning_rate": 0.05}),
        ({"strategy": "learning-loss"}, {}),
    ],
)
def test_anything_else_is_another_training(
    study: Callable[..., TrainedModel], job: dict[str, Any], options: dict[str, Any]
) -> None:
    if "strategy" in job:
        job = {"strategy": build(strategies.get(job["strategy"]))}
    first, second = study(), study(job, **options)
    assert second.reused is False
    assert second.fingerprint != first.fingerprint
    assert second.checkpoint != first.checkpoint


def test_another_label_is_another_training(
    study: Callable[..., TrainedModel], labeled: LabeledImages
) -> None:
    first = study()
    values = [*labeled.values[:-1], "dark"]
    assert study({"labeled": dataclasses.replace(labeled, values=values)}).fingerprint != first.fingerprint


def test_a_strategy_without_companion_shares_the_training(study: Callable[..., TrainedModel]) -> None:
    study()
    assert study({"strategy": build(strategies.get("entropy"))}).reused is True


def test_a_companion_changes_neither_starting_weights_nor_order(study: Callable[..., TrainedModel]) -> None:
    alone = study(learning_rate=0.0)
    with_companion = study({"strategy": build(strategies.get("learning-loss"))}, learning_rate=0.0)
    assert with_companion.companion is not None
    for one, other in zip(
        alone.model.network.parameters(), with_companion.model.network.parameters(), strict=True
    ):
        assert torch.equal(one, other)


def test_the_companion_comes_back_with_the_checkpoint(study: Callable[..., TrainedModel]) -> None:
    strategy = build(strategies.get("learning-loss"))
    first, second = study({"strategy": strategy}), study({"strategy": strategy})
    assert second.reused is True
    assert first.companion is not None
    assert second.companion is not None
    for name, tensor in first.companion.state_dict().items():
        assert torch.equal(tensor, second.companion.state_dict()[name])


def test_the_model_is_judged_on_test_images(
    study: Callable[..., TrainedModel], labeled: LabeledImages
) -> None:
    trained = study({"test": labeled}, epochs=20)
    assert trained.metrics["accuracy"] == 1.0
    assert next(iter(trained.metrics)) == "accuracy"
    assert study().metrics == {}


def test_one_class_is_no_task(
    study: Callable[..., TrainedModel], labeled: LabeledImages, tmp_path: Path
) -> None:
    with pytest.raises(TrainingError, match="all 16 labels are 'dark'"):
        study({"labeled": dataclasses.replace(labeled, values=["dark"] * 16)})
    assert not (tmp_path / "checkpoints").exists()


def test_a_loss_that_is_not_finite_leaves_no_checkpoint(
    study: Callable[..., TrainedModel], tmp_path: Path
) -> None:
    good = study().checkpoint
    with pytest.raises(TrainingDiverged, match=r"cycle 0: training on 16 labels: .* epoch \d of 2"):
        study(learning_rate=1e30)
    assert list((tmp_path / "checkpoints").iterdir()) == [good]


def test_a_need_that_is_not_met_is_said_before_training(
    study: Callable[..., TrainedModel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    strategy = build(strategies.get("entropy"))
    monkeypatch.setattr(type(strategy), "needs", frozenset({"depth"}))
    with pytest.raises(UnsupportedTask, match="needs depth"):
        study({"strategy": strategy})
    assert not (tmp_path / "checkpoints").exists()


def test_a_warm_start_begins_with_the_last_weights(study: Callable[..., TrainedModel]) -> None:
    first = study(epochs=5)
    warm = study({"cycle": 1, "previous": first.checkpoint}, warm_start=True, learning_rate=0.0)
    for one, other in zip(first.model.network.parameters(), warm.model.network.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_warm_start_from_something_else_is_refused(
    study: Callable[..., TrainedModel], tmp_path: Path
) -> None:
    other, damaged = tmp_path / "other.pt", tmp_path / "damaged.pt"
    torch.save({"network": {"nothing": torch.zeros(1)}}, other)
    damaged.write_bytes(b"no weights")
    for path in (other, damaged):
        with pytest.raises(UsageError, match="cannot start the next training"):
            study({"cycle": 1, "previous": path}, warm_start=True)


def test_a_warm_start_without_its_checkpoint_says_so_and_records_it(
    study: Any, tmp_path: Path, labeled: LabeledImages
) -> None:
    gone = tmp_path / "gone.pt"
    trained = study({"cycle": 1, "previous": gone}, warm_start=True)
    assert any("no warm start" in line and str(gone) in line for line in study.said)
    assert trained.record["warm_start"] is None
    first = study()
    assert study({"cycle": 2, "previous": first.checkpoint}, warm_start=True).record["warm_start"] == (
        first.checkpoint.name
    )
    assert "warm_start" not in first.record


def test_other_pixels_statistics_are_another_training(study: Any, labeled: LabeledImages) -> None:
    first = study()
    pixels = labeled.images.take(np.arange(16)).numpy()
    more = ImageStore.from_array(np.concatenate([pixels, np.full_like(pixels, 255)]))  # same labeled images
    assert study({"labeled": dataclasses.replace(labeled, images=more)}).fingerprint != first.fingerprint


@pytest.mark.parametrize("frozen", [False, True])
def test_other_starting_weights_in_the_same_file_are_another_training(
    study: Any, tmp_path: Path, frozen: bool
) -> None:
    file = tmp_path / "weights.pt"
    fingerprints = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        network = build(tasks.get("classification"), {})
        network.build((3, 8, 8), CLASSES, CPU)
        network.reset(seed)
        torch.save(network.network.state_dict(), file)
        fingerprints.append(study(weights=str(file), freeze_backbone=frozen).fingerprint)
    assert fingerprints[0] != fingerprints[1]


def test_what_a_companion_does_not_use_changes_no_training(study: Any) -> None:
    cls = strategies.get("ta-vaal")
    study({"strategy": build(cls, {"iterations": 5})})
    assert study({"strategy": build(cls, {"iterations": 7, "subset": 3})}).reused is True
    for option, value in (("hidden", 16), ("weight", 0.5), ("detach-after", 0.2)):
        assert study({"strategy": build(cls, {option: value})}).reused is False, option


class Holder(torch.nn.Module):
    """A companion that looks into its strategy while it trains."""

    def __init__(self, strategy: Any) -> None:
        super().__init__()
        self.strategy = strategy

    def extra_loss(self, step: Any, /) -> torch.Tensor:
        return self.strategy.factor * step.losses.mean()


@dataclasses.dataclass(kw_only=True)
class Holding(Strategy):
    name = "holding"
    factor: float = 1.0

    def companion(self, spec: Any) -> Any:
        return Holder(self)

    def select(self, cycle: Any, n: int) -> Any:
        raise NotImplementedError


def test_a_companion_that_keeps_its_strategy_depends_on_all_options(study: Any) -> None:
    assert study({"strategy": Holding()}).reused is False
    assert study({"strategy": Holding()}).reused is True
    assert study({"strategy": Holding(factor=2.0)}).reused is False


def test_a_checkpoint_that_does_not_fit_is_trained_again_from_the_start(study: Any) -> None:
    strategy = build(strategies.get("learning-loss"))
    first = study({"strategy": strategy})
    expected = weights(first)
    state = torch.load(first.checkpoint)
    state["companion"] = {"nothing": torch.zeros(1)}
    torch.save(state, first.checkpoint)
    again = study({"strategy": strategy})
    assert again.reused is False
    assert all(torch.equal(a, b) for a, b in zip(expected, weights(again), strict=True))


@pytest.mark.parametrize("fast", [False, True])
def test_precision_is_settled_by_the_device(study: Any, monkeypatch: pytest.MonkeyPatch, fast: bool) -> None:
    monkeypatch.setattr("alkit.training.precision.has_fast_bfloat16", lambda device: fast)
    assert Recipe().precision == "auto"
    assert study().record["recipe"]["precision"] == ("bfloat16" if fast else "float32")


def test_one_line_says_the_whole_recipe(study: Any) -> None:
    study(precision="float32", taps="stages.0,stages.1")
    assert study.said == [
        "cycle 0: training on 16 labels: classification (model=small-cnn, taps=stages.0,stages.1), 2 epochs "
        "of 1 batch of 16, learning rate 0.025 one-cycle, weight decay 0.005, augmented, float32 on cpu"
    ]


def test_the_companions_share_of_the_training_is_measured(study: Any) -> None:
    study()
    assert "companion" not in study.profile.seconds
    study({"strategy": build(strategies.get("learning-loss"))})
    assert 0 < study.profile.seconds["companion"] < study.profile.seconds["train"]


@pytest.mark.parametrize("task", [TinyRegression(), TinySegmentation()])
def test_tasks_without_a_class_an_image_are_trained_and_judged(tmp_path: Path, task: Any) -> None:
    classes = () if task.name == "regression" else CLASSES
    task.build((3, 40, 40), classes, CPU)
    rng = np.random.default_rng(0)
    images = ImageStore.from_array(rng.integers(0, 256, (8, 3, 40, 40), dtype=np.uint8))
    numbers = rng.normal(size=8).tolist()
    maps = list(rng.integers(0, 2, (8, 40, 40)))
    known = LabeledImages(images=images, indices=np.arange(8), values=maps if classes else numbers)

    def train(values: Any) -> TrainedModel:
        job = TrainingJob(
            cycle=0,
            seed=1,
            labeled=known,
            test=dataclasses.replace(known, values=values),
            classes=classes,
            strategy=None,
            checkpoints=tmp_path,
        )
        return train_model(task, job, CPU, NullProgress(), Profile())

    first = train(known.values)
    assert np.isfinite(first.metrics["loss"])
    assert train(known.values).reused is True
    changed = maps[0].copy()
    changed[20, 20] ^= 1  # in the middle, which numpy leaves out when it prints an array of this size
    assert train([changed, *maps[1:]] if classes else [9.0, *numbers[1:]]).fingerprint != first.fingerprint


def test_every_task_may_start_warm(tmp_path: Path, labeled: LabeledImages) -> None:
    known = dataclasses.replace(labeled, values=[float(number % 2) for number in range(16)])
    job = TrainingJob(
        cycle=0, seed=1, labeled=known, test=None, classes=(), strategy=None, checkpoints=tmp_path / "c"
    )

    def train(task: TinyRegression, **changes: Any) -> TrainedModel:
        task.build((3, 8, 8), (), CPU)
        return train_model(task, dataclasses.replace(job, **changes), CPU, NullProgress(), Profile())

    first = train(TinyRegression())
    second = train(build(TinyRegression, {"warm-start": "yes"}), cycle=1, previous=first.checkpoint)
    assert second.record["warm_start"] == first.checkpoint.name
    assert "warm_start" not in train(TinyRegression(), cycle=1, previous=first.checkpoint).record


def test_test_labels_that_do_not_fit_are_said_before_training(
    study: Any, labeled: LabeledImages, tmp_path: Path
) -> None:
    with pytest.raises(InvalidAnswers, match="'grey' is not a class"):
        study({"test": dataclasses.replace(labeled, values=["grey"] * 16)})
    assert not (tmp_path / "checkpoints").exists()
