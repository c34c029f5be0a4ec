"""A query: the images that a strategy wants labeled, and the file that shows them to people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from alkit.reporting import notebook
from alkit.utils.counts import counted
from alkit.utils.json_values import AsDict

from .events import Asked


@dataclass(frozen=True, slots=True)
class Pick(AsDict):
    """One image wanted.

    Attributes:
        rank: from 1, the strategy's most wanted first; control images come last.
        index: position in the pool.
        image: its key.
        score: of the strategy, or None.
        answer: so far: the current label, `abstain` or `unusable`; None until there is an answer.
        control: drawn at random from all candidates, not chosen by the strategy.
        predicted: the class that the model of the query predicted when it was asked, or None.
        confidence: its predicted probability, or None.
        correct: whether the prediction is the current label; None if either is missing.
        place: from 1, where people see it in the list.
        given_up: closed without an answer: withdrawn, left unanswered by an oracle, or lost. A later answer
            belongs to the query that asked for the image again.
        saw_guess: somebody who answered saw the model's prediction.
    """

    rank: int
    index: int
    image: str
    score: float | None
    answer: str | None = None
    control: bool = False
    predicted: str | None = None
    confidence: float | None = None
    correct: bool | None = None
    place: int = 0
    given_up: bool = False
    saw_guess: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A recorded query; its length is the number of picks, and iterating yields them, most wanted first.

    Attributes:
        number: from 1, within the campaign.
        event: the number of the `asked` event.
        asked: what was recorded of it: strategy, options, checkpoint, diagnostics and so on.
        picks: most wanted first.
        open: some picks have no answer yet.
        reused: it was recorded earlier and is returned again.
        sheet: file of the contact sheet, which a notebook shows; None where that is not known.
    """

    number: int
    event: int
    asked: Asked
    picks: tuple[Pick, ...]
    open: bool
    reused: bool = False
    sheet: Path | None = field(default=None, compare=False)

    def __len__(self) -> int:
        """Return the number of picks."""
        return len(self.picks)

    def __iter__(self) -> Iterator[Pick]:
        """Yield the picks, most wanted first."""
        return iter(self.picks)

    @property
    def cycle(self) -> int:
        """Queries before this one."""
        return self.asked.cycle

    @property
    def strategy(self) -> str:
        """Name of the strategy that chose."""
        return self.asked.strategy

    @property
    def options(self) -> Mapping[str, Any]:
        """All options of the strategy."""
        return self.asked.options

    @property
    def record(self) -> dict[str, Any]:
        """Everything else that was recorded: distribution, version, checkpoint, measures, diagnostics."""
        told = ("cycle", "strategy", "options", "state")
        return {key: value for key, value in self.asked.to_json().items() if key not in told}

    @property
    def indices(self) -> list[int]:
        """Positions in the pool, most wanted first."""
        return [pick.index for pick in self.picks]

    @property
    def images(self) -> list[str]:
        """Keys of the images, most wanted first."""
        return [pick.image for pick in self.picks]

    @property
    def controls(self) -> int:
        """How many of the picks were drawn at random as a control."""
        return sum(pick.control for pick in self.picks)

    @property
    def judged(self) -> tuple[Pick, ...]:
        """The picks without audits of near-duplicates, which no strategy chose."""
        audits = set(self.asked.audits)
        return tuple(pick for pick in self.picks if pick.index not in audits) if audits else self.picks

    @property
    def shown(self) -> tuple[Pick, ...]:
        """The picks in the order in which people see them, without what the model thinks of them.

        Where some are a control or an audit, the order is shuffled and tells nothing: rank is the place in
        the list, and no score is there.
        """
        blind = self.controls > 0 or len(self.asked.audits) > 0
        return tuple(
            replace(
                pick,
                rank=pick.place if blind else pick.rank,
                score=None if blind else pick.score,
                control=False,
                predicted=None,
                confidence=None,
                correct=None,
            )
            for pick in sorted(self.picks, key=lambda pick: pick.place or pick.rank)
        )

    @property
    def unanswered(self) -> list[Pick]:
        """The picks without an answer that are not given up, as people see them."""
        return [pick for pick in self.shown if pick.answer is None and not pick.given_up]

    def __repr__(self) -> str:
        return f"<Query {self._line}>"

    @property
    def _line(self) -> str:
        waiting = f"{len(self.unanswered):,} unanswered" if self.unanswered else "all answered"
        return f"{self.number}: {counted(len(self.picks), 'image')} chosen by {self.strategy}, {waiting}"

    def _repr_html_(self) -> str:
        words = f"query {self._line}"
        shown = "" if self.sheet is None else notebook.picture(self.sheet, words)
        return notebook.line(words) + (shown or self._table())

    def _table(self) -> str:
        """Return the picks as people see them, for where there is no contact sheet."""
        rows = [
            (f"{pick.rank}", pick.image, "" if pick.score is None else f"{pick.score:.4g}", pick.answer or "")
            for pick in self.shown
        ]
        return notebook.table(("rank", "image", "score", "label"), rows)

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
            "picks": [pick.as_dict() for pick in self.picks],
        }
