"""Who answered, how fast, and what it cost."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import pytest

from alkit.campaign.record.events import Answered
from alkit.campaign.record.ledger import AnswerRow, Event
from alkit.campaign.report.annotators import Pace, annotators, pace
from alkit.interfaces.oracle import Answer

NOON = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)


def at(*seconds: float) -> list[datetime]:
    return [NOON + timedelta(seconds=second) for second in seconds]


def ledger(*given: tuple[int, int, Answer], accepted: dict[int, str]) -> Any:
    """Answers as (event, image, answer), and when each event took place."""
    rows = [AnswerRow(number, event, index, answer) for number, (event, index, answer) in enumerate(given)]
    events = [Event(number, time, Answered()) for number, time in accepted.items()]
    return SimpleNamespace(answers=lambda: rows, events=lambda kind: events)


def test_pauses_are_left_out_and_order_does_not_matter() -> None:
    assert pace(at(2, 0, 5, 9, 1000, 1010)) == Pace(3.5, 2.75, 5.5, 4), "gaps 2, 3, 4, 10"


@pytest.mark.parametrize("moments", [(), (0,), (0, 3), (0, 3, 600)])
def test_one_gap_is_no_pace(moments: tuple[float, ...]) -> None:
    assert pace(at(*moments)) is None


def test_answers_costs_and_kinds_are_counted_by_annotator() -> None:
    found = annotators(
        ledger(
            (1, 0, Answer("label", "red", "ada", cost=0.5)),
            (1, 1, Answer("abstain", None, "ada")),
            (1, 0, Answer("label", "blue", "ada", cost=0.25)),
            (2, 1, Answer("unusable", None, "bob")),
            accepted={1: "2026-01-01T12:00:00Z", 2: "2026-01-01T12:00:00Z"},
        )
    )
    ada, bob = found
    assert (ada.name, ada.answers, ada.images, ada.abstained, ada.unusable) == ("ada", 3, 2, 1, 0)
    assert (ada.cost, ada.costed) == (0.75, 2)
    assert (bob.name, bob.answers, bob.unusable, bob.costed) == ("bob", 1, 1, 0)


def test_answers_that_were_taken_back_are_nobodys() -> None:
    rows = [(1, 0, Answer("label", "red", "eve", cost=1.0)), (2, 0, Answer("label", "red", "ada", cost=1.0))]
    noon = "2026-01-01T12:00:00Z"
    (ada,) = annotators(ledger(*rows, accepted={1: noon, 2: noon}), {0})
    assert (ada.name, ada.answers, ada.cost) == ("ada", 1, 1.0)


def test_the_moment_a_file_came_in_tells_no_pace() -> None:
    rows = [(1, i, Answer("label", "red", "ada", f"2026-01-01T12:00:00.00{i}Z")) for i in range(5)]
    (ada,) = annotators(ledger(*rows, accepted={1: "2026-01-01T12:00:00.000Z"}))
    assert ada.pace is None


def test_times_before_the_file_came_in_tell_it() -> None:
    rows = [(1, i, Answer("label", "red", "ada", f"2026-01-01T11:00:0{2 * i}")) for i in range(4)]
    (ada,) = annotators(ledger(*rows, accepted={1: "2026-01-01T12:00:00Z"}))
    assert ada.pace == Pace(2, 2, 2, 3)


def test_answers_that_came_one_by_one_tell_it() -> None:
    times = {i: f"2026-01-01T12:00:0{3 * i}.000Z" for i in range(4)}
    rows = [(i, i, Answer("label", "red", "ada", time)) for i, time in times.items()]
    (ada,) = annotators(ledger(*rows, accepted=times))
    assert ada.pace == Pace(3, 3, 3, 3)


def test_a_time_that_is_none_is_passed_over() -> None:
    (ada,) = annotators(
        ledger((1, 0, Answer("label", "red", "ada", "yesterday")), accepted={1: "2026-01-01T12:00:00Z"})
    )
    assert (ada.answers, ada.pace) == (1, None)
