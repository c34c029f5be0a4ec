"""How many answers without a label `usable(...)` has saved, estimated from the chances that it recorded.

Nobody knows the answers to the picks that it passed over. But each pick was kept with a known chance, decided
before the choice, so the kept ones stand for all: each answer corrects the chance that was learned, in
proportion to how unlikely it was to be kept (the difference estimator of survey sampling; Särndal, Swensson
and Wretman, Model Assisted Survey Sampling, 1992, chapter 6). The estimate is without bias whether or not the
learned chances are right; the better they are, the narrower is the interval.

An image that is passed over stays in the pool and is often proposed again. It counts once, when it is first
proposed, since the strategy alone would have asked for it once. What that strategy would have asked for in
the later places is not known, and not counted: it may have saved more.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from alkit.labeling.given_answer import ABSTAIN, UNUSABLE
from alkit.utils.json_values import AsDict
from alkit.utils.proportions import LEVEL

if TYPE_CHECKING:
    from alkit.campaign.record.query import Query

USABLE = "usable"
"""The strategy that passes over images, and the name under which it records what it did."""
WIDTH = 1.96  # standard errors, for LEVEL


@dataclass(frozen=True, slots=True, kw_only=True)
class Avoided(AsDict):
    """Answers without a label (`unusable`, `abstain`) that were not asked for.

    Attributes:
        queries: numbers of the queries in which images were passed over.
        waiting: numbers of those that are left out, since not all of their images are answered.
        passed_over: images that the strategy inside had chosen, and that were replaced when first proposed.
        asked: images that were asked.
        without_label: of these, images that nobody could label.
        saved: answers without a label that the images which the strategy inside proposed, each counted once,
            would have got beyond those that there are; estimated.
        low: lower end of its interval.
        high: upper end of its interval.
        level: of confidence.
    """

    queries: tuple[int, ...]
    waiting: tuple[int, ...]
    passed_over: int
    asked: int
    without_label: int
    saved: float
    low: float
    high: float
    level: float = LEVEL


def avoided(queries: Sequence[Query], classes: Sequence[str]) -> Avoided | None:
    """Estimate how many answers without a label were saved; None if no image was ever passed over.

    Args:
        queries: all of them.
        classes: a class that is called `abstain` or `unusable` is a label.
    """
    known: list[int] = []
    waiting: list[int] = []
    before: set[int] = set()
    passed_over = asked = without_label = 0
    saved = variance = 0.0
    for query in queries:
        records = list(_records(query.asked.diagnostics))
        if not records:
            continue
        useless = {pick.index: _is_useless(pick.answer, classes) for pick in query.picks}
        if any(useless.get(index) is None for record in records for index in record["picks"]):
            waiting.append(query.number)
            continue
        known.append(query.number)
        for record in records:
            got = sum(bool(useless[index]) for index in record["picks"])
            total, error, passed = _total(record, useless, before)
            before.update(record["proposed"])
            saved, variance = saved + total - got, variance + error
            passed_over += passed
            asked, without_label = asked + len(record["picks"]), without_label + got
    if not known and not waiting:
        return None
    half = WIDTH * math.sqrt(variance)
    return Avoided(
        queries=tuple(known),
        waiting=tuple(waiting),
        passed_over=passed_over,
        asked=asked,
        without_label=without_label,
        saved=saved,
        low=saved - half,
        high=saved + half,
    )


def _records(diagnostics: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Return what `usable` has recorded at any depth of a composition."""
    for name, value in diagnostics.items():
        if isinstance(value, Mapping):
            if name == USABLE and "proposed" in value:
                yield value
            else:
                yield from _records(value)


def _is_useless(answer: str | None, classes: Sequence[str]) -> bool | None:
    return None if answer is None else answer in (ABSTAIN, UNUSABLE) and answer not in classes


def _total(
    record: Mapping[str, Any], useless: Mapping[int, bool | None], before: Set[int]
) -> tuple[float, float, int]:
    """Estimate how many of the proposed images nobody could have labeled, with the variance.

    Images that were proposed before are left out. The third value is how many of the others were passed over.

    The variance is the larger one of what the answers say and of what the learned chances say: a rare
    surprise among images that are hardly ever kept shows in the second one only.
    """
    total = seen = expected = 0.0
    passed = 0
    rows = zip(
        record["proposed"],
        record["chance_of_no_label"],
        record["chance_to_be_kept"],
        record["kept"],
        strict=True,
    )
    for index, chance, keep, kept in rows:
        if index in before:
            continue
        passed += not kept
        total += chance
        expected += (1 - keep) / keep * chance * (1 - chance)
        if kept:
            surprise = float(bool(useless[index])) - chance
            total += surprise / keep
            seen += (1 - keep) * (surprise / keep) ** 2
    return total, max(seen, expected), passed
