"""Sets of classes and numbers: targets, metrics by hand, and every strategy works or refuses first."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from alkit.data.labeled_images import LabeledImages
from alkit.data.store import ImageStore
from alkit.engine.round import Round
from alkit.errors import InvalidAnswers, TrainingError, UnsupportedTask
from alkit.interfaces.task import TaskModel
from alkit.options import build
from alkit.plugin import registry
from alkit.utils.profiling import Profile
from alkit_plugins.tasks.multi_label import MultiLabel
from alkit_plugins.tasks.objectives.number_labels import number_metrics
from alkit_plugins.tasks.objectives.set_metrics import set_metrics
from alkit_plugins.tasks.regression import Regression

CPU = torch.device("cpu")
CLASSES = ("bird", "cat", "dog")
COUNT = 30
SETS = [["bird"], ["cat", "dog"], [], ["dog"], ["bird", "cat"]] * 6
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
    "ss-vaal": ADVERSARY | {"hidden": 8},
}


def made(kind: type[TaskModel], classes: tuple[str, ...] = (), **given: object) -> TaskModel:
    task = build(kind, {"model": "tiny-cnn", "epochs": 1, **given})
    task.build((1, 8, 8), classes, CPU)
    return task


def test_what_is_unknown_is_neither_right_nor_wrong() -> None:
    task = made(MultiLabel, CLASSES)
    targets = task.encode([["cat"], ["?dog", "cat"], ["?", "cat"], []])
    assert targets.tolist() == [[0, 1, 0], [0, 1, -1], [-1, 1, -1], [0, 0, 0]]
    assert isinstance(task, MultiLabel)
    logits = torch.zeros(4, 3)
    first = task.losses(logits, targets)
    logits[1, 2] = logits[2, 0] = 9.0
    assert torch.equal(first, task.losses(logits, targets))
    with pytest.raises(InvalidAnswers, match="'cow' is not a class"):
        task.encode([["cow"]])
    with pytest.raises(TrainingError, match="say the same of every class"):
        task.prepare(task.encode([["cat"], ["cat"]]))


def test_metrics_of_sets_by_hand() -> None:
    targets = np.array([[1, 0], [0, 1], [1, -1]], dtype=np.int8)
    logits = np.array([[2, -1], [3, -1], [1, 5]], dtype=np.float32)
    found = set_metrics(logits, targets, ("a", "b"))
    # a: ranks 3 (wrong), 2, 1: (1/2 + 2/3) / 2; b: both known images tie, so precision is 1/2
    assert found["ap_a"] == pytest.approx(7 / 12)
    assert found["ap_b"] == pytest.approx(1 / 2)
    assert found["mean_average_precision"] == pytest.approx((7 / 12 + 1 / 2) / 2)
    assert found["f1"] == pytest.approx(2 * 2 / (2 * 2 + 2))
    assert found["exact_match"] == pytest.approx(2 / 3)


def test_metrics_of_numbers_by_hand() -> None:
    found = number_metrics(torch.tensor([[1.0], [2.0], [5.0]]), torch.tensor([[1.0], [2.0], [3.0]]))
    assert found == pytest.approx({"rmse": (4 / 3) ** 0.5, "mae": 2 / 3, "r2": 1 - 4 / 2})


def test_numbers_have_the_units_of_the_labels() -> None:
    task = made(Regression, heteroscedastic=True)
    task.prepare(task.encode([100.0, 300.0]))
    task.reset(0)
    output = task.forward(torch.zeros(2, 1, 8, 8))
    assert output.numbers is not None and output.variances is not None
    assert output.prediction.shape == (2, 2)
    assert torch.allclose(output.numbers, output.prediction[:, :1] * 100 + 200)
    assert torch.allclose(output.variances, output.prediction[:, 1:].exp() * 100**2)


def strategies() -> list[str]:
    apart = ("disputed", "then", "mix", "power", "refine", "subset")
    own = [plugin.name for plugin in registry.strategies if plugin.distribution == "alkit"]
    return [name for name in own if name not in apart]


@pytest.mark.slow
@pytest.mark.parametrize("kind", [MultiLabel, Regression])
@pytest.mark.parametrize("name", strategies())
def test_every_strategy_works_or_refuses_before_training(
    name: str, kind: type[TaskModel], tmp_path: Path
) -> None:
    task = made(kind, CLASSES if kind is MultiLabel else ())
    strategy = build(registry.strategies.get(name), OPTIONS.get(name, {}))
    pixels = np.random.default_rng(0).integers(0, 256, (COUNT, 1, 8, 8), dtype=np.uint8)
    values = SETS if kind is MultiLabel else [float(number) for number in range(COUNT)]
    labeled = np.arange(12)
    round_ = Round(
        number=1,
        seed=0,
        labeled=LabeledImages(
            images=ImageStore.from_array(pixels), indices=labeled, values=[values[i] for i in labeled]
        ),
        strategy=strategy,
        device=CPU,
        profile=Profile(),
    )
    if not strategy.needs <= task.spec.provides:
        with pytest.raises(UnsupportedTask, match=f"strategy '{name}.*' needs"):
            round_.train(task, classes=CLASSES, test=None)
        return
    trained = round_.train(task, classes=CLASSES, test=None)
    cycle = round_.open_cycle(task, trained, np.arange(12, COUNT))
    picks = round_.choose(cycle, 5)
    assert len(set(picks.tolist())) == 5
