"""Agreement between annotators who answered for the same images."""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from alkit.campaign.record.aggregation import dispute
from alkit.utils import seeding
from alkit.utils.json_values import AsDict
from alkit.utils.proportions import LEVEL, Share, share

if TYPE_CHECKING:
    import numpy.typing as npt

    from alkit.interfaces.labels import Labels
    from alkit.interfaces.oracle import Answer

    Counts = npt.NDArray[np.float64]


RESAMPLES = 1000
NAMED = ("class", "classes")  # kinds of labels of which some are equal by chance, as kappa assumes


@dataclass(frozen=True, slots=True)
class Kappa(AsDict):
    """Agreement beyond chance, 1 at most, with a percentile interval of the bootstrap over images.

    Attributes:
        value: kappa, or None if all answers are the same, so that chance explains everything.
        low: lower end of the interval, or None if there is no interval.
        high: upper end of the interval.
        level: of confidence.
    """

    value: float | None
    low: float | None
    high: float | None
    level: float = LEVEL


@dataclass(frozen=True, slots=True)
class PairAgreement(AsDict):
    """Two annotators: the share of images on which they said the same, and Cohen's kappa.

    Cohen, A coefficient of agreement for nominal scales, Educational and Psychological Measurement, 1960.
    """

    json_keys: ClassVar[tuple[str, ...]] = ("annotators", "same", "kappa")

    first: str
    second: str
    same: Share
    kappa: Kappa

    @property
    def annotators(self) -> tuple[str, str]:
        """Both."""
        return self.first, self.second


@dataclass(frozen=True, slots=True)
class Agreement(AsDict):
    """All annotators together.

    Attributes:
        images: how many have answers from two or more annotators; abstentions do not count.
        same: share of these on which all gave the same answer; of numbers and masks, on which they are not in
            dispute.
        kappa: by Fleiss (Measuring nominal scale agreement among many raters, Psychological Bulletin, 1971);
            images may have different numbers of answers, and each counts the same. None for numbers and
            masks, of which none are equal by chance.
        pairs: by two annotators, those with the most images in common first; none for numbers and masks.
        likeness: of two labels of an image, by the measure of their kind: the mean over all pairs, or None
            for single classes.
    """

    images: int
    same: Share
    kappa: Kappa | None
    pairs: tuple[PairAgreement, ...]
    likeness: float | None = None


def agreement(votes: Mapping[int, Mapping[str, Answer]], labels: Labels | None = None) -> Agreement | None:
    """Measure the agreement of annotators.

    Args:
        votes: by image, each annotator's latest answer.
        labels: compares them, if they are not single classes.

    Returns:
        None if no image has answers from two annotators.
    """
    said = [
        {name: (answer.kind, str(answer.value)) for name, answer in by.items() if answer.kind != "abstain"}
        for by in votes.values()
    ]
    said = [by for by in said if len(by) > 1]
    if not said:
        return None
    likeness = None if labels is None else _likeness(votes, labels)
    if labels is not None and labels.kind not in NAMED:
        several = [by for by in votes.values() if sum(a.kind != "abstain" for a in by.values()) > 1]
        agreeing = share(sum(not dispute(by, labels) for by in several), len(several))
        return Agreement(len(said), agreeing, None, (), likeness)
    common: dict[tuple[str, str], list[tuple[Hashable, Hashable]]] = defaultdict(list)
    for by in said:
        for first, second in itertools.combinations(sorted(by), 2):
            common[first, second].append((by[first], by[second]))
    ordered = sorted(common.items(), key=lambda item: (-len(item[1]), item[0]))
    return Agreement(
        images=len(said),
        same=share(sum(len(set(by.values())) == 1 for by in said), len(said)),
        kappa=_with_interval(fleiss_kappas, counts_of([list(by.values()) for by in said])),
        pairs=tuple(_pair(*names, answers) for names, answers in ordered),
        likeness=likeness,
    )


def _likeness(votes: Mapping[int, Mapping[str, Answer]], labels: Labels) -> float | None:
    """Return the mean agreement of two annotators' labels of an image; None if there are none."""
    found = [
        labels.agreement(first.value, second.value)
        for by in votes.values()
        for first, second in itertools.combinations(by.values(), 2)
        if first.kind == second.kind == "label"
    ]
    return sum(found) / len(found) if found else None


def counts_of(answers: Sequence[Sequence[Hashable]]) -> Counts:
    """Count answers by image and kind: [images, kinds]."""
    kinds = {kind: number for number, kind in enumerate(dict.fromkeys(itertools.chain(*answers)))}
    table = np.zeros((len(answers), len(kinds)))
    for row, given in enumerate(answers):
        for kind, count in Counter(given).items():
            table[row, kinds[kind]] = count
    return table


def fleiss_kappas(table: Counts, times: Counts) -> Counts:
    """Return Fleiss' kappa of several samples, nan where it is 0 / 0.

    Args:
        table: [images, kinds] counts, at least two answers an image.
        times: [samples, images] how often each of them is in each sample.
    """
    answers = table.sum(axis=1)
    agreeing = times @ ((table * (table - 1)).sum(axis=1) / (answers * (answers - 1))) / times.sum(axis=1)
    kinds = times @ table
    return _beyond(agreeing, ((kinds / kinds.sum(axis=1, keepdims=True)) ** 2).sum(axis=1))


def cohen_kappas(pairs: Counts, times: Counts) -> Counts:
    """Return Cohen's kappa of several samples, nan where it is 0 / 0.

    Args:
        pairs: [images, 2] answers as numbers of kinds.
        times: [samples, images] how often each of them is in each sample.
    """
    kinds = np.arange(pairs.max() + 1)
    first, second = (times @ (pairs[:, [one]] == kinds) for one in (0, 1))
    images = times.sum(axis=1)
    agreeing = times @ (pairs[:, 0] == pairs[:, 1]) / images
    return _beyond(agreeing, (first * second).sum(axis=1) / images**2)


def _beyond(agreeing: Counts, by_chance: Counts) -> Counts:
    return np.divide(
        agreeing - by_chance, 1 - by_chance, out=np.full(len(agreeing), np.nan), where=by_chance != 1
    )


def _pair(first: str, second: str, answers: Sequence[tuple[Hashable, Hashable]]) -> PairAgreement:
    kinds = {kind: number for number, kind in enumerate(dict.fromkeys(itertools.chain(*answers)))}
    numbers = np.array([[kinds[one], kinds[other]] for one, other in answers], dtype=np.float64)
    return PairAgreement(
        first,
        second,
        share(int((numbers[:, 0] == numbers[:, 1]).sum()), len(numbers)),
        _with_interval(cohen_kappas, numbers),
    )


def _with_interval(kappas: Callable[[Counts, Counts], Counts], rows: Counts) -> Kappa:
    """Resample images; samples in which kappa is 0 / 0 are ignored.

    Images with the same answers are drawn as one, as many times as all of them.
    """
    distinct, counts = np.unique(rows, axis=0, return_counts=True)
    rng = seeding.numpy_generator(0, "kappa")
    drawn = rng.multinomial(len(rows), counts / len(rows), size=RESAMPLES)
    whole, *found = kappas(distinct, np.vstack([counts, drawn]).astype(np.float64)).tolist()
    values = [value for value in found if not math.isnan(value)]
    if math.isnan(whole):
        return Kappa(None, None, None)
    if len(values) < RESAMPLES // 2:
        return Kappa(whole, None, None)
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Kappa(whole, float(low), float(high))
