"""Costs: what training and queries of each strategy took."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cost:
    """What one cycle of a strategy took, means over the cycles that have the phase.

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
