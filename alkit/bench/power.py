"""Power: the difference that the seeds at hand would show, and the seeds that a difference would need."""

from __future__ import annotations

from dataclasses import dataclass

POWER = 0.8
MOST_SEEDS = 10_000


@dataclass(frozen=True, slots=True)
class Power:
    """What a two-sided paired t-test can see at power 0.8, given the observed spread of the differences.

    Attributes:
        detectable: smallest difference that these seeds would show, in units of the metric; None with fewer than two.
        seeds_needed: number of seeds that would show the observed difference; None beyond 10,000, without a
            difference, and with fewer than two seeds.
    """

    detectable: float | None
    seeds_needed: int | None
