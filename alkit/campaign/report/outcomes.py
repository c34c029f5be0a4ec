"""Outcomes of queries: images asked, answered and left open, and counts by class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from alkit.labeling.given_answer import ABSTAIN, UNUSABLE
from alkit.utils.json_values import AsDict

if TYPE_CHECKING:
    from alkit.campaign.record.query import Query


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome(AsDict):
    """One query.

    Attributes:
        query: its number.
        strategy: name of the strategy.
        labels: those that people had given when it was asked.
        asked: images.
        answered: asked images with a label.
        abstained: asked images answered with `abstain`.
        unusable: asked images answered with `unusable`.
        open: asked images that wait for an answer.
        given_up: asked images that were withdrawn or left unanswered by an oracle.
        control: asked images drawn at random as a control.
    """

    query: int
    strategy: str
    labels: int
    asked: int
    answered: int
    abstained: int
    unusable: int
    open: int
    given_up: int
    control: int


@dataclass(frozen=True, slots=True)
class ClassCount(AsDict):
    """One class, in numbers of images.

    Attributes:
        name: of the class.
        labels: images with this label.
        answered: images with this label among those that the model made a prediction for when it asked.
        predicted: images among the same that the model took for this class.
    """

    name: str
    labels: int
    answered: int
    predicted: int


def outcome(query: Query, classes: Sequence[str]) -> Outcome:
    """Count the outcomes of a query; a class named `abstain` is a class."""
    said = Counter(pick.answer for pick in query.picks)
    without = said.pop(None, 0)
    abstained, unusable = (0 if word in classes else said.pop(word, 0) for word in (ABSTAIN, UNUSABLE))
    return Outcome(
        query=query.number,
        strategy=query.strategy,
        labels=query.asked.by_people,
        asked=len(query.picks),
        answered=said.total(),
        abstained=abstained,
        unusable=unusable,
        open=without if query.open else 0,
        given_up=0 if query.open else without,
        control=query.controls,
    )


def class_counts(labels: Mapping[str, int], queries: Sequence[Query]) -> list[ClassCount]:
    """Count predictions beside answers, by class, where both are recorded.

    Args:
        labels: labeled images by class, in the order of the classes.
        queries: all of them.
    """
    both = [pick for query in queries for pick in query.picks if pick.correct is not None]
    answered = Counter(pick.answer for pick in both)
    predicted = Counter(pick.predicted for pick in both)
    return [ClassCount(name, count, answered[name], predicted[name]) for name, count in labels.items()]
