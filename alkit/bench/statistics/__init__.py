"""Statistics of a benchmark: summaries, paired comparisons with a baseline, wins and ranks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from alkit.errors import UsageError
from alkit.utils.json_values import AsDict

from .curves import Curves, Floats, InvalidRecords
from .estimates import Estimate, PairedDifference, difference, estimate, holm, paired
from .power import Power, power_of
from .ranks import RankSummary, ranks
from .savings import Savings, savings
from .wins import Wins, wins

Verdict = Literal["better", "worse", "tie", "untested"]


@dataclass(frozen=True, slots=True)
class Summary:
    """The results of one strategy.

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
        steps: the difference at each number of labels; corrected across strategies, not across steps.
        area: the difference of areas, with the bootstrap interval.
        final: the difference at the last step.
        verdict: by the corrected p value of the area.
        sentence: the verdict in words.
        power: the difference in area that these seeds could detect, and how many seeds would settle it.
        savings: labels saved.
    """

    strategy: str
    n: int
    steps: tuple[PairedDifference, ...]
    area: PairedDifference
    final: PairedDifference
    verdict: Verdict
    sentence: str
    power: Power
    savings: Savings


@dataclass(frozen=True, slots=True)
class Comparison(AsDict):
    """All statistics of one metric.

    Attributes:
        metric: its name.
        higher_is_better: its direction; differences are never turned around; verdicts, ranks, wins and
            savings take it into account.
        baseline: the strategy that the others are compared with.
        level: confidence level of all intervals; tests use one minus it.
        labels: number of labels at each step.
        seeds: all seeds, whether or not each strategy has them.
        summaries: by strategy, in the protocol's order.
        versus: by strategy, without the baseline.
        wins: pairwise wins.
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
    ranks: RankSummary
    notes: tuple[str, ...]


def compare(curves: Curves, baseline: str = "random", level: float = 0.95) -> Comparison:
    """Compare every strategy with the baseline, seed by seed.

    Args:
        curves: one metric of a benchmark.
        baseline: the strategy that the others are compared with.
        level: confidence level of all intervals; tests use one minus it.

    Raises:
        InvalidRecords: the baseline is not among the strategies.
        MissingExtra: statsmodels is not installed.
        UsageError: the level is not between zero and one.
    """
    if baseline not in curves.strategies:
        raise InvalidRecords(
            f"there are no records of the baseline '{baseline}'; choose one of {', '.join(curves.strategies)}"
        )
    check_level(level)
    # One strategy that has hardly begun must not take wins and ranks from all others.
    repeated = [name for name in curves.strategies if curves.complete(name) >= min(2, len(curves.seeds))]
    return Comparison(
        metric=curves.metric,
        higher_is_better=curves.higher_is_better,
        baseline=baseline,
        level=level,
        labels=tuple(curves.labels.tolist()),
        seeds=curves.seeds,
        summaries=tuple(_summary(curves, name, level) for name in curves.strategies),
        versus=_all_versus(curves, baseline, level),
        wins=wins(curves.only(repeated), level),
        ranks=ranks(curves.only(repeated), level),
        notes=_notes(curves),
    )


def check_level(level: float) -> None:
    """Check a level of confidence.

    Raises:
        UsageError: it is not between zero and one.
    """
    if not 0 < level < 1:
        raise UsageError(f"the level of confidence should be between 0 and 1, such as 0.95, not {level:g}")


def differences(
    pairs: Sequence[tuple[Floats, Floats]], areas: Sequence[tuple[Floats, Floats]], level: float
) -> list[tuple[tuple[PairedDifference, ...], PairedDifference]]:
    """Test several strategies, each against its baseline, and correct across them.

    Args:
        pairs: values of a strategy and of its baseline, [S, T] each.
        areas: their areas, [S] each.
        level: of the intervals.

    Returns:
        The differences at each step and of the area, by strategy.
    """
    steps = [
        holm([difference(paired(values[:, step], base[:, step]), level) for values, base in pairs])
        for step in range(pairs[0][0].shape[1] if pairs else 0)
    ]
    area = holm([difference(paired(values, base), level, bootstrap=True) for values, base in areas])
    return [(tuple(step[k] for step in steps), one) for k, one in enumerate(area)]


def _all_versus(curves: Curves, baseline: str, level: float) -> tuple[Versus, ...]:
    names = [name for name in curves.strategies if name != baseline]
    tested = differences(
        [(curves.values[name], curves.values[baseline]) for name in names],
        [(curves.areas(name), curves.areas(baseline)) for name in names],
        level,
    )
    return tuple(
        _versus(curves, name, baseline, steps, area, level)
        for name, (steps, area) in zip(names, tested, strict=True)
    )


def _versus(
    curves: Curves,
    strategy: str,
    baseline: str,
    steps: tuple[PairedDifference, ...],
    area: PairedDifference,
    level: float,
) -> Versus:
    verdict = _verdict(area, level, curves.higher_is_better)
    return Versus(
        strategy=strategy,
        n=area.estimate.n,
        steps=steps,
        area=area,
        final=steps[-1],
        verdict=verdict,
        sentence=_sentence(verdict, area, strategy, baseline),
        power=power_of(area.estimate, level),
        savings=savings(curves, strategy, baseline, level),
    )


def _verdict(area: PairedDifference, level: float, higher_is_better: bool) -> Verdict:
    if area.p_holm is None or area.estimate.mean is None:
        return "untested"
    if area.p_holm >= 1 - level:
        return "tie"
    return "better" if (area.estimate.mean > 0) == higher_is_better else "worse"


def _sentence(verdict: Verdict, area: PairedDifference, strategy: str, baseline: str) -> str:
    mean = area.estimate
    if mean.mean is None or mean.low is None or mean.high is None or area.p_holm is None:
        seeds = "one complete seed" if mean.n else "no complete seed"
        return f"{strategy} was not tested: it shares {seeds} with {baseline}, and a test needs two"
    interval = f"[{mean.low:+.4f}, {mean.high:+.4f}]"
    size = f"area {mean.mean:+.4f} {interval}, p {_shown(area.p_holm)} after Holm's correction"
    if verdict == "tie":
        return f"{strategy} cannot be told apart from {baseline} with these {mean.n} seeds ({size})"
    same = (
        "; the difference is the same for all seeds, which the test takes for certainty"
        if mean.std == 0.0
        else ""
    )
    return f"{strategy} is {verdict} than {baseline} with these {mean.n} seeds ({size}{same})"


def _shown(p: float) -> str:
    return "< 0.0001" if p < 0.0001 else f"{p:.4f}"


def _summary(curves: Curves, strategy: str, level: float) -> Summary:
    steps = tuple(estimate(column, level) for column in curves.values[strategy].T)
    areas = curves.areas(strategy)
    return Summary(
        strategy=strategy,
        steps=steps,
        area=estimate(areas, level),
        final=steps[-1],
        areas=tuple(None if np.isnan(area) else float(area) for area in areas),
    )


def _notes(curves: Curves) -> tuple[str, ...]:
    seeds = len(curves.seeds)
    notes = (
        ["there is only one seed, so there are no intervals and no tests, and no difference means anything"]
        if seeds == 1
        else []
    )
    by_count: dict[int, list[str]] = {}
    for name in curves.strategies:
        by_count.setdefault(curves.complete(name), []).append(name)
    for complete, names in sorted(by_count.items(), reverse=True):
        if complete < seeds:
            notes.append(
                f"only {complete} of {seeds} seeds are complete for {', '.join(names)}, so only these "
                "are compared"
            )
        if complete < min(2, seeds):
            notes.append(f"wins and ranks need two seeds, so they leave out {', '.join(names)}")
    return tuple(notes)
