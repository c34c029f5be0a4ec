"""The wording of a report: numbers with sensible digits, verdicts and doubts in plain sentences."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from alkit.bench.protocol import Protocol
from alkit.bench.statistics import Comparison, Versus
from alkit.bench.statistics.estimates import Estimate
from alkit.reporting.wording import NONE, listed
from alkit.utils.counts import counted


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """Decimal places that suit a metric: four for values below one, fewer for larger values."""

    places: int

    @classmethod
    def of(cls, comparison: Comparison) -> NumberFormat:
        """Choose the places by the largest mean of a comparison."""
        return cls.of_values(step.mean for summary in comparison.summaries for step in summary.steps)

    @classmethod
    def of_values(cls, values: Iterable[float | None]) -> NumberFormat:
        """Choose the places by the largest value."""
        largest = max((abs(value) for value in values if value is not None), default=0.0)
        return cls(min(4, max(0, 3 - math.floor(math.log10(largest)))) if largest > 0 else 4)

    def number(self, value: float | None) -> str:
        """Format a value."""
        return NONE if value is None else f"{value:.{self.places}f}"

    def signed(self, value: float | None) -> str:
        """Format a difference."""
        return NONE if value is None else f"{value:+.{self.places}f}"

    def spread(self, estimate: Estimate) -> str:
        """Format mean and standard deviation."""
        std = "" if estimate.std is None else f" ± {self.number(estimate.std)}"
        return self.number(estimate.mean) + std

    def full(self, estimate: Estimate) -> str:
        """Format mean, standard deviation and interval."""
        return f"{self.spread(estimate)} {self.interval(estimate)}".removesuffix(f" {NONE}")

    def signed_interval(self, estimate: Estimate) -> str:
        """Format a difference with its interval."""
        return f"{self.signed(estimate.mean)} {self.interval(estimate, signed=True)}".removesuffix(f" {NONE}")

    def interval(self, estimate: Estimate, *, signed: bool = False) -> str:
        """Format an interval."""
        if estimate.low is None or estimate.high is None:
            return NONE
        form = self.signed if signed else self.number
        return f"[{form(estimate.low)}, {form(estimate.high)}]"


def probability(p: float | None) -> str:
    """Format a p value; below 0.0001 its exact size means nothing."""
    if p is None:
        return NONE
    return "< 0.0001" if p < 0.0001 else f"{p:.4f}"


def described(protocol: Protocol) -> str:
    """Describe the comparison in a few sentences."""
    labels = protocol.labels
    total = labels.start + labels.budget * labels.cycles
    drawn = "at random" if labels.draw == "random" else "evenly over the classes"
    text = (
        f"For each seed, every strategy starts from the same {counted(labels.start, 'label')}, drawn "
        f"{drawn}, and asks for {labels.budget:,} more {counted(labels.cycles, 'time')}, up to {total:,}. "
        "At the start and after each query, a new model is trained and evaluated on the test images."
    )
    if labels.candidates:
        text += (
            f" Each query considers {counted(labels.candidates, 'unlabeled image')}, drawn anew and as "
            "nearly the same for all strategies as their labels allow."
        )
    if protocol.data.imbalance != "none":
        text += f" The pool is imbalanced ({protocol.data.imbalance}, {protocol.data.ratio:g} to 1)."
    if protocol.judge == "both":
        text += " A model trained on the same labels without any companion is evaluated as well."
    return text


def verdicts(comparison: Comparison) -> str:
    """Say which strategies are better, worse, tied or untested."""
    by: dict[str, list[str]] = {}
    for one in comparison.versus:
        by.setdefault(one.verdict, []).append(one.strategy)
    base = comparison.baseline
    parts = [
        f"{listed(by[verdict])} {'is' if len(by[verdict]) == 1 else 'are'} {words}"
        for verdict, words in (
            ("better", f"better than {base}"),
            ("worse", f"worse than {base}"),
            ("tie", f"not distinguishable from {base}"),
            ("untested", "not tested"),
        )
        if verdict in by
    ]
    return "; ".join(parts) + "."


def detectable(comparison: Comparison, digits: NumberFormat) -> str:
    """Say how small a difference these seeds could have detected."""
    found = [one.power.detectable for one in comparison.versus if one.power.detectable is not None]
    if not found:
        return ""
    sizes = dict.fromkeys((digits.number(min(found)), digits.number(max(found))))
    counts = [one.n for one in comparison.versus]
    seeds = dict.fromkeys((str(min(counts)), str(max(counts))))
    return (
        f"With {' to '.join(seeds)} seeds, a true difference in area of {' to '.join(sizes)}, depending on "
        "the strategy, would be detected four times in five before correction; smaller differences would "
        "mostly go undetected."
    )


def doubts(one: Versus) -> str:
    """Say how many seeds would settle a tie."""
    if one.verdict != "tie":
        return ""
    if one.power.seeds_needed is None:
        return "No reasonable number of seeds would settle such a small difference."
    if one.power.seeds_needed <= one.n:
        return "Only the correction for several strategies leaves this comparison open."
    return (
        f"If the true difference is as large as observed, about {counted(one.power.seeds_needed, 'seed')} "
        "would settle it."
    )


def saved(one: Versus, baseline: str) -> str:
    """Say how many labels were saved, and how many noise alone would save."""
    savings = one.savings
    if not savings.n:
        return ""
    found = savings.estimate
    if found is None or found.mean is None:
        return (
            f"In {savings.never} of {counted(savings.n, 'seed')} it never reaches {baseline}'s final value."
        )
    interval = ""
    if found.low is not None and found.high is not None:
        interval = f" [{found.low:,.0f}, {found.high:,.0f}]"
    noise = ""
    if savings.by_noise:
        noise = f" ({baseline} against itself, from noise alone: {savings.by_noise:,.0f})"
    return (
        f"It reaches {baseline}'s final value {found.mean:,.0f} labels earlier on average{interval}{noise}."
    )


def saved_briefly(one: Versus) -> str:
    """Give the labels saved for a table; `≤` where some seeds never reached the target."""
    savings = one.savings
    if savings.estimate is not None and savings.estimate.mean is not None:
        return f"{savings.estimate.mean:,.0f}"
    return NONE if savings.at_most is None else f"≤ {savings.at_most:,.0f}"
