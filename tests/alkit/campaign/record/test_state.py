"""The state: read off the ledger as of one moment, and what was read is not read again."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from alkit.campaign.record.events import (
    Answered,
    Asked,
    ClassesAdded,
    Created,
    Extended,
    Happening,
    Lost,
    Retracted,
    Trained,
)
from alkit.campaign.record.ledger import Event, Ledger, PickRow
from alkit.campaign.record.read import read_state, state_at
from alkit.data.preprocessing import ImageRecord
from alkit.interfaces.oracle import Answer


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """Two images, one asked and answered."""
    ledger = Ledger(tmp_path / "campaign.db", create=True)
    with ledger.transaction():
        ledger.add_images([record(0), record(1)])
        ask(ledger, 0)
        ledger.add_answers(ledger.add_event(Answered()), [(0, Answer(value="cat"))])
    yield ledger
    ledger.close()


def record(index: int) -> ImageRecord:
    return ImageRecord(index, f"{index}.png", f"h{index}", 8, 8, None, None)


def ask(ledger: Ledger, index: int) -> None:
    event = ledger.add_event(Asked(cycle=0, strategy="random"))
    ledger.add_picks(event, [PickRow(index, None)])


def test_what_another_process_adds_meanwhile_is_seen_as_a_whole_or_not_at_all(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a query could ask for an image that is not in the list that was read before it."""
    events = Ledger.all_events

    def late(self: Ledger, *kinds: type[Happening], after: int = 0) -> list[Event[Happening]]:
        monkeypatch.setattr(Ledger, "all_events", events)
        other = Ledger(ledger.path)
        with other.transaction():
            other.add_images([record(2)])
            ask(other, 2)
        other.close()
        return self.all_events(*kinds, after=after)

    monkeypatch.setattr(Ledger, "all_events", late)
    before = read_state(ledger)
    assert [query.indices for query in before.queries] == [[0]]
    after = read_state(ledger, before)
    assert [query.indices for query in after.queries] == [[0], [2]]
    assert len(after.records) == 3


def test_a_copy_in_the_place_of_a_lost_image_has_its_answers(ledger: Ledger) -> None:
    with ledger.transaction():
        ledger.add_images([dataclasses.replace(record(2), hash="h0", duplicate_of=0)])
        ledger.add_event(Lost(indices=[0]))
        ledger.add_answers(ledger.add_event(Answered()), [(2, Answer(value="dog"))])
    state = read_state(ledger)
    assert [answer.value for answer in state.answers_to(2)] == ["cat", "dog"]
    assert state.answers_to(1) == []


def take_back(ledger: Ledger, index: int, answer: int) -> None:
    with ledger.transaction():
        ledger.add_event(Retracted(index=index, answer=answer))


def test_what_is_taken_back_is_waited_for_again(ledger: Ledger) -> None:
    before = read_state(ledger)
    take_back(ledger, 0, 1)
    state = read_state(ledger, before)
    assert state.pool.pending.tolist() == [0]
    assert state.pool.values == []
    assert state.answers_to(0) == []
    assert state.queries[0].open


def test_behind_it_is_what_was_said_before(ledger: Ledger) -> None:
    with ledger.transaction():
        ledger.add_answers(ledger.add_event(Answered()), [(0, Answer(value="dog"))])
    take_back(ledger, 0, 2)
    state = read_state(ledger)
    assert (state.pool.values, state.pool.pending.tolist()) == (["cat"], [])


def test_what_is_taken_back_after_another_query_goes_back_to_the_pool(ledger: Ledger) -> None:
    with ledger.transaction():
        ask(ledger, 1)
    take_back(ledger, 0, 1)
    state = read_state(ledger)
    assert (state.pool.pending.tolist(), state.pool.candidates.tolist()) == ([1], [0])
    assert state.queries[0].picks[0].given_up


def test_what_is_asked_for_again_and_taken_back_has_its_earlier_answer(ledger: Ledger) -> None:
    with ledger.transaction():
        ask(ledger, 0)
        ledger.add_answers(ledger.add_event(Answered()), [(0, Answer(value="dog"))])
    take_back(ledger, 0, 2)
    state = read_state(ledger)
    assert (state.pool.values, state.pool.pending.tolist()) == (["cat"], [0])


def test_only_what_is_new_is_read_again(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    before = read_state(ledger)
    with ledger.transaction():
        ask(ledger, 1)
        ledger.add_answers(ledger.add_event(Answered()), [(1, Answer(value="dog"))])
    read: list[tuple[object, ...]] = []
    rows = Ledger._rows

    def spied(self: Ledger, *query: str) -> list[tuple[object, ...]]:
        found: list[tuple[object, ...]] = rows(self, *query)
        read.extend(found)
        return found

    monkeypatch.setattr(Ledger, "_rows", spied)
    after = read_state(ledger, before)
    assert len(read) == 5, "the number of images, two events, an answer and a pick"
    whole = read_state(ledger)
    assert (after.events, after.answers, after.picks) == (whole.events, whole.answers, whole.picks)
    assert after.pool.values == whole.pool.values == ["cat", "dog"]
    assert after.queries == whole.queries


def test_an_earlier_state_knows_nothing_of_what_came_later(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "campaign.db", create=True)
    with ledger.transaction():
        ledger.add_event(Created(alkit="1", images=2))
        ledger.add_images([record(0), record(1)])
        ledger.add_event(ClassesAdded(added=["cat"]))
        ask(ledger, 0)
        ask(ledger, 1)
        ledger.add_answers(ledger.add_event(Answered()), [(0, Answer(value="cat"))])
        moment = ledger.add_event(Trained(cycle=1, labels=1, metrics={}))
        ledger.add_event(Extended(first=2, images=1))
        ledger.add_images([record(2)])
        ledger.add_event(ClassesAdded(added=["dog"]))
        ledger.add_event(Lost(indices=[1]))
        ask(ledger, 2)
        ledger.add_answers(ledger.add_event(Answered()), [(2, Answer(value="dog")), (0, Answer(value="dog"))])
    then, now = state_at(ledger, moment), read_state(ledger)
    ledger.close()
    assert (len(then.records), len(now.records)) == (2, 3)
    assert (list(then.classes), list(now.classes)) == (["cat"], ["cat", "dog"])
    assert (then.pool.values, now.pool.values) == (["cat"], ["dog", "dog"])
    assert (len(then.queries), len(now.queries)) == (2, 3)
    assert [query.open for query in then.queries] == [False, True], "image 1 was still waited for"
    assert then.picks == now.picks[:2]
    assert then.pool.usable.tolist() == [True, True]
    assert now.pool.usable.tolist() == [True, False, True]
