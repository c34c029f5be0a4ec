"""Suites: two result folders of the same protocol, compared cell by cell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from alkit.utils.json_values import AsDict

from . import check_level, differences
from .curves import InvalidRecords, Record, curves_of
from .estimates import PairedDifference


@dataclass(frozen=True, slots=True)
class Change:
    """One strategy from A to B, on the seeds that both have: B minus A.

    Attributes:
        strategy: its name.
        n: number of seeds that both completed.
        steps: the change at each number of labels.
        area: the change of the area under the budget curve.
        final: the change at the last step.
        records: number of (seed, cycle) that both have.
        differing: how many of them differ in labels or metrics.
        identical: every record is in both, and none differs.
    """

    strategy: str
    n: int
    steps: tuple[PairedDifference, ...]
    area: PairedDifference
    final: PairedDifference
    records: int
    differing: int
    identical: bool


@dataclass(frozen=True, slots=True)
class SuiteComparison(AsDict):
    """Two suites on the strategies that both have.

    Attributes:
        metric: its name.
        level: of all intervals.
        labels: number of labels at each step that both have.
        changes: by strategy; p values are corrected across them.
        only_a: strategies that B lacks.
        only_b: strategies that A lacks.
        identical: same strategies, same records.
    """

    metric: str
    level: float
    labels: tuple[int, ...]
    changes: tuple[Change, ...]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    identical: bool


def compare_suites(
    a: Iterable[Record], b: Iterable[Record], metric: str | None = None, *, level: float = 0.95
) -> SuiteComparison:
    """Compare the records of two suites on the strategies, seeds and cycles that both have.

    Args:
        a: records of the first.
        b: records of the second.
        metric: its name; the first one of A's records by default.
        level: of all intervals.

    Raises:
        InvalidRecords: they have no strategy or no cycle in common, or not the same numbers of labels.
        MissingExtra: statsmodels is not installed.
        UsageError: the level is not between zero and one.
    """
    check_level(level)
    a, b = list(a), list(b)
    names_a, names_b = ({record["strategy"]: None for record in records} for records in (a, b))
    names = [name for name in names_a if name in names_b]
    merge_protocol = _joined(a, b)
    if not names or not merge_protocol:
        raise InvalidRecords(
            "the two suites have no strategy or no cycle in common; compare two runs of the same protocol"
        )
    curves = curves_of(merge_protocol, metric)
    tested = differences(
        [(curves.values["B/" + name], curves.values["A/" + name]) for name in names],
        [(curves.areas("B/" + name), curves.areas("A/" + name)) for name in names],
        level,
    )
    changes = tuple(
        _change(name, steps, area, _results(a, name), _results(b, name))
        for name, (steps, area) in zip(names, tested, strict=True)
    )
    return SuiteComparison(
        metric=curves.metric,
        level=level,
        labels=tuple(curves.labels.tolist()),
        changes=changes,
        only_a=tuple(name for name in names_a if name not in names_b),
        only_b=tuple(name for name in names_b if name not in names_a),
        identical=names_a.keys() == names_b.keys() and all(change.identical for change in changes),
    )


def _joined(a: Sequence[Record], b: Sequence[Record]) -> list[Record]:
    """Put the records of the cycles that both have side by side, as strategies `A/name` and `B/name`."""
    cycles = {record["cycle"] for record in a} & {record["cycle"] for record in b}
    return [
        {**record, "strategy": f"{side}/{record['strategy']}"}
        for side, records in (("A", a), ("B", b))
        for record in records
        if record["cycle"] in cycles
    ]


def _results(records: Sequence[Record], strategy: str) -> dict[tuple[int, int], Any]:
    """Return a strategy's results by seed and cycle, without its costs."""
    return {
        (record["seed"], record["cycle"]): (
            record["labels"],
            dict(record["metrics"]),
            tuple(record.get("picks", ())),
        )
        for record in records
        if record["strategy"] == strategy
    }


def _change(
    strategy: str,
    steps: tuple[PairedDifference, ...],
    area: PairedDifference,
    a: dict[Any, Any],
    b: dict[Any, Any],
) -> Change:
    shared = a.keys() & b.keys()
    differing = sum(a[key] != b[key] for key in shared)
    return Change(
        strategy=strategy,
        n=area.estimate.n,
        steps=steps,
        area=area,
        final=steps[-1],
        records=len(shared),
        differing=differing,
        identical=a.keys() == b.keys() and not differing,
    )
