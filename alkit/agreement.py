"""How far annotators agree who have answered for the same images."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from . import seeding
from .intervals import LEVEL, Share, share

if TYPE_CHECKING:
    from .oracle import Answer

RESAMPLES = 1000


@dataclass(frozen=True, slots=True)
class Kappa:
    """Agreement beyond chance, 1 at most, with a percentile interval of the bootstrap over images.

    Attributes:
        value: kappa, or None where everybody said the same everywhere, so that chance explains all.
        low: end of the interval, None where there is none.
        high: its other end.
        level: of confidence.
    """

    value: float | None
    low: float | None
    high: float | None
    level: float = LEVEL

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {"value": self.value, "low": self.low, "high": self.high, "level": self.level}


@dataclass(frozen=True, slots=True)
class PairAgreement:
    """Two annotators: the share of images on which they said the same, and Cohen's kappa.

    Cohen, A coefficient of agreement for nominal scales, Educational and Psychological Measurement, 1960.
    """

    first: str
    second: str
    same: Share
    kappa: Kappa

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "annotators": [self.first, self.second],
            "same": self.same.as_dict(),
            "kappa": self.kappa.as_dict(),
        }


@dataclass(frozen=True, slots=True)
class Agreement:
    """All annotators together.

    Attributes:
        images: that two or more have answered for; abstentions do not count.
        same: share of these on which all said the same.
        kappa: by Fleiss (Measuring nominal scale agreement among many raters, Psychological Bulletin, 1971);
            images may have different numbers of answers, and each counts the same.
        pairs: by two annotators, those with the most images in common first.
    """

    images: int
    same: Share
    kappa: Kappa
    pairs: tuple[PairAgreement, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "images": self.images,
            "same": self.same.as_dict(),
            "kappa": self.kappa.as_dict(),
            "pairs": [pair.as_dict() for pair in self.pairs],
        }


def agreement(votes: Mapping[int, Mapping[str, Answer]]) -> Agreement | None:
    """Measure the agreement of annotators.

    Args:
        votes: by image, each annotator's latest answer.

    Returns:
        None if no image has answers by two of them.
    """
    said = [
        {name: (answer.kind, str(answer.value)) for name, answer in by.items() if answer.kind != "abstain"}
        for by in votes.values()
    ]
    said = [by for by in said if len(by) > 1]
    if not said:
        return None
    common: dict[tuple[str, str], list[tuple[Hashable, Hashable]]] = defaultdict(list)
    for by in said:
        for first, second in itertools.combinations(sorted(by), 2):
            common[first, second].append((by[first], by[second]))
    ordered = sorted(common.items(), key=lambda item: (-len(item[1]), item[0]))
    return Agreement(
        images=len(said),
        same=share(sum(len(set(by.values())) == 1 for by in said), len(said)),
        kappa=_with_interval(fleiss_kappa, counts_of([list(by.values()) for by in said])),
        pairs=tuple(_pair(*names, answers) for names, answers in ordered),
    )


def counts_of(answers: Sequence[Sequence[Hashable]]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Count answers by image and kind: [images, kinds]."""
    kinds = {kind: number for number, kind in enumerate(dict.fromkeys(itertools.chain(*answers)))}
    table = np.zeros((len(answers), len(kinds)))
    for row, given in enumerate(answers):
        for kind, count in Counter(given).items():
            table[row, kinds[kind]] = count
    return table


def fleiss_kappa(table: np.ndarray[Any, np.dtype[np.float64]]) -> float | None:
    """Return Fleiss' kappa of counts [images, kinds], at least two answers an image; None if it is 0 / 0."""
    answers = table.sum(axis=1)
    agreeing = ((table * (table - 1)).sum(axis=1) / (answers * (answers - 1))).mean()
    by_chance = ((table.sum(axis=0) / table.sum()) ** 2).sum()
    return None if by_chance == 1 else float((agreeing - by_chance) / (1 - by_chance))


def cohen_kappa(pairs: np.ndarray[Any, np.dtype[np.int64]]) -> float | None:
    """Return Cohen's kappa of answers as numbers [images, 2]; None if it is 0 / 0."""
    kinds = int(pairs.max()) + 1
    first, second = np.bincount(pairs[:, 0], minlength=kinds), np.bincount(pairs[:, 1], minlength=kinds)
    agreeing, by_chance = (pairs[:, 0] == pairs[:, 1]).mean(), first @ second / len(pairs) ** 2
    return None if by_chance == 1 else float((agreeing - by_chance) / (1 - by_chance))


def _pair(first: str, second: str, answers: Sequence[tuple[Hashable, Hashable]]) -> PairAgreement:
    kinds = {kind: number for number, kind in enumerate(dict.fromkeys(itertools.chain(*answers)))}
    numbers = np.array([[kinds[one], kinds[other]] for one, other in answers])
    return PairAgreement(
        first,
        second,
        share(int((numbers[:, 0] == numbers[:, 1]).sum()), len(numbers)),
        _with_interval(cohen_kappa, numbers),
    )


def _with_interval(kappa: Callable[[Any], float | None], rows: np.ndarray[Any, Any]) -> Kappa:
    """Resample images; one on which kappa is 0 / 0 counts for nothing."""
    rng = seeding.numpy_generator(0, "kappa")
    drawn = [kappa(rows[rng.integers(0, len(rows), len(rows))]) for _ in range(RESAMPLES)]
    values = [value for value in drawn if value is not None]
    whole = kappa(rows)
    if whole is None or len(values) < RESAMPLES // 2:
        return Kappa(whole, None, None)
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Kappa(whole, float(low), float(high))
