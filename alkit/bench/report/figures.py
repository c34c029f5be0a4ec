"""The figures of a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from alkit.bench.statistics import Comparison
from alkit.bench.statistics.equal_cost import EqualCost
from alkit.bench.statistics.estimates import Estimate
from alkit.reporting import figures
from alkit.reporting.document import Figure, Figures, slug
from alkit.reporting.figures import Line, Look
from alkit.reporting.wording import listed, metric_name, unit_name

from . import charts
from .embedding_map import paint_plane
from .evidence import ReportData

HALF, SMALL, WIDE = 4.85, 2.38, 6.2
FOREST = 5.1
MOST_NAMES = 20
ROW = 0.235
"""Inches per strategy in a figure with one row for each."""


class Drawer:
    """Draws the figures; each strategy looks the same in all of them."""

    def __init__(self, evidence: ReportData) -> None:
        self.evidence = evidence
        self.styles: dict[str, Look] = figures.looks(evidence.strategies, evidence.baseline)
        self.height = max(3.5, 0.9 + 0.16 * len(evidence.strategies))
        self.left = max(1.0, 0.35 + 0.075 * max(map(len, evidence.strategies)))

    def curves(self, comparison: Comparison, name: str = "curves") -> Figures:
        """Draw learning curves, and the differences from the baseline beside them."""
        words = metric_name(comparison.metric)
        lines = [
            _line(summary.strategy, comparison.labels, summary.steps) for summary in comparison.summaries
        ]
        lines.sort(key=lambda line: line.name == comparison.baseline)
        drawn = [self._lines(name, f"{words} against the number of labels", lines, words)]
        apart = [
            Line(line.name, line.x, line.y)
            for one in comparison.versus
            if (line := _line(one.strategy, comparison.labels, [step.estimate for step in one.steps])).x
        ]
        if apart:
            label = f"difference from {comparison.baseline}"
            alt = f"{words}, {label}, against the number of labels"
            drawn.append(self._lines(f"{name}-differences", alt, apart, label, zero=True))
        several = len(comparison.seeds) > 1
        caption = (
            f"Mean {words} with {comparison.level:.0%} bands"
            if several
            else f"{words.capitalize()} of one seed"
        )
        if apart:
            caption += f", and the {'mean ' * several}differences from {comparison.baseline}, enlarged"
        better = "Higher" if comparison.higher_is_better else "Lower"
        return Figures(drawn, f"{caption}. {better} is better.")

    def _lines(
        self, name: str, alt: str, lines: Sequence[Line], ylabel: str, *, zero: bool = False
    ) -> Figure:
        paint = charts.curves(lines, self.styles, ylabel=ylabel, height=self.height, zero=zero)
        return _figure(name, alt, paint, HALF, self.height)

    def costs_of_people(self, found: EqualCost) -> Figures | None:
        """Draw learning curves against what the labels cost people."""
        comparison = self.evidence.comparison
        metric, unit = metric_name(comparison.metric), unit_name(found.unit)
        lines = [
            Line(one.strategy, [cost for cost, _ in one.curve], [value for _, value in one.curve])
            for one in found.strategies
            if one.curve
        ]
        if not lines:
            return None
        lines.sort(key=lambda line: line.name == comparison.baseline)
        paint = charts.by_cost(lines, self.styles, xlabel=unit, ylabel=metric, height=self.height)
        name = f"human-cost-{slug(found.unit)}"
        drawn = _figure(name, f"{metric} against {unit}", paint, HALF, self.height)
        return Figures([drawn], f"Mean {metric} by {unit} that were needed for the labels.")

    def differences(self) -> Figures | None:
        """Draw each strategy's differences with intervals at each number of labels."""
        comparison = self.evidence.comparison
        lines = [
            line
            for one in comparison.versus
            if (line := _line(one.strategy, comparison.labels, [step.estimate for step in one.steps])).x
        ]
        if not lines:
            return None
        limits = _limits([value for line in lines for value in (*line.y, *line.low, *line.high, 0.0)])
        drawn = [
            _figure(
                f"differences-{number:02d}-{slug(line.name)}",
                f"{line.name}: difference from {comparison.baseline} with intervals",
                charts.differences(line, self.styles[line.name], limits),
                SMALL,
                1.95,
            )
            for number, line in enumerate(lines, 1)
        ]
        caption = f"Difference in {metric_name(comparison.metric)} from {comparison.baseline}"
        if any(line.low for line in lines):
            caption += (
                f", mean over seeds with {comparison.level:.0%} intervals, not corrected for the number of "
                "strategies"
            )
        return Figures(drawn, f"{caption}. All panels have the same scale.")

    def forest(self) -> Figures | None:
        """Draw the differences of areas with verdicts."""
        comparison = self.evidence.comparison
        rows = [
            (one.strategy, one.area.estimate.mean, _interval(one.area.estimate), str(one.verdict))
            for one in comparison.versus
            if one.area.estimate.mean is not None
        ]
        if not rows:
            return None
        rows.sort(key=lambda row: row[1] if comparison.higher_is_better else -row[1], reverse=True)
        label = f"difference in area from {comparison.baseline}"
        drawn = _figure("areas", label, charts.forest(rows, label), FOREST, 0.75 + ROW * len(rows))
        caption = (
            f"Area under the learning curve of {metric_name(comparison.metric)}, divided by the range of "
            f"labels: difference from {comparison.baseline}"
        )
        if any(row[2] for row in rows):
            caption += (
                f" with {comparison.level:.0%} interval (not corrected) and verdict (by the p value with "
                "Holm's correction)"
            )
        return Figures([drawn], f"{caption}.")

    def wins(self) -> Figures:
        """Draw the pairwise wins."""
        wins = self.evidence.comparison.wins
        size = 0.36 * len(wins.strategies)
        drawn = _figure(
            "wins",
            "share of budgets at which the row beats the column",
            charts.matrix(wins),
            size + max(self.left, 1.15) + 0.6,
            size + self.left * 0.8 + 0.7,
        )
        return Figures(
            [drawn],
            f"Row i, column j: the percentage of the {wins.budgets} budgets at which i beats j in a "
            "two-sided paired t-test. The last row is the mean of each column, the share that the strategy "
            "lost: lower is better. After Ash et al., ICLR 2020.",
        )

    def ranks(self) -> Figures:
        """Draw mean ranks."""
        ranks = self.evidence.comparison.ranks
        height = 1.0 + 0.1 * len(ranks.groups) + 0.19 * -(-len(ranks.strategies) // 2)
        drawn = _figure("ranks", "mean ranks of the strategies", charts.ranks(ranks), WIDE, height)
        merge_protocol = (
            " Bars join strategies whose ranks differ by less than the critical difference."
            if ranks.critical_difference is not None
            else ""
        )
        return Figures([drawn], f"Mean rank by area over {ranks.n} seeds, 1 is best.{merge_protocol}")

    def costs(self, phases: Sequence[str]) -> Figures | None:
        """Draw what strategies cost, and what they achieve."""
        comparison, drawn = self.evidence.comparison, []
        finals = {summary.strategy: summary.final.mean for summary in comparison.summaries}
        points = {
            cost.strategy: (sum(cost.cpu_seconds.values()), final)
            for cost in self.evidence.costs
            if cost.cpu_seconds and (final := finals.get(cost.strategy)) is not None
        }
        if points:
            words = f"final {metric_name(comparison.metric)}"
            paint = charts.tradeoff(points, self.styles, ylabel=words, height=self.height)
            alt = f"{words} against CPU seconds per cycle"
            drawn.append(_figure("costs-reached", alt, paint, HALF, self.height))
        rows = {cost.strategy: cost.seconds for cost in self.evidence.costs if cost.seconds}
        if rows:
            paint = charts.stacks(rows, phases, "seconds per cycle")
            height = max(self.height, 1.15 + ROW * len(rows))
            drawn.append(_figure("costs-phases", "seconds per cycle by phase", paint, HALF, height))
        caption = "Costs of a cycle: the final metric against CPU seconds, and wall-clock seconds by phase."
        return Figures(drawn, caption) if drawn else None

    def classes(self) -> Figures | None:
        """Draw the classes of the picks."""
        pool, picked = self.evidence.pool_shares, self.evidence.picked_shares
        if not picked or not pool:
            return None
        most = max(share for shares in (pool, *picked.values()) for share in shares)
        drawn = [
            _figure(
                f"classes-{number:02d}-{slug(name)}",
                f"classes that {name} picked",
                charts.classes(name, shares, pool, self.styles[name], most),
                SMALL,
                1.8,
            )
            for number, (name, shares) in enumerate(picked.items(), 1)
        ]
        recorded = self.evidence.cells and self.evidence.cells[0].get("classes_pool")
        source = "in the pool" if recorded else f"among the labels of {self.evidence.baseline}"
        names = self.evidence.classes if len(pool) <= MOST_NAMES else ()
        numbered = listed(f"{number} {name}" for number, name in enumerate(names))
        return Figures(
            drawn,
            "Share of each class among a strategy's picks, all seeds together; the line marks its share "
            f"{source}." + (f" Classes: {numbered}." if numbered else ""),
        )

    def maps(self) -> Figures | None:
        """Draw the maps of picks."""
        plane = self.evidence.plane
        if plane is None:
            return None
        drawn = [
            _figure(
                f"map-{number:02d}-{slug(name)}",
                f"picks of {name} in the plane",
                paint_plane(plane, name),
                SMALL,
                SMALL + 0.1,
            )
            for number, name in enumerate(plane.labeled, 1)
        ]
        labeled = "blue"
        regions = ""
        if plane.boundaries:
            labeled = "black or, on a dark page, white"
            regions = " Regions show the class that the model predicts, points their true class."
        return Figures(
            drawn,
            f"Query {plane.cycle + 1} of seed {plane.seed}: unlabeled images faint, labeled ones {labeled}, "
            f"picks of the query in orange red. Positions: {plane.method}.{regions}",
        )

    def diagnostics(self, values: Mapping[str, Mapping[str, Mapping[int, float]]]) -> Figures | None:
        """Draw each diagnostic against the number of labels; values by diagnostic, strategy and labels."""
        drawn = []
        for number, (diagnostic, by_strategy) in enumerate(values.items(), 1):
            lines = [
                Line(name, list(by_labels), list(by_labels.values()))
                for name, by_labels in by_strategy.items()
            ]
            words = metric_name(diagnostic)
            height = max(2.3, 0.9 + 0.16 * len(lines))
            paint = charts.curves(lines, self.styles, ylabel="", height=height, title=words)
            name = f"diagnostics-{number:02d}-{slug(diagnostic)}"
            drawn.append(_figure(name, f"{words} against the number of labels", paint, HALF * 0.66, height))
        return Figures(drawn, "Mean over seeds.") if drawn else None


def _figure(name: str, alt: str, paint: charts.Paint, width: float, height: float) -> Figure:
    return Figure(name, alt, figures.svg(paint, (width, height), name), width)


def _line(name: str, labels: Sequence[int], steps: Sequence[Estimate]) -> Line:
    """Make a curve of the known values; it has a band only if every step has an interval."""
    known = [(x, step) for x, step in zip(labels, steps, strict=True) if step.mean is not None]
    intervals = [interval for _, step in known if (interval := _interval(step))]
    full = len(intervals) == len(known)
    return Line(
        name,
        [x for x, _ in known],
        [step.mean for _, step in known if step.mean is not None],
        [low for low, _ in intervals] if full else (),
        [high for _, high in intervals] if full else (),
    )


def _interval(estimate: Estimate) -> tuple[float, float] | None:
    return None if estimate.low is None or estimate.high is None else (estimate.low, estimate.high)


def _limits(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = 0.08 * ((high - low) or 1.0)
    return low - room, high + room
