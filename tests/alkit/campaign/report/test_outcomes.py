"""What became of queries, by hand."""

from __future__ import annotations

from alkit.campaign.record.events import Asked
from alkit.campaign.record.query import Pick, Query
from alkit.campaign.report.outcomes import ClassCount, class_counts, outcome


def query(*answers: str | None, is_open: bool = False) -> Query:
    picks = tuple(
        Pick(rank, rank, f"{rank}.jpg", None, answer, control=rank > 3)
        for rank, answer in enumerate(answers, 1)
    )
    asked = Asked(cycle=1, strategy="margin", labels=7)
    return Query(number=2, event=5, asked=asked, picks=picks, open=is_open)


def test_everything_asked_is_counted_once() -> None:
    out = outcome(query("red", None, "abstain", "unusable", "blue", None, is_open=True), ["red", "blue"])
    assert (out.query, out.strategy, out.labels, out.asked) == (2, "margin", 7, 6)
    assert (out.answered, out.abstained, out.unusable, out.open, out.given_up) == (2, 1, 1, 2, 0)
    assert out.control == 3


def test_what_a_closed_query_left_was_given_up() -> None:
    out = outcome(query("red", None), ["red"])
    assert (out.open, out.given_up) == (0, 1)


def test_a_class_may_be_called_abstain() -> None:
    out = outcome(query("abstain", "unusable"), ["abstain"])
    assert (out.answered, out.abstained, out.unusable) == (1, 0, 1)


def test_predictions_count_only_beside_an_answer() -> None:
    picks = (
        Pick(1, 1, "1", None, "red", predicted="blue", correct=False),
        Pick(2, 2, "2", None, "red", predicted="red", correct=True),
        Pick(3, 3, "3", None, None, predicted="red"),
        Pick(4, 4, "4", None, "abstain", predicted="red"),
    )
    asked = Query(number=1, event=1, asked=Asked(cycle=0, strategy="margin"), picks=picks, open=False)
    assert class_counts({"red": 2, "blue": 1, "grey": 0}, [asked]) == [
        ClassCount("red", 2, 2, 1),
        ClassCount("blue", 1, 0, 1),
        ClassCount("grey", 0, 0, 0),
    ]
