"""Costs: time and memory of each strategy's training and queries."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from .curves import Record


@dataclass(frozen=True, slots=True)
class Cost:
    """The costs of one cycle of a strategy, averaged over the cycles that have the phase.

    Attributes:
        strategy: its name.
        cycles: number of records.
        seconds: mean wall-clock seconds by phase.
        cpu_seconds: mean seconds of processor time of `train` and `query`.
        peak_mb: largest resident memory by phase, in MB (2^20 bytes).
    """

    strategy: str
    cycles: int
    seconds: dict[str, float]
    cpu_seconds: dict[str, float]
    peak_mb: dict[str, float]


def costs_of(records: Iterable[Record]) -> tuple[Cost, ...]:
    """Reduce the `seconds`, `cpu_seconds` and `peak_mb` of records, by strategy in order of appearance."""
    by_strategy: dict[str, list[Record]] = {}
    for record in records:
        by_strategy.setdefault(record["strategy"], []).append(record)
    return tuple(
        Cost(
            strategy=strategy,
            cycles=len(own),
            seconds=_by_phase(own, "seconds", statistics.fmean),
            cpu_seconds=_by_phase(own, "cpu_seconds", statistics.fmean),
            peak_mb=_by_phase(own, "peak_mb", max),
        )
        for strategy, own in by_strategy.items()
    )


def _by_phase(
    records: Sequence[Record], key: str, reduce: Callable[[Sequence[float]], float]
) -> dict[str, float]:
    gathered: dict[str, list[float]] = {}
    for record in records:
        for phase, value in record.get(key, {}).items():
            if phase == "query" and not record.get(
                "picks", True
            ):  # there is no query after the last training
                continue
            gathered.setdefault(phase, []).append(value)
    return {phase: float(reduce(values)) for phase, values in gathered.items()}
