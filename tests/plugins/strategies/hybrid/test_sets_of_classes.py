"""Bait, GALAXY and balanced where any number of classes apply to an image."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from alkit.training.types import Output, TaskSpec
from alkit_plugins.combinators.balanced import applying_most
from alkit_plugins.components.fisher import information, roots_of_sets
from alkit_plugins.components.several_answers import has_sets
from alkit_plugins.strategies.hybrid.galaxy import ASKED, OTHER, OWN, lines_of_sets


def test_the_information_is_that_of_a_logistic_regression_for_each_class() -> None:
    generator = torch.Generator().manual_seed(0)
    shares = torch.rand(5, 2, generator=generator, dtype=torch.float64)
    rows = torch.randn(5, 3, generator=generator, dtype=torch.float64)
    found = information(roots_of_sets(shares), rows)
    wanted = torch.zeros(6, 6, dtype=torch.float64)
    for number in range(2):
        weight = shares[:, number] * (1 - shares[:, number])
        part = slice(3 * number, 3 * number + 3)
        wanted[part, part] = (weight[:, None] * rows).T @ rows / 5
    torch.testing.assert_close(found, wanted)


def test_each_class_has_its_own_order_and_unknown_answers_are_open() -> None:
    table = np.array([[0.9, 0.1], [0.2, 0.8], [0.5, 0.3]])
    first, second = lines_of_sets(table, np.array([0, 1]), torch.tensor([[1, 0], [0, -1]]))
    assert first.marks.tolist() == [OTHER, 0, OWN]
    assert first.between() == 2
    assert second.marks.tolist() == [OTHER, 0, ASKED]


def test_the_class_of_an_image_is_the_one_that_most_probably_applies() -> None:
    applies = torch.tensor([[0.2, 0.4, 0.1], [0.9, 0.4, 0.8]])
    output = Output(applies, torch.stack([1 - applies, applies], dim=1), applies, ())
    assert applying_most(output).tolist() == [1, 0]


def test_a_task_says_whether_its_labels_are_sets() -> None:
    cycle: Any = type("Cycle", (), {"model": type("Model", (), {})()})()
    assert not has_sets(cycle)
    for averages, dense in ((True, False), (False, True), (False, False)):
        cycle.model.spec = TaskSpec("t", (3, 8, 8), 3, frozenset(), averages=averages, dense=dense)
        assert has_sets(cycle) == averages
