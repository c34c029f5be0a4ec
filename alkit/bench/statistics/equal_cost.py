"""Strategies at equal human cost: an image with many objects takes longer to label than one with few."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from alkit.utils.json_values import AsDict

from .curves import Floats, Record
from .estimates import Estimate, PairedDifference, difference, estimate, holm

STEPS = 201
"""Costs at which two curves are compared."""
DRAWN = 21
"""Points of a curve that is drawn."""

Curve = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class AtEqualCost(AsDict):
    """A strategy against the baseline, where the labels of both have cost as much.

    Attributes:
        strategy: its name.
        cost: of all labels at the end.
        difference: of the metric, averaged over the costs that both curves reach; the curves are
            interpolated linearly between trainings. None for the baseline.
        curve: cost and metric, a mean over seeds, over the costs that the curves of all seeds reach.
    """

    strategy: str
    cost: Estimate
    difference: PairedDifference | None
    curve: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class EqualCost(AsDict):
    """All strategies by one unit of human cost.

    Attributes:
        unit: what is counted, such as `boxes`.
        strategies: each against the baseline, in their order.
        order: names from the best to the worst at equal cost, by the mean difference to the baseline.
        swapped: pairs whose order is another one by number of images, the better one by images first.
    """

    unit: str
    strategies: tuple[AtEqualCost, ...]
    order: tuple[str, ...]
    swapped: tuple[tuple[str, str], ...]


def units_of(records: Sequence[Record]) -> tuple[str, ...]:
    """Return the units of cost that all records know, and in which images differ."""
    known = [
        name for name in records[0].get("effort", {}) if all(name in r.get("effort", {}) for r in records)
    ]
    return tuple(
        name
        for name in known
        if len({record["effort"][name] / max(1, record["labels"]) for record in records}) > 1
    )


def at_equal_cost(
    records: Sequence[Record],
    metric: str,
    by_images: Mapping[str, float],
    *,
    unit: str,
    baseline: str,
    level: float,
    higher_is_better: bool = True,
) -> EqualCost:
    """Compare strategies with the baseline by what their labels cost, seed by seed.

    Args:
        records: of the cycles.
        metric: its name.
        by_images: by strategy, in their order, the mean difference to the baseline at equal numbers of
            images; 0 for the baseline.
        unit: of the cost.
        baseline: one of the strategies.
        level: of the intervals.
        higher_is_better: direction of the metric.
    """
    curves: dict[tuple[str, int], list[tuple[float, float]]] = {}
    for record in sorted(records, key=lambda record: record["cycle"]):
        point = _spent(record, unit), record["metrics"][metric]
        curves.setdefault((record["strategy"], record["seed"]), []).append(point)
    seeds = sorted({seed for _, seed in curves})
    of = {name: [curves.get((name, seed), []) for seed in seeds] for name in by_images}
    others = [name for name in by_images if name != baseline]
    tests = [
        difference(np.array(list(map(_difference, of[name], of.get(baseline, [[]] * len(seeds))))), level)
        for name in others
    ]
    tested = dict(zip(others, holm(tests), strict=True))
    found = tuple(
        AtEqualCost(
            name,
            estimate(np.array([own[-1][0] for own in of[name] if own], dtype=np.float64), level),
            tested.get(name),
            _mean_curve([own for own in of[name] if own]),
        )
        for name in by_images
    )
    means = {name: test.estimate.mean for name, test in tested.items() if test.estimate.mean is not None}
    at_cost = {baseline: 0.0, **means}
    order = _best_first(at_cost, higher_is_better=higher_is_better)
    before = _best_first(
        {name: by_images[name] for name in by_images if name in at_cost}, higher_is_better=higher_is_better
    )
    swapped = tuple(
        (first, second)
        for first, second in itertools.combinations(before, 2)
        if order.index(first) > order.index(second)
    )
    return EqualCost(unit, found, order, swapped)


def _spent(record: Record, unit: str) -> float:
    """Return what all labels of a cycle had cost; records of older versions tell boxes by their classes."""
    return float(record["effort"][unit] if "effort" in record else sum(record["classes_labeled"]))


def _best_first(values: Mapping[str, float], *, higher_is_better: bool) -> tuple[str, ...]:
    return tuple(sorted(values, key=lambda name: -values[name] if higher_is_better else values[name]))


def _difference(own: Curve, other: Curve) -> float:
    """Return the mean difference of two curves over the costs that both reach; NaN if there are none."""
    if not own or not other:
        return float("nan")
    first, last = max(own[0][0], other[0][0]), min(own[-1][0], other[-1][0])
    if first >= last:
        return float("nan")
    at: Floats = np.linspace(first, last, STEPS)
    return float(np.mean(_heights(own, at) - _heights(other, at)))


def _mean_curve(curves: Sequence[Curve]) -> tuple[tuple[float, float], ...]:
    """Return the mean of the curves of several seeds, over the costs that all of them reach."""
    if not curves:
        return ()
    first, last = max(curve[0][0] for curve in curves), min(curve[-1][0] for curve in curves)
    if first >= last:
        return ()
    at: Floats = np.linspace(first, last, DRAWN)
    mean = np.mean([_heights(curve, at) for curve in curves], axis=0)
    return tuple(zip(at.tolist(), mean.tolist(), strict=True))


def _heights(curve: Curve, at: Floats) -> Floats:
    """Return a curve at some costs, interpolated linearly."""
    costs, values = zip(*curve, strict=True)
    return np.interp(at, costs, values)
