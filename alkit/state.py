"""The state of a campaign, as its ledger tells it; whoever adds to the ledger reads the state again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from .pool import Pool
from .queries import Pick, Query

if TYPE_CHECKING:
    from .images import ImageRecord
    from .ledger import Event, Ledger


@dataclass(frozen=True)
class State:
    """What has happened so far.

    Attributes:
        records: the frozen list of images; a record's index is its place in the list.
        pool: who is labeled, asked, set aside, free.
        classes: class names in the order of their numbers.
        asked: the `asked` events.
        picks: (index, score) of each of them, most wanted first.
    """

    records: Sequence[ImageRecord]
    pool: Pool
    classes: Sequence[str]
    asked: Sequence[Event]
    picks: Sequence[Sequence[tuple[int, float | None]]]

    @cached_property
    def keys(self) -> list[str]:
        """The key of each image, by index."""
        return [record.key for record in self.records]

    @cached_property
    def queries(self) -> list[Query]:
        """All queries, the first one first."""
        pending = set(self.pool.pending.tolist())
        return [self._query(number, pending) for number in range(1, len(self.asked) + 1)]

    @property
    def open_query(self) -> Query | None:
        """The query that waits for answers, or None."""
        return next((query for query in reversed(self.queries) if query.open), None)

    def remembered(self, strategy: str) -> str | None:
        """Return the file (from the campaign's directory) of what a strategy remembered at its last query."""
        files = [event.data["state"] for event in self.asked if event.data["strategy"] == strategy]
        return files[-1] if files else None

    def _query(self, number: int, pending: set[int]) -> Query:
        event, picks = self.asked[number - 1], self.picks[number - 1]
        shown = tuple(
            Pick(rank, index, self.records[index].key, score, self._answer(index))
            for rank, (index, score) in enumerate(picks, 1)
        )
        told = ("cycle", "strategy", "options", "state")
        return Query(
            number=number,
            cycle=event.data["cycle"],
            event=event.id,
            strategy=event.data["strategy"],
            options=event.data["options"],
            picks=shown,
            open=any(index in pending for index, _ in picks),
            record={key: value for key, value in event.data.items() if key not in told},
        )

    def _answer(self, index: int) -> str | None:
        answer = self.pool.answer_of(index)
        if answer is None:
            return None
        return str(answer.value) if answer.kind == "label" else answer.kind


def make_pool(records: Sequence[ImageRecord]) -> Pool:
    """Return the pool of a list of images, nothing asked or answered."""
    return Pool(
        len(records),
        unusable=[r.index for r in records if r.unusable is not None],
        duplicates={r.index: r.duplicate_of for r in records if r.duplicate_of is not None},
    )


def read_state(ledger: Ledger, before: State | None = None) -> State:
    """Read the state off a ledger.

    Args:
        ledger: what has happened.
        before: an earlier state of the same ledger; the list of images is only read again if it has grown.
    """
    unchanged = before is not None and ledger.image_count() == len(before.records)
    records = before.records if before is not None and unchanged else ledger.images()
    pool = make_pool(records)
    classes: list[str] = []
    asked: list[Event] = []
    picks: list[list[tuple[int, float | None]]] = []
    for event in ledger.events("classes", "asked", "withdrawn", "passed", "lost", "found"):
        if event.kind == "classes":
            classes += event.data["added"]
        elif event.kind == "asked":
            asked.append(event)
            picks.append(ledger.picks(event.id))
            pool.ask(index for index, _ in picks[-1])
        elif event.kind == "withdrawn":
            pool.withdraw(event.data["indices"])
        elif event.kind == "passed":
            pool.pass_over(event.data["indices"])
        elif event.kind == "lost":
            pool.lose(event.data["indices"])
        else:
            pool.find(event.data["indices"])
    for row in ledger.answers():
        pool.answer(row.index, row.answer)
    return State(records, pool, classes, asked, picks)
