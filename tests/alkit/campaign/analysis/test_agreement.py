"""Agreement of annotators: published examples, by hand, and its intervals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from alkit.campaign.analysis.agreement import agreement, cohen_kappas, counts_of, fleiss_kappas
from alkit.interfaces.labels import ClassSet, Number
from alkit.interfaces.oracle import Answer

# Fleiss, 1971, as it is reprinted everywhere: 10 subjects, 14 raters, 5 categories.
FLEISS = """0 0 0 0 14
0 2 6 4 2
0 0 3 5 6
0 3 9 2 0
2 2 8 1 1
7 7 0 0 0
3 2 6 3 0
2 5 3 2 2
6 5 2 1 0
0 2 2 3 7"""


def label(value: str) -> Answer:
    return Answer("label", value)


def once(kappas: Callable[[Any, Any], Any], rows: Any) -> float:
    return float(kappas(rows, np.ones((1, len(rows))))[0])


def test_fleiss_kappa_as_published() -> None:
    table = np.array([row.split() for row in FLEISS.splitlines()], dtype=float)
    assert once(fleiss_kappas, table) == pytest.approx(0.210, abs=5e-4)


def test_cohen_kappa_by_hand() -> None:
    pairs = np.array([[0, 0]] * 20 + [[0, 1]] * 5 + [[1, 0]] * 10 + [[1, 1]] * 15)
    assert once(cohen_kappas, pairs) == pytest.approx(0.4)


def test_cohen_kappa_is_that_of_scikit_learn() -> None:
    from sklearn.metrics import cohen_kappa_score

    pairs = np.random.default_rng(0).integers(0, 4, (50, 2))
    assert once(cohen_kappas, pairs) == pytest.approx(cohen_kappa_score(*pairs.T))


def test_where_all_say_one_thing_there_is_no_kappa() -> None:
    assert np.isnan(once(fleiss_kappas, np.array([[2.0], [3.0]])))
    assert np.isnan(once(cohen_kappas, np.zeros((5, 2), dtype=np.int64)))
    found = agreement({i: {"ann": label("cat"), "bob": label("cat")} for i in range(5)})
    assert found is not None
    assert (found.kappa.value, found.pairs[0].kappa.value, found.kappa.low) == (None, None, None)


@pytest.mark.parametrize("kappas", [fleiss_kappas, cohen_kappas])
def test_a_sample_is_as_if_its_images_were_written_out(kappas: Callable[[Any, Any], Any]) -> None:
    rng = np.random.default_rng(0)
    rows = rng.integers(1, 4, (12, 2))
    times = rng.multinomial(12, np.full(12, 1 / 12), size=5)
    written_out = [once(kappas, np.repeat(rows, by, axis=0)) for by in times]
    assert kappas(rows, times).tolist() == pytest.approx(written_out)


def test_counts() -> None:
    assert counts_of([["a", "b", "a"], ["c"]]).tolist() == [[2, 1, 0], [0, 0, 1]]


def test_nobody_in_common() -> None:
    assert agreement({}) is None
    assert agreement({0: {"ann": label("cat")}, 1: {"ann": label("cat"), "bob": Answer("abstain")}}) is None


def test_all_and_pairs() -> None:
    votes = {i: {"ann": label("cat"), "bob": label("cat")} for i in range(6)}
    votes |= {i: {"ann": label("dog"), "bob": label("dog"), "cy": label("cat")} for i in range(6, 10)}
    found = agreement(votes)
    assert found is not None
    assert (found.images, found.same.hits, found.same.of) == (10, 6, 10)
    assert [(pair.first, pair.second, pair.same.hits, pair.same.of) for pair in found.pairs] == [
        ("ann", "bob", 10, 10),
        ("ann", "cy", 0, 4),
        ("bob", "cy", 0, 4),
    ]
    first = found.pairs[0].kappa
    assert (first.value, first.low, first.high) == (1, 1, 1)
    kappa = found.kappa
    assert kappa.value is not None and kappa.low is not None and kappa.high is not None
    assert kappa.low < kappa.value < kappa.high
    assert agreement(votes) == found, "the same resamples every time"
    assert found.as_dict()["pairs"][1]["annotators"] == ["ann", "cy"]


@pytest.mark.slow
def test_the_interval_of_kappa_covers_the_truth() -> None:
    """Two annotators who are each right nine times in ten, of two classes: kappa is 0.64."""
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(20):
        truth = rng.integers(0, 2, 80)
        votes = {
            i: {name: label(str(t ^ int(rng.random() < 0.1))) for name in ("ann", "bob")}
            for i, t in enumerate(truth.tolist())
        }
        found = agreement(votes)
        assert found is not None
        kappa = found.kappa
        assert kappa.low is not None and kappa.high is not None
        covered += kappa.low <= 0.64 <= kappa.high
    assert covered >= 16


def test_numbers_and_sets_have_the_agreement_of_their_kind() -> None:
    numbers = {0: {"ann": Answer("label", 1.0), "bob": Answer("label", 1.5)}}
    numbers[1] = {"ann": Answer("label", 1.0), "bob": Answer("label", 9.0)}
    found = agreement(numbers, Number(tolerance=0.5))
    assert found is not None
    assert (found.same.hits, found.same.of, found.kappa, found.likeness) == (1, 2, None, 0.5)
    sets = {0: {"ann": Answer("label", ["a"]), "bob": Answer("label", ["a", "b"])}}
    found = agreement(sets, ClassSet(classes=("a", "b")))
    assert found is not None
    assert found.likeness == pytest.approx(2 / 3)
    assert found.kappa is not None
