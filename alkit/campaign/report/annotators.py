"""Who answered: how many times, how fast, and what it cost."""

from __future__ import annotations

import itertools
import statistics
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from alkit.campaign.record.events import Answered
from alkit.labeling.times import read_time
from alkit.utils.json_values import AsDict

if TYPE_CHECKING:
    from alkit.campaign.record.ledger import AnswerRow, Ledger


PAUSE = 300.0
"""Longest gap in seconds between two answers that still counts as labeling time."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds from one answer to the next, pauses aside.

    Attributes:
        median: of them.
        low: a quarter are shorter.
        high: a quarter are longer.
        of: number of gaps, at least two.
    """

    median: float
    low: float
    high: float
    of: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotator(AsDict):
    """One annotator.

    Attributes:
        name: as given, often empty.
        answers: that count or were corrected, but not those that were taken back.
        images: that they are about.
        abstained: of the answers, `abstain`.
        unusable: of the answers, `unusable`.
        pace: None if the times of the answers are unknown.
        cost: sum of what was recorded, in the campaign's own unit.
        costed: answers with a cost.
    """

    name: str
    answers: int
    images: int
    abstained: int
    unusable: int
    pace: Pace | None
    cost: float
    costed: int


def annotators(ledger: Ledger, retracted: Collection[int] = ()) -> list[Annotator]:
    """Return who answered, most answers first.

    Args:
        ledger: of the campaign.
        retracted: numbers of the answers that were taken back.
    """
    rows = [row for row in ledger.answers() if row.id not in retracted]
    accepted = {event.id: event.time for event in ledger.events(Answered)}
    together = Counter(row.event for row in rows)
    by_name: dict[str, list[AnswerRow]] = {}
    for row in rows:
        by_name.setdefault(row.answer.annotator, []).append(row)
    found = []
    for name, given in by_name.items():
        moments = [
            moment
            for row in given
            if (moment := read_time(row.answer.time)) is not None
            and _is_own(moment, accepted.get(row.event, ""), alone=together[row.event] == 1)
        ]
        kinds = Counter(row.answer.kind for row in given)
        costs = [row.answer.cost for row in given if row.answer.cost is not None]
        found.append(
            Annotator(
                name=name,
                answers=len(given),
                images=len({row.index for row in given}),
                abstained=kinds["abstain"],
                unusable=kinds["unusable"],
                pace=pace(moments),
                cost=sum(costs),
                costed=len(costs),
            )
        )
    return sorted(found, key=lambda one: -one.answers)


def pace(moments: Sequence[datetime]) -> Pace | None:
    """Return how long one answer took after another, or None for fewer than two that no pause parts."""
    gaps = [(after - before).total_seconds() for before, after in itertools.pairwise(sorted(moments))]
    gaps = [gap for gap in gaps if gap <= PAUSE]
    if len(gaps) < 2:
        return None
    low, median, high = statistics.quantiles(gaps, n=4, method="inclusive")
    return Pace(median, low, high, len(gaps))


def _is_own(moment: datetime, accepted: str, *, alone: bool) -> bool:
    """Tell when an answer was given from when a file without times came in."""
    came_in = read_time(accepted)
    return alone or (came_in is not None and moment < came_in)
