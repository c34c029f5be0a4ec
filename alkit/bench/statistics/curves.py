"""Curves: the metric of each strategy at each number of labels, one row per seed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from alkit.errors import AlkitError

Floats: TypeAlias = npt.NDArray[np.float64]
Record: TypeAlias = Mapping[str, Any]


class InvalidRecords(AlkitError):
    """Records do not belong to one benchmark, or lack a value that is needed."""


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """One metric of a benchmark's cells.

    Attributes:
        metric: its name.
        higher_is_better: its direction.
        labels: [T], the number of labels at each step, increasing.
        strategies: in the protocol's order.
        seeds: of length S, increasing.
        values: [S, T] by strategy, NaN where a cell has not been run.
    """

    metric: str
    higher_is_better: bool
    labels: npt.NDArray[np.int64]
    strategies: tuple[str, ...]
    seeds: tuple[int, ...]
    values: Mapping[str, Floats]

    def complete(self, strategy: str) -> int:
        """Count the seeds for which every step was run."""
        return int(np.sum(~np.isnan(self.values[strategy]).any(axis=1)))

    def only(self, strategies: Sequence[str]) -> Curves:
        """Return the curves of some strategies."""
        return replace(
            self, strategies=tuple(strategies), values={name: self.values[name] for name in strategies}
        )

    def areas(self, strategy: str) -> Floats:
        """Normalized area under the budget curve by seed, [S]; NaN where a step is missing.

        The trapezoid rule over the number of labels, divided by its range: the mean height of the curve, in
        units of the metric. With one step it is that step's value.
        """
        from scipy.integrate import trapezoid  # noqa: PLC0415  # scipy is slow to import

        values = self.values[strategy]
        if len(self.labels) == 1:
            return values[:, 0]
        area = trapezoid(values, self.labels, axis=1) / (self.labels[-1] - self.labels[0])
        return np.asarray(area, dtype=np.float64)

    def finals(self, strategy: str) -> Floats:
        """Value at the last step by seed, [S]."""
        return self.values[strategy][:, -1]


def curves_of(
    records: Iterable[Record],
    metric: str | None = None,
    *,
    higher_is_better: bool = True,
    strategies: Sequence[str] | None = None,
) -> Curves:
    """Gather the curves of one metric from records, one per cell and cycle, in any order.

    Args:
        records: with `strategy`, `seed`, `cycle`, `labels` and `metrics`.
        metric: its name; the first one of the records by default.
        higher_is_better: its direction.
        strategies: their order; the records' by default.

    Raises:
        InvalidRecords: there are none; one lacks the metric or is there twice; or strategies had different
            numbers of labels in the same cycle.
    """
    records = list(records)
    if not records:
        raise InvalidRecords("there are no records yet; run the benchmark first")
    metric = _metric(records, metric)
    steps = _steps(records)
    names = tuple(strategies or dict.fromkeys(record["strategy"] for record in records))
    seeds = tuple(sorted({record["seed"] for record in records}))
    values = {name: np.full((len(seeds), len(steps)), np.nan) for name in names}
    columns = {cycle: column for column, cycle in enumerate(steps)}
    for record in records:
        if record["strategy"] in values:
            cell = seeds.index(record["seed"]), columns[record["cycle"]]
            if not np.isnan(values[record["strategy"]][cell]):
                raise InvalidRecords(f"{_where(record)} is recorded twice; keep one of the two records")
            values[record["strategy"]][cell] = record["metrics"][metric]
    return Curves(
        metric=metric,
        higher_is_better=higher_is_better,
        labels=np.array(list(steps.values()), dtype=np.int64),
        strategies=names,
        seeds=seeds,
        values=values,
    )


def _metric(records: Sequence[Record], metric: str | None) -> str:
    name = metric if metric is not None else next(iter(records[0]["metrics"]), "")
    for record in records:
        if name not in record["metrics"]:
            listed = ", ".join(record["metrics"]) or "none"
            raise InvalidRecords(f"{_where(record)} has no metric '{name}'; it has {listed}")
    return name


def _steps(records: Sequence[Record]) -> dict[int, int]:
    """Return the number of labels by cycle, in the order of cycles."""
    steps: dict[int, int] = {}
    for record in sorted(records, key=lambda record: record["cycle"]):
        if steps.setdefault(record["cycle"], record["labels"]) != record["labels"]:
            raise InvalidRecords(
                f"{_where(record)} has {record['labels']} labels where others have {steps[record['cycle']]}; "
                "compare only cells of one protocol"
            )
    return steps


def _where(record: Record) -> str:
    return f"cycle {record['cycle']} of '{record['strategy']}', seed {record['seed']},"
