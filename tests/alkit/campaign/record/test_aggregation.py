"""Several answers to one image become one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alkit.campaign.record.aggregation import (
    RULES,
    aggregate_votes,
    check_rule,
    dispute,
    votes_of,
    weights_of,
)
from alkit.errors import InvalidOption
from alkit.interfaces.oracle import Answer


def said(*words: str) -> dict[str, Answer]:
    """ann:cat, bob:abstain, ..., in the order of time."""
    return votes_of([answer(*word.split(":")) for word in words])


def answer(annotator: str, label: str) -> Answer:
    if label in ("abstain", "unusable"):
        return Answer(label, None, annotator)  # type: ignore[arg-type]
    return Answer("label", label, annotator)


def result(rule: str, *words: str) -> str:
    found = aggregate_votes({0: said(*words)}, check_rule(rule))[0]
    return found.value if found.kind == "label" else found.kind


@pytest.mark.parametrize(
    ("words", "last", "majority"),
    [
        (["ann:cat"], "cat", "cat"),
        (["ann:cat", "bob:cat", "cy:dog"], "dog", "cat"),
        (["ann:cat", "bob:dog"], "dog", "dog"),
        (["ann:cat", "bob:dog", "ann:cat"], "cat", "cat"),
        (["ann:dog", "bob:cat", "bob:dog", "cy:cat"], "cat", "dog"),
        (["ann:cat", "bob:abstain", "cy:abstain"], "cat", "cat"),
        (["ann:abstain", "bob:abstain"], "abstain", "abstain"),
        (["ann:unusable", "bob:unusable", "cy:cat"], "cat", "unusable"),
        (["ann:unusable", "bob:cat", "cy:cat"], "cat", "cat"),
        (["ann:unusable", "bob:abstain"], "unusable", "unusable"),
    ],
)
def test_by_hand(words: list[str], last: str, majority: str) -> None:
    assert result("last", *words) == last
    assert result("majority", *words) == majority


def test_the_answer_in_force_is_one_that_was_given() -> None:
    assert aggregate_votes({0: said("ann:cat", "bob:cat", "cy:dog")}, "majority")[0].annotator == "bob"


def test_an_unknown_rule_is_refused() -> None:
    with pytest.raises(InvalidOption, match="no aggregation 'mean'; there are last, majority, weighted"):
        check_rule("mean")


def test_weights_by_hand() -> None:
    votes = {i: said("ann:cat", "bob:cat", "cy:dog") for i in range(4)} | {9: said("di:cat")}
    assert weights_of(votes) == {"ann": 5 / 6, "bob": 5 / 6, "cy": 1 / 6, "di": 0.5}


def test_the_one_whom_others_confirm_outweighs_a_newcomer_and_a_noisy_one() -> None:
    votes = {i: said("ann:cat", "bob:cat", "cy:dog") for i in range(8)}
    votes[99] = said("ann:cat", "cy:dog", "new:abstain")
    assert aggregate_votes(votes, "majority")[99].value == "dog", "a tie: the last"
    assert aggregate_votes(votes, "weighted")[99].value == "cat"


def test_weights_recover_more_labels_than_majority() -> None:
    """Two good annotators and three that are right as often as not, of three classes."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 600)
    rates = {"a": 0.95, "b": 0.9, "c": 0.45, "d": 0.45, "e": 0.45}
    votes = {
        i: said(
            *(
                f"{name}:{label if rng.random() < rate else (label + rng.integers(1, 3)) % 3}"
                for name, rate in rates.items()
            )
        )
        for i, label in enumerate(truth.tolist())
    }
    majority, weighted = aggregate_votes(votes, "majority"), aggregate_votes(votes, "weighted")
    right = [sum(found[i].value == str(truth[i]) for i in votes) for found in (majority, weighted)]
    assert right[1] > right[0] + 10


ANSWERS = st.lists(
    st.tuples(st.sampled_from("abcd"), st.sampled_from(["cat", "dog", "abstain", "unusable"])), min_size=1
)


@given(ANSWERS, st.sampled_from(RULES))
def test_the_result_is_somebodys_latest_answer(given: list[tuple[str, str]], rule: str) -> None:
    votes = votes_of([answer(*pair) for pair in given])
    found = aggregate_votes({0: votes}, check_rule(rule))[0]
    assert found in votes.values()
    if rule != "last" and any(vote.kind != "abstain" for vote in votes.values()):
        assert found.kind != "abstain"
    if len({(vote.kind, vote.value) for vote in votes.values()}) == 1:
        assert dispute(votes) == ()


@pytest.mark.parametrize(
    ("words", "counts"),
    [
        (["ann:cat", "bob:cat"], ()),
        (["ann:cat", "bob:abstain"], ()),
        (["ann:cat", "bob:dog"], (1, 1)),
        (["ann:cat", "bob:dog", "cy:cat"], (2, 1)),
        (["ann:cat", "bob:unusable"], (1, 1)),
        (["ann:cat", "bob:dog", "bob:cat"], ()),
    ],
)
def test_disputes(words: list[str], counts: tuple[int, ...]) -> None:
    assert dispute(said(*words)) == counts


def valued(*values: Any) -> dict[str, Answer]:
    """One annotator for each value, in the order of time; None is unusable."""
    return {
        f"a{number}": Answer("unusable" if value is None else "label", value, f"a{number}")
        for number, value in enumerate(values)
    }


@pytest.mark.parametrize(
    ("values", "majority"),
    [
        ([["a"], ["a", "b"], ["a", "b", "c"]], ["a", "b"]),
        ([["a"], ["a"], ["b", "c"]], ["a"]),
        ([[], [], ["a"]], []),
        ([["a", "b"], ["a", "c"], None], ["a", "c"]),
        ([4.9, 5.0, 9.0], 5.0),
        ([5.0, 4.0], 4.0),
        ([1.0, 2.0, 3.0, 9.0], 3.0),
        ([None, None, 3.0], None),
        ([[1.0, 5.0], [2.0, 6.0], [9.0, 6.0]], [2.0, 6.0]),
        (["masks/1.png", "masks/2.png", "masks/1.png"], "masks/1.png"),
    ],
)
def test_the_majority_of_sets_and_numbers(values: list[Any], majority: Any) -> None:
    assert aggregate_votes({0: valued(*values)}, "majority")[0].value == majority


def test_whose_sets_are_like_those_of_the_others_weighs_more() -> None:
    sets = [["a", "b"], ["a", "b", "c"], ["a", "b"], ["d"], ["a", "b"]]
    weights = weights_of({index: valued(*sets) for index in range(5)})
    assert weights == pytest.approx({"a0": 6 / 7, "a1": 5 / 7, "a2": 6 / 7, "a3": 1 / 7, "a4": 6 / 7})


@pytest.mark.parametrize(
    ("rule", "kind"), [("weighted", "number"), ("majority", "mask"), ("weighted", "mask")]
)
def test_a_rule_that_means_nothing_for_such_labels_is_refused(rule: str, kind: str) -> None:
    assert check_rule("last", kind) == "last"
    with pytest.raises(InvalidOption, match=f"'{rule}' does not work for labels of the kind '{kind}'"):
        check_rule(rule, kind)
