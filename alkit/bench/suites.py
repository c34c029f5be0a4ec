"""Suites: two result folders of the same protocol, compared cell by cell."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from .estimates import Difference


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
    steps: tuple[Difference, ...]
    area: Difference
    final: Difference
    records: int
    differing: int
    identical: bool


@dataclass(frozen=True, slots=True)
class SuiteComparison:
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

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return dataclasses.asdict(self)
