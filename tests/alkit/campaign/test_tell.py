"""Answers as Python code gives them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import alkit
from alkit.campaign.choose import check_budget
from alkit.campaign.tell import given_answers
from alkit.composition.factory import resolve
from alkit.errors import BrokenPlugin, InvalidBudget, UsageError
from alkit.interfaces import Boxes, ClassLabel, ClassSet, Mask, Number
from alkit.labeling import GivenAnswer

DIGITS = ClassLabel(classes=("1", "2", "3"))


@pytest.mark.parametrize("label", ["3", 3, np.int64(3), torch.tensor(3), np.str_("3")])
@pytest.mark.parametrize("image", ["a/b.png", Path("a/b.png")])
def test_labels_and_images_may_be_of_the_types_that_people_have(image: Any, label: Any) -> None:
    assert given_answers({image: label}, DIGITS) == [GivenAnswer(0, "a/b.png", "3")]


@pytest.mark.parametrize(
    ("labels", "label", "text"),
    [
        (Number(classes=()), 0.5, "0.5"),
        (Number(classes=()), np.float64(0.5), "0.5"),
        (Number(classes=(), count=2), np.array([0.5, 2.0]), "0.5;2.0"),
        (ClassSet(classes=("cat", "dog")), ["cat", "dog"], "cat;dog"),
        (ClassSet(classes=("cat", "dog")), {"dog", "cat"}, "cat;dog"),
        (Boxes(classes=("cat",)), [], "none"),
        (Mask(classes=("sky",)), Path("masks/1.png"), "masks/1.png"),
    ],
)
def test_a_value_becomes_the_text_of_the_campaigns_labels(labels: Any, label: Any, text: str) -> None:
    assert given_answers({np.int64(7): label}, labels) == [GivenAnswer(0, "", text, index=7)]


@pytest.mark.parametrize(
    ("answers", "labels", "said"),
    [
        ([("a.png", "1")], DIGITS, "as in {'a.png': 'owl'}, or a list of GivenAnswer, not of tuple"),
        (["1", "2"], DIGITS, "not of str"),
        ({3.5: "1"}, DIGITS, "an image is named by a path, file name, hash or index, not by 3.5"),
        ({"a.png": np.zeros((2, 2))}, Mask(classes=("sky",)), "a mask is given by the path of its file"),
        ({"a.png": object()}, Number(classes=()), "is not a label of kind 'number'; give its text"),
    ],
)
def test_anything_else_is_refused_in_a_sentence(answers: Any, labels: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        given_answers(answers, labels)


def test_a_budget_is_a_whole_number() -> None:
    check_budget(np.int64(5), 10)
    with pytest.raises(InvalidBudget, match=r"should be a whole number, not 5\.0"):
        check_budget(5.0, 10)  # type: ignore[arg-type]


def test_a_strategy_may_be_named_by_its_class() -> None:
    @dataclass(kw_only=True)
    class First(alkit.Strategy):
        name = "first"
        skip: int = alkit.option(0, "how many to skip")

        def select(self, cycle, n):
            return cycle.candidates[:n]

    assert isinstance(resolve(First).strategy, First)
    with pytest.raises(BrokenPlugin, match="ScoreStrategy does not define score"):
        resolve(alkit.ScoreStrategy)
    with pytest.raises(UsageError, match="'first' is made already; set its options where it is made"):
        resolve(First(), {"skip": 1})
