"""The state of a campaign, as its ledger tells it; whoever adds to the ledger reads the state again."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from alkit.composition.factory import origin_of, same_code
from alkit.labeling.given_answer import NOTHING

from .aggregation import AggregationRule, dispute
from .classes import is_box
from .events import Asked, EvaluationSetChosen, Grouped, Happening, Moved
from .ledger import Event
from .pool import Pool
from .query import Pick, Query

if TYPE_CHECKING:
    from alkit.data.image_list import ImageList
    from alkit.interfaces.labels import Labels
    from alkit.interfaces.oracle import Answer
    from alkit.interfaces.strategy import Strategy

    from .ledger import AnswerRow, PickRow


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
        return by_place(self.counted, self.pool)

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


def by_place(rows: Sequence[AnswerRow], pool: Pool) -> dict[int, list[AnswerRow]]:
    """Return answers by the image that keeps them."""
    answers: dict[int, list[AnswerRow]] = defaultdict(list)
    for row in rows:
        answers[pool.canonical_index(row.index)].append(row)
    return answers
