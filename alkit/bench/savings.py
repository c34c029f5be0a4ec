"""Savings: how many fewer labels a strategy needs for what the baseline reaches at the end."""

from __future__ import annotations

from dataclasses import dataclass

from .estimates import Estimate


@dataclass(frozen=True, slots=True)
class Savings:
    """Labels saved: the last number of labels, minus the first at which the strategy reaches the baseline's final value.

    Each seed has its own target. Between steps the curve is interpolated linearly; the first crossing counts, also
    where the curve falls again. A seed that never gets there saved less than nothing, nobody knows how much.

    Attributes:
        n: seeds that strategy and baseline both completed.
        never: how many of them never reach the target.
        saved: labels saved by seed, None where the target is never reached.
        estimate: mean and interval; None where a seed never gets there.
        median: None where so many never get there that it is unknown.
        at_most: what the mean cannot exceed: seeds that never get there count as zero; None without seeds.
        by_noise: the same mean for the baseline against its own final value: what noise alone "saves".
    """

    n: int
    never: int
    saved: tuple[float | None, ...]
    estimate: Estimate | None
    median: float | None
    at_most: float | None
    by_noise: float | None
