"""What answers say: only with an interval, only where they can."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alkit.campaign.analysis.evidence import (
    Point,
    class_balance,
    comparison,
    control_accuracy,
    control_curve,
    gain,
    gather,
)
from alkit.campaign.campaign import Campaign
from alkit.campaign.record.events import Asked
from alkit.campaign.record.query import Pick, Query
from alkit.labeling.given_answer import GivenAnswer
from alkit.utils.proportions import share


def pick(rank: int, *, control: bool, correct: bool | None, answer: str | None = "cat") -> Pick:
    predicted = "cat" if correct in (True, None) else "dog"
    return Pick(rank, rank, "", None, answer, control, predicted, 0.9, correct, rank)


def query(
    number: int, picks: tuple[int, int], control: tuple[int, int], *, strategy: str = "entropy", **record: Any
) -> Query:
    """A query of which so many were right out of so many."""
    made = [
        pick(0, control=is_control, correct=place < right)
        for is_control, (right, of) in ((False, picks), (True, control))
        for place in range(of)
    ]
    ranked = tuple(dataclasses.replace(p, rank=rank, index=rank) for rank, p in enumerate(made, 1))
    record = {"labels": 100 * number, "checkpoint": f"{number}.pt", "control": 0.1} | record
    return Query(
        number=number,
        event=number,
        asked=Asked(cycle=number - 1, strategy=strategy, **record),
        picks=ranked,
        open=False,
    )


def changed(query: Query, **record: Any) -> Query:
    """The same query with something else on record."""
    return dataclasses.replace(query, asked=dataclasses.replace(query.asked, **record))


def points(*hits: int, of: int = 1000) -> list[Point]:
    return [Point(i, 100 * i + 100, share(right, of)) for i, right in enumerate(hits)]


def test_accuracy_of_one_query() -> None:
    found = control_accuracy([query(1, (10, 90), (8, 10))])
    assert found is not None
    assert (found.accuracy, found.labels, found.same_model) == (share(8, 10), 100, True)


def test_what_has_no_label_is_counted_but_not_judged() -> None:
    one = query(1, (0, 0), (8, 10))
    more = (
        pick(11, control=True, correct=None, answer=None),
        pick(12, control=True, correct=None, answer="abstain"),
    )
    found = control_accuracy([dataclasses.replace(one, picks=one.picks + more)])
    assert found is not None
    assert (found.asked, found.unanswered, found.unlabeled, found.accuracy) == (12, 1, 1, share(8, 10))


def test_a_label_given_in_sight_of_the_guess_is_counted_but_no_evidence() -> None:
    one = query(1, (4, 9), (8, 10))
    seen = tuple(dataclasses.replace(p, saw_guess=p.rank in (1, 2, 10, 11, 12)) for p in one.picks)
    queries = [dataclasses.replace(one, picks=seen)]
    found, compared = control_accuracy(queries), comparison(queries)
    assert found is not None and compared is not None
    assert (found.asked, found.guess_seen, found.unlabeled, found.accuracy) == (10, 3, 0, share(5, 7))
    assert (compared.picks, compared.control) == (share(5, 7), share(2, 7))


def test_several_models_are_said_to_be_several() -> None:
    queries = [query(1, (0, 0), (8, 10)), query(2, (0, 0), (9, 10))]
    found = control_accuracy(queries)
    assert found is not None
    assert (found.queries, found.accuracy, found.same_model) == ((1, 2), share(17, 20), False)
    same = control_accuracy(
        [dataclasses.replace(q, asked=dataclasses.replace(q.asked, checkpoint="a.pt")) for q in queries]
    )
    assert same is not None
    assert same.same_model


def test_a_query_that_is_random_throughout_is_a_control_throughout() -> None:
    found = control_accuracy([query(1, (7, 10), (0, 0), uniform=True)])
    assert found is not None
    assert found.accuracy == share(7, 10)
    assert control_accuracy([query(1, (7, 10), (0, 0))]) is None


def test_the_interval_covers_the_accuracy_of_a_pool() -> None:
    """A pool of 500 of which 70 % are predicted right, and slices of 20."""
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(200):
        right = int((rng.choice(500, 20, replace=False) < 350).sum())
        found = control_accuracy([query(1, (0, 0), (right, 20))])
        assert found is not None and found.accuracy is not None
        covered += found.accuracy.low <= 0.7 <= found.accuracy.high
    assert covered >= 185


def test_harder_picks() -> None:
    found = comparison([query(1, (40, 90), (9, 10)), query(2, (40, 90), (9, 10))])
    assert found is not None
    assert (found.picks, found.control) == (share(100, 180), share(2, 20))
    assert found.harder.settled
    assert (found.harder.value > 0, found.needed) == (True, None)


def test_what_is_not_settled_says_what_would_settle_it() -> None:
    found = comparison([query(1, (7, 9), (1, 1))])
    assert found is not None
    assert not found.harder.settled
    assert found.planned == pytest.approx(2 / 9)
    assert found.needed == 19, "((1.96 sqrt(10/9 0.2 0.8) + 0.84 sqrt(0.22 0.78 / 9)) / 0.22)^2"
    level = comparison([query(1, (9, 9), (1, 1))])
    assert level is not None
    assert (level.planned, level.needed is not None) == (0.05, True)


def test_only_queries_of_one_strategy_and_share_are_added_up() -> None:
    queries = [
        query(1, (0, 9), (1, 1), strategy="coreset"),
        changed(query(2, (0, 9), (1, 1)), control=0.3),
        query(3, (5, 9), (1, 1)),
        query(4, (10, 10), (0, 0)),
        query(5, (5, 9), (1, 1)),
    ]
    found = comparison(queries)
    assert found is not None
    assert (found.queries, found.picks.of) == ((3, 5), 18)
    assert comparison(queries[3:4]) is None


def test_class_balance() -> None:
    one = query(1, (1, 2), (1, 1))
    picks = (dataclasses.replace(one.picks[0], answer="dog"), *one.picks[1:])
    balance = class_balance([dataclasses.replace(one, picks=picks)], ["cat", "dog"])
    assert [(item.name, item.picks, item.control) for item in balance] == [
        ("cat", share(1, 2), share(1, 1)),
        ("dog", share(1, 2), share(0, 1)),
    ]
    assert class_balance([], ["cat"]) == []


def test_a_point_of_the_control_is_of_the_cycle_that_the_query_belongs_to() -> None:
    asked = query(3, (0, 0), (8, 10))
    found = control_accuracy([asked])
    assert found is not None
    assert control_curve([found]) == [Point(asked.cycle, 300, share(8, 10))]


def test_gain_is_by_100_labels() -> None:
    curve = points(500, 600, 650, 700, 720)
    found = gain(curve, "test")
    assert found is not None
    assert (found.first, found.last) == (curve[1], curve[4])
    assert found.per_100.value == pytest.approx(0.04)
    assert found.per_100.low < 0.04 < found.per_100.high
    assert gain(curve[:1], "test") is None
    assert gain([curve[0], curve[0]], "test") is None


def test_of_a_campaign(labeled: Path) -> None:
    with Campaign(labeled) as campaign:
        asked = campaign.ask(20)
        color = {p.index: p.image.split("/")[0] for p in asked.picks}
        campaign.tell([GivenAnswer(1, "", name, "ann", index=index) for index, name in color.items()])
        first = asked.indices[0]
        campaign.tell([GivenAnswer(1, "", color[first], "bob", index=first)])
        found = gather(campaign)
    assert found.recent is not None
    assert (found.recent.asked, found.recent.unanswered) == (2, 0)
    assert found.comparison is not None
    assert (found.comparison.picks.of, found.comparison.control.of) == (18, 2)
    assert found.agreement is not None
    assert found.agreement.same == share(1, 1)
    assert (found.curve, found.gain) == ((), None), "no test set"
    assert found.as_dict()["comparison"]["control"]["of"] == 2
