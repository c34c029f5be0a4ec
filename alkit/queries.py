"""A query: the images that a strategy wants labeled, and the file that shows them to people."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .files import write_atomically

COLUMNS = ("rank", "index", "image", "score", "strategy", "cycle", "label")


@dataclass(frozen=True, slots=True)
class Pick:
    """One image wanted: its rank from 1, position in the pool, key, score (or None) and answer so far."""

    rank: int
    index: int
    image: str
    score: float | None
    answer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A recorded query.

    Attributes:
        number: from 1, within the campaign.
        cycle: queries before this one.
        event: the number of the `asked` event.
        strategy: name of the strategy that chose.
        options: its options in force.
        picks: most wanted first.
        open: some picks have no answer yet.
        reused: it was recorded earlier and is returned again.
        record: all else that was recorded: distribution, version, checkpoint, measures, diagnostics.
    """

    number: int
    cycle: int
    event: int
    strategy: str
    options: Mapping[str, Any]
    picks: tuple[Pick, ...]
    open: bool
    reused: bool = False
    record: Mapping[str, Any] = field(default_factory=dict)

    @property
    def indices(self) -> list[int]:
        """Positions in the pool, most wanted first."""
        return [pick.index for pick in self.picks]

    @property
    def unanswered(self) -> list[Pick]:
        """The picks without an answer."""
        return [pick for pick in self.picks if pick.answer is None]

    def as_dict(self) -> dict[str, Any]:
        """Return the query as JSON values."""
        return {
            "query": self.number,
            "cycle": self.cycle,
            "strategy": self.strategy,
            "options": dict(self.options),
            "open": self.open,
            "reused": self.reused,
            **self.record,
            "picks": [
                {"rank": p.rank, "index": p.index, "image": p.image, "score": p.score, "answer": p.answer}
                for p in self.picks
            ],
        }


def write_csv(query: Query, path: Path) -> None:
    """Write a query for people; the last column is theirs to fill in."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_rows(query))
    write_atomically(path, text.getvalue())


def _rows(query: Query) -> list[tuple[Any, ...]]:
    return [
        (
            pick.rank,
            pick.index,
            pick.image,
            "" if pick.score is None else f"{pick.score:.6g}",
            query.strategy,
            query.cycle,
            pick.answer or "",
        )
        for pick in query.picks
    ]
