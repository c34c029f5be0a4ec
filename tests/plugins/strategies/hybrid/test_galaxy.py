"""GALAXY: the order of a class, where it is bisected, and what comes when no stretch is left."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from alkit.training.types import Output
from alkit_plugins.strategies.hybrid.galaxy import ASKED, OTHER, OWN, Galaxy, Line, mean_probabilities, order


def line(marks):
    """A line in the order of its rows, with some of them known."""
    marks = np.array(marks)
    known = np.flatnonzero(marks)
    made = Line(np.arange(len(marks)), known, marks[known] == OWN)
    for row in np.flatnonzero(marks == ASKED):
        made.mark(int(row), ASKED)
    return made


def test_order_by_hand():
    table = np.array([[0.5, 0.5, 0.0], [0.1, 0.3, 0.6], [0.8, 0.1, 0.1], [0.2, 0.7, 0.1]])
    # distance of class 0 to the top: 0, -0.5, 0, -0.5; ties by the probability itself
    assert order(table, 0).tolist() == [1, 3, 0, 2]


def test_the_shortest_stretch_between_opposite_answers_is_bisected():
    made = line([OTHER, 0, 0, 0, 0, 0, OWN, 0, 0, 0, OTHER, 0, OTHER])
    assert made.between() == 8
    made.mark(8, ASKED)
    assert made.between() == 7  # gaps of two on both sides
    made.mark(7, ASKED)
    assert made.between() == 9
    made.mark(9, ASKED)
    assert made.between() == 3
    made.mark(3, ASKED)
    assert made.between() == 1


def test_answers_move_the_stretch():
    made = line([OTHER, 0, 0, 0, 0, 0, 0, 0, OWN])
    rows = []
    for truth in (OTHER, OWN, OTHER):
        rows.append(made.between())
        made.mark(rows[-1], truth)
    assert rows == [4, 6, 5] and made.between() is None


def test_then_the_nearest_to_both_kinds():
    made = line([0, 0, OTHER, OWN, OWN, 0, 0])
    assert made.between() is None
    assert made.around() == 1
    made.mark(1, ASKED)
    assert made.around() == 0
    made.mark(0, ASKED)
    assert made.around() == 5
    assert line([0, OWN, 0]).between() is None is line([0, OWN, 0]).around()
    assert line([OTHER, OWN]).around() is None


@pytest.mark.parametrize("answers", ["open", "predicted"])
def test_classes_without_labels_get_random_images(answers, make_cycle):
    cycle = make_cycle(40, labeled=10)  # all of class 0
    picks = Galaxy(answers=answers).select(cycle, 9)
    assert len(set(picks.tolist())) == 9 and picks.min() >= 10
    found = [cycle.diagnostics[reason] for reason in ("between", "around", "random")]
    assert sum(found) == 9 and found[2] > 0


def test_probabilities_of_maps_are_averaged():
    maps = torch.tensor([[[0.9, 0.5], [0.1, 0.5]]])
    assert mean_probabilities(Output(maps, maps))[0].tolist() == pytest.approx([0.7, 0.3])
