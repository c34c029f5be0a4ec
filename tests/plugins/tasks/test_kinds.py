"""Sets of classes and numbers: targets, and metrics by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from alkit.errors import InvalidAnswers, TrainingError
from alkit.interfaces.task import TaskModel
from alkit.options import build
from alkit_plugins.tasks.multi_label import MultiLabel
from alkit_plugins.tasks.objectives.number_labels import number_metrics
from alkit_plugins.tasks.objectives.set_metrics import set_metrics
from alkit_plugins.tasks.regression import Regression

CPU = torch.device("cpu")
CLASSES = ("bird", "cat", "dog")
COUNT = 30
SETS = [["bird"], ["cat", "dog"], [], ["dog"], ["bird", "cat"]] * 6


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
