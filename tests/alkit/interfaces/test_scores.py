"""Scores that a strategy may return for a batch."""

from typing import Any

import numpy as np
import pytest
import torch

from alkit.interfaces.scores import checked_scores
from alkit.training.types import Output

CLASSES = Output(torch.zeros(4, 3), torch.full((4, 3), 1 / 3))
MASKS = Output(torch.zeros(4, 3, 5, 6), torch.full((4, 3, 5, 6), 1 / 3))
NUMBERS = Output(torch.zeros(4, 2), numbers=torch.zeros(4, 2))


@pytest.mark.parametrize(
    ("scores", "output", "said"),
    [
        (None, CLASSES, "torch.Tensor, not nothing"),
        (np.zeros(4), CLASSES, "torch.Tensor, not ndarray"),
        (torch.tensor(1.0), CLASSES, r"each of 4 images, not the shape \(\)"),
        (torch.zeros(3), CLASSES, r"each of 4 images, not the shape \(3,\)"),
        (torch.zeros(4, 3), CLASSES, r"not the shape \(4, 3\): the output has no positions"),
        (torch.zeros(4, 1), CLASSES, "has no positions"),
    ],
)
def test_other_scores_are_refused_with_their_shape(scores: Any, output: Output, said: str) -> None:
    with pytest.raises((TypeError, ValueError), match=said):
        checked_scores(scores, output)


@pytest.mark.parametrize(
    ("scores", "output"),
    [
        (torch.zeros(4), CLASSES),
        (torch.zeros(4, 5, 6), MASKS),
        (torch.zeros(4), MASKS),
        (torch.zeros(4, 2), NUMBERS),
    ],
)
def test_one_number_for_each_image_or_position_is_kept(scores: torch.Tensor, output: Output) -> None:
    assert checked_scores(scores, output) is scores


def test_whole_numbers_become_floating_point_so_that_they_can_be_averaged() -> None:
    votes = torch.ones(4, 5, 6, dtype=torch.int64)
    assert checked_scores(votes, MASKS).mean().item() == 1.0
