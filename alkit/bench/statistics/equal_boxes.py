"""Strategies at equal numbers of boxes: an image with many objects costs more than one with few."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from alkit.utils.json_values import AsDict

from .curves import Floats, Record
from .estimates import Estimate, PairedDifference, difference, estimate, holm

STEPS = 201
"""Numbers of boxes at which two curves are compared."""


@dataclass(frozen=True, slots=True)
class AtEqualBoxes(AsDict):
    """A strategy against the baseline, where both have labeled as many boxes.

    Attributes:
        strategy: its name.
        boxes: labeled at the end.
        difference: of the metric, averaged over the numbers of boxes that both curves reach; the curves are
            interpolated linearly between trainings.
    """

    strategy: str
    boxes: Estimate
    difference: PairedDifference | None


def at_equal_boxes(
    records: Sequence[Record], metric: str, strategies: Sequence[str], baseline: str, level: float
) -> tuple[AtEqualBoxes, ...]:
    """Compare strategies with the baseline by the boxes that they label, seed by seed.

    Args:
        records: of the cycles, with `classes_labeled`, the boxes of each class.
        metric: its name.
        strategies: in their order.
        baseline: one of them.
        level: of the intervals.
    """
    curves: dict[tuple[str, int], list[tuple[int, float]]] = {}
    for record in sorted(records, key=lambda record: record["cycle"]):
        point = sum(record["classes_labeled"]), record["metrics"][metric]
        curves.setdefault((record["strategy"], record["seed"]), []).append(point)
    seeds = sorted({seed for _, seed in curves})
    boxes, others = {}, [name for name in strategies if name != baseline]
    tests: dict[str, PairedDifference] = {}
    for strategy in strategies:
        mine = [(curves.get((strategy, seed), []), curves.get((baseline, seed), [])) for seed in seeds]
        boxes[strategy] = estimate(np.array([own[-1][0] for own, _ in mine if own], dtype=np.float64), level)
        tests[strategy] = difference(np.array([_difference(own, other) for own, other in mine]), level)
    corrected = dict(zip(others, holm([tests[name] for name in others]), strict=True))
    return tuple(AtEqualBoxes(name, boxes[name], corrected.get(name)) for name in strategies)


def _difference(own: Sequence[tuple[int, float]], other: Sequence[tuple[int, float]]) -> float:
    """Return the mean difference of two curves over the boxes that both reach; NaN if there are none."""
    if not own or not other:
        return float("nan")
    first, last = max(own[0][0], other[0][0]), min(own[-1][0], other[-1][0])
    if first >= last:
        return float("nan")
    at: Floats = np.linspace(first, last, STEPS)
    return float(np.mean(_heights(own, at) - _heights(other, at)))


def _heights(curve: Sequence[tuple[int, float]], at: Floats) -> Floats:
    """Return a curve at some numbers of boxes, interpolated linearly."""
    boxes, values = zip(*curve, strict=True)
    return np.interp(at, boxes, values)
