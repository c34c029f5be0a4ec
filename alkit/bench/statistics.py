"""Statistics of a benchmark: summaries, paired comparisons with a baseline, wins and ranks."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

from .estimates import Difference, Estimate
from .power import Power
from .ranks import Ranks
from .savings import Savings
from .wins import Wins

Verdict = Literal["better", "worse", "tie", "untested"]


@dataclass(frozen=True, slots=True)
class Summary:
    """One strategy by itself.

    Attributes:
        strategy: its name.
        steps: the metric at each number of labels.
        area: normalized area under the budget curve, over complete seeds.
        final: the metric at the last step.
        areas: the area by seed, in the order of `Comparison.seeds`; None where a step is missing.
    """

    strategy: str
    steps: tuple[Estimate, ...]
    area: Estimate
    final: Estimate
    areas: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Versus:
    """One strategy against the baseline, on the seeds that both have.

    Attributes:
        strategy: its name.
        n: number of seeds that both completed, on which the verdict rests.
        steps: the difference at each number of labels; each step corrected across strategies, not across steps.
        area: the difference of areas, with the bootstrap interval.
        final: the difference at the last step.
        verdict: by the corrected p value of the area.
        sentence: the verdict in words.
        power: what these seeds could show of the area, and how many would settle it.
        savings: labels saved.
    """

    strategy: str
    n: int
    steps: tuple[Difference, ...]
    area: Difference
    final: Difference
    verdict: Verdict
    sentence: str
    power: Power
    savings: Savings


@dataclass(frozen=True, slots=True)
class Comparison:
    """All statistics of one metric.

    Attributes:
        metric: its name.
        higher_is_better: its direction; differences are never turned around, verdicts, ranks and wins heed it.
        baseline: the strategy that the others are compared with.
        level: of all intervals; tests are at one minus it.
        labels: number of labels at each step.
        seeds: all seeds, whether or not each strategy has them.
        summaries: by strategy, in the protocol's order.
        versus: by strategy, without the baseline.
        wins: who beats whom.
        ranks: mean ranks.
        notes: sentences on what is missing: one seed only, seeds that a strategy lacks.
    """

    metric: str
    higher_is_better: bool
    baseline: str
    level: float
    labels: tuple[int, ...]
    seeds: tuple[int, ...]
    summaries: tuple[Summary, ...]
    versus: tuple[Versus, ...]
    wins: Wins
    ranks: Ranks
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values: mappings, sequences, numbers, words and None."""
        return dataclasses.asdict(self)
