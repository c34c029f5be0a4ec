"""The replay of a campaign: its events, one after the other, lead to its state."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from .aggregation import AggregationRule, Votes, aggregate_votes, check_rule, votes_of
from .classes import CLASS_EVENTS, ClassHistory, Meant
from .events import (
    Aggregated,
    Answered,
    Asked,
    CopiesDropped,
    EvaluationSetChosen,
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
from .names import former_names, renamed_records
from .pool import make_pool
from .state import State, by_place

if TYPE_CHECKING:
    from alkit.data.image_list import ImageList

    from .ledger import AnswerRow, Event, PickRow

H = TypeVar("H", bound=Happening)
Handler = Callable[["Replay", "Event[H]"], None]
HANDLERS: dict[type[Happening], Handler[Any]] = {}
"""What the replay does at an event, by its kind."""


def _at(*kinds: type[H]) -> Callable[[Handler[H]], Handler[H]]:
    """Return a decorator for the method that handles events of some kinds."""

    def register(handler: Handler[H]) -> Handler[H]:
        HANDLERS.update(dict.fromkeys(kinds, handler))
        return handler

    return register


class Replay:
    """What has happened up to an event; `state` tells what it leads to, once all have been applied.

    Args:
        listed: the images under the names that they were listed with.
        answers: all answers, in order.
        picks: those of each `asked` event, in order.
    """

    def __init__(
        self, listed: ImageList, answers: Sequence[AnswerRow], picks: Sequence[Sequence[PickRow]]
    ) -> None:
        self._listed = listed
        self._answers = answers
        self._picks = picks
        self._given: dict[int, list[AnswerRow]] = defaultdict(list)  # by `answered` event
        for row in answers:
            self._given[row.event].append(row)
        self._events: list[Event[Happening]] = []
        self._pool = make_pool(listed)
        self._classes = ClassHistory()
        self._names: list[Renamed] = []
        self._moved: Moved | None = None
        self._asked: list[Event[Asked]] = []
        self._asked_by: dict[int, int] = {}  # the `asked` event that asked for each image last
        self._slots_then: list[Sequence[int]] = []  # of the classes at each query
        self._given_up: dict[int, set[int]] = defaultdict(set)
        self._answered: dict[int, list[AnswerRow]] = defaultdict(list)  # so far, by image
        self._meant: dict[int, tuple[Meant, ...]] = {}  # slots of the classes that labels name
        self._asked_for: dict[int, int | None] = {}  # the `asked` events that these labels answer
        self._seen: list[int] = []  # images with answers by somebody who saw the guess
        self._retracted: set[int] = set()
        self._aggregate: AggregationRule = "last"
        self._test_set: EvaluationSetChosen | None = None
        self._test_slots: dict[str, int] = {}  # of the classes on the labels of test images
        self._groups: Grouped | None = None
        self._copied: dict[int, int] = {}  # images whose label is a copy, with the image that it is from

    def apply(self, event: Event[Happening]) -> None:
        """Take the next event into account."""
        HANDLERS[type(event.data)](self, event)
        self._events.append(event)

    @_at(*CLASS_EVENTS)
    def _change_classes(self, event: Event[Happening]) -> None:
        self._classes.apply(event.data)
        if not self._test_slots and not self._asked:
            self._note_test_slots()

    @_at(EvaluationSetChosen)
    def _choose_test_set(self, event: Event[EvaluationSetChosen]) -> None:
        self._test_set = event.data
        self._note_test_slots()

    def _note_test_slots(self) -> None:
        self._test_slots = dict(zip(self._classes.names, self._classes.slots, strict=True))

    @_at(Asked)
    def _ask(self, event: Event[Asked]) -> None:
        indices = [pick.index for pick in self._picks[len(self._asked)]]
        self._asked.append(event)
        self._slots_then.append(self._classes.slots)
        self._pool.ask(indices)
        self._asked_by.update(dict.fromkeys(indices, event.id))

    @_at(Answered)
    def _answer(self, event: Event[Answered]) -> None:
        pool, classes, rows = self._pool, self._classes, self._given[event.id]
        for row in rows:
            if row.answer.kind == "label" and (slots := classes.meant_by(row.answer.value)) is not None:
                self._meant[row.id] = slots
                self._asked_for[row.id] = self._asked_by.get(row.index)
            pool.close(row.index)
            self._answered[pool.canonical_index(row.index)].append(row)
        if event.data.saw_guess:
            self._seen += [row.index for row in rows]

    @_at(Retracted)
    def _retract(self, event: Event[Retracted]) -> None:
        """Ask again for an image without an answer if its query is the last one; else that gives it up."""
        index = event.data.index
        self._retracted.add(event.data.answer)
        query = self._asked_by.get(index, event.id)
        if index in self._given_up[query] or self._has_answer(index, since=query):
            return
        if self._asked and query == self._asked[-1].id and self._pool.usable[index]:
            self._pool.ask([index])
        else:
            self._given_up[query].add(index)

    def _has_answer(self, index: int, *, since: int) -> bool:
        return any(row.event > since and row.id not in self._retracted for row in self._answered[index])

    @_at(Aggregated)
    def _change_aggregation(self, event: Event[Aggregated]) -> None:
        self._aggregate = check_rule(event.data.by)

    @_at(Withdrawn)
    def _withdraw(self, event: Event[Withdrawn]) -> None:
        self._give_up(event.data.indices)
        self._pool.withdraw(event.data.indices)

    @_at(Passed)
    def _skip(self, event: Event[Passed]) -> None:
        self._give_up(event.data.indices)
        self._pool.skip(event.data.indices)

    @_at(Lost)
    def _lose(self, event: Event[Lost]) -> None:
        self._give_up(event.data.indices)
        self._pool.mark_missing(event.data.indices)

    @_at(Found)
    def _find(self, event: Event[Found]) -> None:
        self._pool.mark_found(event.data.indices)

    @_at(Removed)
    def _remove(self, event: Event[Removed]) -> None:
        self._give_up(event.data.indices)
        self._pool.remove(event.data.indices)

    @_at(PutBack)
    def _put_back(self, event: Event[PutBack]) -> None:
        self._pool.put_back(event.data.indices)

    def _give_up(self, indices: Iterable[int]) -> None:
        """Let queries give up the images that they still wait for."""
        for index in self._pool.waiting_for(indices):
            self._given_up[self._asked_by[index]].add(index)

    @_at(Moved)
    def _move(self, event: Event[Moved]) -> None:
        self._moved = event.data

    @_at(Renamed)
    def _rename(self, event: Event[Renamed]) -> None:
        self._names.append(event.data)

    @_at(Grouped)
    def _group(self, event: Event[Grouped]) -> None:
        self._groups = event.data
        self._copied.clear()

    @_at(Ungrouped)
    def _ungroup(self, _: Event[Ungrouped]) -> None:
        self._groups = None
        self._copied.clear()

    @_at(LabelsCopied)
    def _copy_labels(self, event: Event[LabelsCopied]) -> None:
        self._copied.update(zip(event.data.indices, event.data.sources, strict=True))

    @_at(CopiesDropped)
    def _drop_copies(self, _: Event[CopiesDropped]) -> None:
        self._copied.clear()

    def state(self) -> State:
        """Return the state that all of this leads to; nothing can be applied after that."""
        counted = self._counted()
        said = by_place(counted, self._pool)
        self._give_up_retired(said)
        votes = {index: votes_of([row.answer for row in rows]) for index, rows in said.items()}
        self._set_labels(votes)
        classes = self._classes
        return State(
            records=renamed_records(self._listed, self._names),
            pool=self._pool,
            classes=classes.names,
            asked=self._asked,
            picks=self._picks,
            votes={index: by for index, by in votes.items() if len(by) > 1},
            aggregate=self._aggregate,
            given_up=self._given_up,
            guesses_seen={self._pool.canonical_index(index) for index in self._seen},
            retracted=self._retracted,
            slots=classes.by_slot,
            retired=classes.retired,
            former_classes=classes.former,
            test_set=self._test_set,
            test_classes={name: classes.present(slot) for name, slot in self._test_slots.items()},
            counted=counted,
            classes_then=[[classes.last_name(slot) for slot in slots] for slots in self._slots_then],
            moved=self._moved,
            groups=self._groups,
            former=former_names(self._listed, self._names),
            listed=self._listed,
            events=self._events,
            answers=self._answers,
        )

    def _counted(self) -> list[AnswerRow]:
        """Return the answers that count, with the names that classes have now.

        A label of a retired class does not count; sets of classes and lists of boxes lose it.
        """
        counted: list[AnswerRow] = []
        retracted, meant = self._retracted, self._meant
        for row in self._answers:
            if row.id in retracted:
                continue
            if row.id not in meant:
                counted.append(row)
                continue
            value = self._classes.now(row.answer.value, meant[row.id])
            if value is not None:
                same = value == row.answer.value
                counted.append(row if same else replace(row, answer=replace(row.answer, value=value)))
        return counted

    def _give_up_retired(self, said: Mapping[int, Sequence[AnswerRow]]) -> None:
        """Let queries give up images whose only label is of a retired class: nobody has answered, after all.

        Args:
            said: the answers that count, by the image that keeps them.
        """
        for row in self._answers:
            query = self._asked_for.get(row.id)
            if query is None or row.id in self._retracted:
                continue
            if self._pool.canonical_index(row.index) not in said:
                self._given_up[query].add(row.index)

    def _set_labels(self, votes: Mapping[int, Votes]) -> None:
        """Give every image its current answer, or the copy of another's."""
        for index, answer in aggregate_votes(votes, self._aggregate).items():
            self._pool.set_label(index, answer)
        for index, source in self._copied.items():
            self._pool.copy_label(index, source)


CHANGING: tuple[type[Happening], ...] = tuple(HANDLERS)
"""Kinds of events that change the state."""


def replayed(
    listed: ImageList,
    events: Iterable[Event[Happening]],
    answers: Sequence[AnswerRow],
    picks: Sequence[Sequence[PickRow]],
) -> State:
    """Return the state that events of the kinds in `CHANGING` lead to."""
    replay = Replay(listed, answers, picks)
    for event in events:
        replay.apply(event)
    return replay.state()
