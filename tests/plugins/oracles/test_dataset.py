"""The oracle that knows the data set's labels: honest, noisy, silent, and the same whenever it is asked."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from alkit.errors import InvalidOption, SourceError
from alkit.interfaces.oracle import Answer
from alkit.options import build
from alkit.plugin.registry import oracles

KEYS = [f"{number}.png" for number in range(400)]
LABELS = {key: "abc"[number % 3] for number, key in enumerate(KEYS) if number != 7}


def connected(seed: int = 0, labels: Mapping[str, str] = LABELS, **options: Any) -> Any:
    source: Any = SimpleNamespace(answers=lambda: dict(labels), classes=("a", "b", "c"), location="pool")
    oracle = build(oracles.get("dataset"), options)
    oracle.connect(source, KEYS, seed)
    return oracle


def test_it_answers_what_the_data_set_says_and_leaves_out_what_it_does_not() -> None:
    answers = connected().label([2, 7, 0])
    assert answers == {2: Answer("label", "c", "dataset"), 0: Answer("label", "a", "dataset")}


def test_a_source_without_labels_cannot_answer() -> None:
    with pytest.raises(SourceError, match="has no labels"):
        connected(labels={})


def test_noise_is_as_frequent_as_asked_for_and_always_wrong() -> None:
    answers = connected(noise=0.25).label(range(400))
    wrong = [index for index, answer in answers.items() if answer.value != LABELS[KEYS[index]]]
    assert 70 < len(wrong) < 130
    assert {answer.value for answer in answers.values()} == {"a", "b", "c"}
    assert all(answer.value != LABELS[KEYS[i]] for i, answer in connected(noise=1).label(range(400)).items())


def test_refusals_are_as_frequent_as_asked_for() -> None:
    kinds = [answer.kind for answer in connected(abstain=0.25).label(range(400)).values()]
    assert 70 < kinds.count("abstain") < 130
    assert {answer.kind for answer in connected(abstain=1).label(range(400)).values()} == {"abstain"}


def test_an_answer_depends_on_seed_and_image_only() -> None:
    oracle = connected(noise=0.5, abstain=0.3)
    together = oracle.label(range(400))
    assert {index: oracle.label([index])[index] for index in (399, 3, 50)} == {
        index: together[index] for index in (399, 3, 50)
    }
    assert connected(noise=0.5, abstain=0.3).label(range(400)) == together
    assert connected(seed=1, noise=0.5, abstain=0.3).label(range(400)) != together


def test_one_class_cannot_be_mistaken() -> None:
    source: Any = SimpleNamespace(answers=lambda: {"0.png": "a"}, classes=("a",), location="pool")
    oracle = build(oracles.get("dataset"), {"noise": 1})
    oracle.connect(source, KEYS, 0)
    assert oracle.label([0])[0].value == "a"


@pytest.mark.parametrize(
    "options", [{"noise": "1.5"}, {"abstain": "-0.1"}, {"noise": "nan"}, {"noise": "much"}]
)
def test_shares_are_between_none_and_all(options: dict[str, str]) -> None:
    with pytest.raises(InvalidOption):
        connected(**options)
