"""What the scores of positions say about an image, by hand."""

from __future__ import annotations

import pytest
import torch

from alkit.training.types import Output, TaskSpec


def output(weights: torch.Tensor | None = None) -> Output:
    return Output(torch.zeros(2, 1), weights=weights)


SCORES = torch.tensor([[[0.0, 1.0], [2.0, 5.0]], [[4.0, 4.0], [4.0, 8.0]]])


def test_the_mean_of_positions_is_that_of_torch() -> None:
    scores = torch.rand(7, 9, 11, generator=torch.Generator().manual_seed(0))
    assert torch.equal(output().per_image(scores), scores.flatten(1).mean(dim=1))


def test_one_score_an_image_stays() -> None:
    scores = torch.tensor([3.0, 1.0])
    assert output(torch.ones(2)).per_image(scores, "max") is scores


def test_padding_does_not_count() -> None:
    weights = torch.tensor([[[1, 1], [0, 0]], [[1, 1], [1, 0]]])
    padded = output(weights)
    assert padded.per_image(SCORES).tolist() == [0.5, 4.0]
    assert padded.per_image(SCORES, "max").tolist() == [1.0, 4.0]
    assert padded.per_image(SCORES, "top").tolist() == [1.0, 4.0]


def test_weights_need_not_be_whole() -> None:
    weights = torch.tensor([[[3.0, 1.0], [0.0, 0.0]], [[0.0, 0.0], [0.5, 0.5]]])
    assert output(weights).per_image(SCORES).tolist() == [0.25, 6.0]


def test_top_is_the_mean_of_the_highest_tenth_rounded_up() -> None:
    scores = torch.arange(25.0).view(1, 5, 5)
    assert output().per_image(scores, "top").tolist() == [pytest.approx((24 + 23 + 22) / 3)]
    assert output().per_image(SCORES, "top").tolist() == [5.0, 8.0]


def test_there_are_as_many_classes_as_outputs_unless_a_task_says_otherwise() -> None:
    assert TaskSpec("t", (1, 2, 3), 5, frozenset()).num_classes == 5
    assert TaskSpec("t", (1, 2, 3), 5, frozenset(), num_classes=2).num_classes == 2
