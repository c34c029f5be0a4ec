"""The state of a campaign, as its ledger tells it; whoever adds to the ledger reads the state again."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from alkit.composition.factory import origin_of, same_code
from alkit.labeling.given_answer import NOTHING

from .aggregation import AggregationRule, aggregate_votes, check_rule, dispute, votes_of
from .classes import CLASS_EVENTS, ClassHistory, Meant, is_box
from .events import (
    Aggregated,
    Answered,
    Asked,
    CopiesDropped,
    Created,
    EvaluationSetChosen,
    Extended,
    Found,
    Grouped,
    Happening,
    LabelsCopied,
    Lost,
    Moved,
    Passed,
    PutBack,
    Removed,
    Renamed,
    Retracted,
    Ungrouped,
    Withdrawn,
)
from .ledger import Event
from .names import former_names, renamed_records
from .pool import Pool
from .query import Pick, Query

if TYPE_CHECKING:
    from alkit.data.image_list import ImageList
    from alkit.data.preprocessing import ImageRecord
    from alkit.interfaces.labels import Labels
    from alkit.interfaces.oracle import Answer
    from alkit.interfaces.strategy import Strategy

    from .ledger import AnswerRow, Ledger, PickRow


CHANGING = (
    *(*CLASS_EVENTS, Asked, Answered, Retracted, Withdrawn, Passed, Lost, Found, Aggregated, Moved, Renamed),
    *(Removed, PutBack, EvaluationSetChosen, Grouped, Ungrouped, LabelsCopied, CopiesDropped),
)
"""Kinds of events that change the state."""
NAMING_IMAGES = ("indices", "leaders", "sources", "audit", "audits")
"""Fields of events that hold positions of images."""


@dataclass(frozen=True)
class State:
    """What has happened so far.

    Attributes:
        records: the frozen list of images, under their present names; a record's index is its place in it.
        pool: which images are labeled, asked, set aside or free.
        classes: class names in the order of their numbers.
        asked: the `asked` events.
        picks: those of each of them, most wanted first.
        listed: the images under the names that they were listed with.
        votes: each annotator's latest answer, by image, where two or more have answered.
        aggregate: how their answers become one.
        given_up: images that a query asked for and closed without an answer, by its event.
        guesses_seen: images with an answer by somebody who saw the model's guess.
        retracted: numbers of the answers that were taken back and do not count.
        slots: the present name of every class that there has ever been, None for a retired one.
        retired: classes that are not used any more.
        former_classes: the class that is meant by the former name of one, by that name.
        test_set: the test images that were chosen last, if not when the campaign was made.
        test_classes: what the classes of the test images are called now, by the names on their labels; None
            for a class that is retired.
        moved: where the pool is, if it is not where it was when the campaign was made.
        groups: near-duplicates that are one question, or None.
        former: the image that had a name before it was renamed, by that name.
        events: what the state was made from, in order.
        answers: likewise.
        counted: the answers that count, with the names that classes have now.
        classes_then: the classes at the time of each query, by the names that they have now.
    """

    records: ImageList
    pool: Pool
    classes: Sequence[str]
    asked: Sequence[Event[Asked]]
    picks: Sequence[Sequence[PickRow]]
    listed: ImageList
    votes: Mapping[int, Mapping[str, Answer]] = field(default_factory=dict)
    aggregate: AggregationRule = "last"
    given_up: Mapping[int, Set[int]] = field(default_factory=dict)
    guesses_seen: Set[int] = frozenset()
    retracted: Set[int] = frozenset()
    slots: Sequence[str | None] = ()
    retired: Sequence[str] = ()
    former_classes: Mapping[str, str] = field(default_factory=dict)
    test_set: EvaluationSetChosen | None = None
    test_classes: Mapping[str, str | None] = field(default_factory=dict)
    moved: Moved | None = None
    groups: Grouped | None = None
    former: Mapping[str, int] = field(default_factory=dict)
    events: Sequence[Event[Happening]] = ()
    answers: Sequence[AnswerRow] = ()
    counted: Sequence[AnswerRow] = ()
    classes_then: Sequence[Sequence[str]] = ()

    @cached_property
    def keys(self) -> Sequence[str]:
        """The key of each image, by index."""
        return self.records.keys

    @cached_property
    def queries(self) -> list[Query]:
        """All queries, the first one first."""
        pending = set(self.pool.pending.tolist())
        return [self._query(number, pending) for number in range(1, len(self.asked) + 1)]

    def answers_to(self, place: int) -> Sequence[Answer]:
        """Return all answers that count to an image and to those in whose place it is, the latest last."""
        return [row.answer for row in self._said.get(place, ())]

    def latest(self, index: int, annotator: str, *, after: int = 0) -> AnswerRow | None:
        """Return an annotator's latest answer that counts to an image, if it came after an event."""
        rows = self._said.get(self.pool.canonical_index(index), ())
        own = [row for row in rows if row.answer.annotator == annotator and row.event > after]
        return own[-1] if own else None

    @cached_property
    def _said(self) -> Mapping[int, Sequence[AnswerRow]]:
        return _by_place(self.counted, self.pool)

    def test_label(self, label: str | None) -> str | None:
        """Return the label of a test image as its class is called now; None if it has none that counts."""
        return None if label is None else self.test_classes.get(label, label)

    def test_value(self, value: Any) -> Any:
        """Return the boxes of a test image as their classes are called now; other values stay as they are."""
        if not isinstance(value, list) or not all(is_box(part) for part in value):
            return value
        names = [self.test_classes.get(box["class"], box["class"]) for box in value]
        named = zip(value, names, strict=True)
        return [{**box, "class": name} for box, name in named if name is not None]

    @property
    def disputes(self) -> dict[int, tuple[int, ...]]:
        """How many annotators say each thing of the images on which they differ, the most first.

        Only of images that can be asked again: readable, no copies, not asked right now.
        """
        return self.disputed(None)

    def disputed(self, labels: Labels | None) -> dict[int, tuple[int, ...]]:
        """Return the disputes, where values may agree though they differ; see `aggregation.dispute`."""
        pending, usable = set(self.pool.pending.tolist()), self.pool.usable
        counts = {index: dispute(votes, labels) for index, votes in sorted(self.votes.items())}
        return {i: count for i, count in counts.items() if count and usable[i] and i not in pending}

    @cached_property
    def _asked_last(self) -> dict[int, int]:
        """The `asked` event that asked for each image last."""
        return {
            pick.index: event.id
            for event, picks in zip(self.asked, self.picks, strict=True)
            for pick in picks
        }

    @property
    def open_query(self) -> Query | None:
        """The query that waits for answers, or None."""
        return next((query for query in reversed(self.queries) if query.open), None)

    def remembered(self, strategy: Strategy) -> str | None:
        """Return the file (from the campaign's directory) of what a strategy remembered at its last query.

        Another strategy of the same name, from another file or distribution, has its own state.
        """
        origin = origin_of(strategy)
        files = [
            event.data.state
            for event in self.asked
            if event.data.strategy == strategy.name and same_code(event.data.origin, origin)
        ]
        return files[-1] if files else None

    def _query(self, number: int, pending: set[int]) -> Query:
        event, picks = self.asked[number - 1], self.picks[number - 1]
        waiting = {
            pick.index for pick in picks if pick.index in pending and self._asked_last[pick.index] == event.id
        }
        given_up = self.given_up.get(event.id, frozenset())
        keys = self.records.keys_of([pick.index for pick in picks])
        told_of = tuple(
            self._pick(
                number,
                rank,
                pick,
                keys[rank - 1],
                waited_for=pick.index in waiting,
                given_up=pick.index in given_up or pick.index in self.pool.removed,
            )
            for rank, pick in enumerate(picks, 1)
        )
        return Query(
            number=number,
            event=event.id,
            asked=event.data,
            picks=told_of,
            open=bool(waiting),
        )

    def _pick(
        self, number: int, rank: int, pick: PickRow, image: str, *, waited_for: bool, given_up: bool
    ) -> Pick:
        """Return a pick with its answer; answers to a later query do not belong to this one."""
        answer = None if waited_for or given_up else self.pool.answer_of(pick.index)
        predicted = _class_of(pick.predicted, self.classes_then[number - 1])
        label = answer.value if answer is not None and answer.kind == "label" else None
        return Pick(
            rank=rank,
            index=pick.index,
            image=image,
            score=pick.score,
            answer=None if answer is None else answer.kind if label is None else _shown(label),
            control=pick.control,
            predicted=predicted,
            confidence=pick.confidence,
            correct=None if label is None or predicted is None else label == predicted,
            place=rank if pick.place is None else pick.place,
            given_up=given_up,
            saw_guess=answer is not None and self.pool.canonical_index(pick.index) in self.guesses_seen,
        )


def _shown(value: Any) -> str:
    """Return a label as text for people; classes of a set are separated by semicolons, boxes are JSON.

    A set or a list of boxes may be empty, which is an answer, too.
    """
    if value == []:
        return NOTHING
    if isinstance(value, list) and value and is_box(value[0]):
        return json.dumps(value, ensure_ascii=False)
    return ";".join(map(str, value)) if isinstance(value, list) else str(value)


def _class_of(number: int | None, classes: Sequence[str]) -> str | None:
    """Return the name of a class; an output beyond the classes has none."""
    return None if number is None or number >= len(classes) else classes[number]


def _by_place(rows: Sequence[AnswerRow], pool: Pool) -> dict[int, list[AnswerRow]]:
    """Return answers by the image that keeps them."""
    answers: dict[int, list[AnswerRow]] = defaultdict(list)
    for row in rows:
        answers[pool.canonical_index(row.index)].append(row)
    return answers


def make_pool(records: Sequence[ImageRecord]) -> Pool:
    """Return the pool of a list of images, nothing asked or answered."""
    from alkit.data.image_list import listed  # noqa: PLC0415  # numpy is slow to import

    aside = listed(records).set_aside
    return Pool(
        len(records),
        unusable=[row.index for row in aside if row.unusable is not None],
        duplicates={row.index: row.duplicate_of for row in aside if row.duplicate_of is not None},
    )


def read_state(ledger: Ledger, before: State | None = None) -> State:
    """Read the state off a ledger.

    Args:
        ledger: what has happened.
        before: an earlier state of the same ledger, since nothing in a ledger ever changes: only what has
            been added is read.
    """
    with ledger.undamaged():
        with ledger.snapshot():
            records, events, answers, picks = _read(ledger, before)
        named = [row.index for row in answers] + [pick.index for those in picks for pick in those]
        for event in events:
            for field_name in NAMING_IMAGES:
                named += getattr(event.data, field_name, ())
        if named and not 0 <= min(named) <= max(named) < len(records):
            raise ValueError(f"it names an image beyond the {len(records)} of the list")
        return _replayed(records, events, answers, picks)


def state_at(ledger: Ledger, event: int) -> State:
    """Return the state as it was at an event: images, classes and labels that came later are left out."""
    with ledger.snapshot():
        _, events, answers, picks = _read(ledger, None)
        sizes = [happened for happened in ledger.all_events(Created, Extended) if happened.id <= event]
        there = sum(one.data.images for one in sizes if isinstance(one.data, (Created, Extended)))
        records = ledger.images(there)
    events = [happened for happened in events if happened.id <= event]
    return _replayed(records, events, [row for row in answers if row.event <= event], picks)


def _read(
    ledger: Ledger, before: State | None
) -> tuple[ImageList, list[Event[Happening]], list[AnswerRow], list[Sequence[PickRow]]]:
    """Return images, events, answers, and picks by `asked` event."""
    unchanged = before is not None and ledger.image_count() == len(before.listed)
    records = before.listed if before is not None and unchanged else ledger.images()
    events, answers = (list(before.events), list(before.answers)) if before is not None else ([], [])
    picks = list(before.picks) if before is not None else []
    fresh = ledger.all_events(*CHANGING, after=events[-1].id if events else 0)
    answers += ledger.answers(after=answers[-1].id if answers else 0)
    picks += [ledger.picks(event.id) for event in fresh if isinstance(event.data, Asked)]
    return records, events + fresh, answers, picks


def _replayed(
    listed: ImageList,
    events: Sequence[Event[Happening]],
    rows: Sequence[AnswerRow],
    picks: Sequence[Sequence[PickRow]],
) -> State:
    """Return the state that all of this leads to."""
    pool = make_pool(listed)
    names = [event.data for event in events if isinstance(event.data, Renamed)]
    records = renamed_records(listed, names)
    moved: Moved | None = None
    classes = ClassHistory()
    meant: dict[int, tuple[Meant, ...]] = {}  # slots of the classes that labels name
    asked_for: dict[int, int | None] = {}  # the `asked` events that these labels answer
    slots_then: list[Sequence[int]] = []
    test_set: EvaluationSetChosen | None = None
    tested: dict[str, int] = {}
    asked: list[Event[Asked]] = []
    aggregate: AggregationRule = "last"
    asked_by: dict[int, int] = {}
    given_up: dict[int, set[int]] = defaultdict(set)
    seen: list[int] = []
    retracted: set[int] = set()
    answered: dict[int, list[AnswerRow]] = defaultdict(list)
    given: dict[int, list[AnswerRow]] = defaultdict(list)
    groups: Grouped | None = None
    copied: dict[int, int] = {}
    for row in rows:
        given[row.event].append(row)
    for event in events:
        data = event.data
        if isinstance(data, (Withdrawn, Passed, Lost, Removed)):
            for index in pool.waiting_for(data.indices):
                given_up[asked_by[index]].add(index)
        if isinstance(data, CLASS_EVENTS):
            classes.apply(data)
            if not tested and not asked:
                tested = dict(zip(classes.names, classes.slots, strict=True))
        elif isinstance(data, Asked):
            indices = [pick.index for pick in picks[len(asked)]]
            asked.append(Event(event.id, event.time, data))
            slots_then.append(classes.slots)
            pool.ask(indices)
            asked_by.update(dict.fromkeys(indices, event.id))
        elif isinstance(data, Answered):
            for row in given[event.id]:
                if row.answer.kind == "label" and (slots := classes.meant_by(row.answer.value)) is not None:
                    meant[row.id] = slots
                    asked_for[row.id] = asked_by.get(row.index)
                pool.close(row.index)
                answered[pool.canonical_index(row.index)].append(row)
                if data.saw_guess:
                    seen.append(row.index)
        elif isinstance(data, Retracted):
            retracted.add(data.answer)
            by = asked_by.get(data.index, event.id)
            if data.index in given_up[by] or any(
                row.event > by and row.id not in retracted for row in answered[data.index]
            ):
                continue
            if asked and by == asked[-1].id and pool.usable[data.index]:
                pool.ask([data.index])
            else:
                given_up[by].add(data.index)
        elif isinstance(data, Aggregated):
            aggregate = check_rule(data.by)
        elif isinstance(data, Withdrawn):
            pool.withdraw(data.indices)
        elif isinstance(data, Passed):
            pool.skip(data.indices)
        elif isinstance(data, Lost):
            pool.mark_missing(data.indices)
        elif isinstance(data, Found):
            pool.mark_found(data.indices)
        elif isinstance(data, Moved):
            moved = data
        elif isinstance(data, Removed):
            pool.remove(data.indices)
        elif isinstance(data, PutBack):
            pool.put_back(data.indices)
        elif isinstance(data, EvaluationSetChosen):
            test_set = data
            tested = dict(zip(classes.names, classes.slots, strict=True))
        elif isinstance(data, LabelsCopied):
            copied.update(zip(data.indices, data.sources, strict=True))
        elif isinstance(data, (Grouped, Ungrouped, CopiesDropped)):
            copied.clear()
            if not isinstance(data, CopiesDropped):
                groups = data if isinstance(data, Grouped) else None
    counted = _counted(rows, retracted, meant, classes)
    said = _by_place(counted, pool)
    for row in rows:  # an image whose only label is of a retired class was not answered, after all
        query = asked_for.get(row.id)
        if query is None or row.id in retracted:
            continue
        if pool.canonical_index(row.index) not in said:
            given_up[query].add(row.index)
    votes = {index: votes_of([row.answer for row in those]) for index, those in said.items()}
    for index, answer in aggregate_votes(votes, aggregate).items():
        pool.set_label(index, answer)
    for index, source in copied.items():
        pool.copy_label(index, source)
    several = {index: by for index, by in votes.items() if len(by) > 1}
    guesses_seen = {pool.canonical_index(index) for index in seen}
    return State(
        records=records,
        pool=pool,
        classes=classes.names,
        asked=asked,
        picks=picks,
        votes=several,
        aggregate=aggregate,
        given_up=given_up,
        guesses_seen=guesses_seen,
        retracted=retracted,
        slots=classes.by_slot,
        retired=classes.retired,
        former_classes=classes.former,
        test_set=test_set,
        test_classes={name: classes.present(slot) for name, slot in tested.items()},
        counted=counted,
        classes_then=[[classes.last_name(slot) for slot in slots] for slots in slots_then],
        moved=moved,
        groups=groups,
        former=former_names(listed, names),
        listed=listed,
        events=events,
        answers=rows,
    )


def _counted(
    rows: Sequence[AnswerRow],
    retracted: Set[int],
    meant: Mapping[int, tuple[Meant, ...]],
    classes: ClassHistory,
) -> list[AnswerRow]:
    """Return the answers that count, with the names that classes have now.

    A label of a retired class does not count; sets of classes and lists of boxes lose it.
    """
    counted: list[AnswerRow] = []
    for row in rows:
        if row.id in retracted:
            continue
        if row.id not in meant:
            counted.append(row)
            continue
        value = classes.now(row.answer.value, meant[row.id])
        if value is not None:
            same = value == row.answer.value
            counted.append(row if same else replace(row, answer=replace(row.answer, value=value)))
    return counted
