"""The charts of a report: each function returns a painter of one figure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from alkit.reporting.figures import (
    BLUE,
    FADED,
    INK,
    PALETTE,
    UNLABELED,
    VERMILLION,
    Line,
    Look,
    draw_lines,
    name_ends,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from alkit.bench.statistics.ranks import RankSummary
    from alkit.bench.statistics.wins import Wins


Paint = Callable[["Figure"], None]
Interval = tuple[float, float]


def curves(
    lines: Sequence[Line],
    styles: dict[str, Look],
    *,
    ylabel: str,
    height: float,
    zero: bool = False,
    title: str = "",
) -> Paint:
    """Draw a value against the number of labels, one curve per strategy; `zero` marks the baseline."""

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        if zero:
            axes.axhline(0, color=FADED, linewidth=0.9)
        draw_lines(axes, lines, styles, height=height * 72 - 42)
        _label_counts(axes, sorted({x for line in lines for x in line.x}))
        axes.set_ylabel(ylabel)
        axes.set_title(title)

    return paint


def by_cost(
    lines: Sequence[Line], styles: dict[str, Look], *, xlabel: str, ylabel: str, height: float
) -> Paint:
    """Draw a value against a cost, one curve per strategy."""

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        draw_lines(axes, lines, styles, height=height * 72 - 42)
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.set_xlabel(xlabel)
        axes.set_ylabel(ylabel)

    return paint


def differences(line: Line, style: Look, limits: Interval) -> Paint:
    """Draw one strategy's differences to the baseline with an interval at each number of labels."""

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        axes.axhline(0, color=FADED, linewidth=0.9)
        axes.plot(line.x, line.y, color=style.color, linewidth=0.8, alpha=0.6)
        if len(line.low):
            axes.vlines(line.x, line.low, line.high, color=style.color, linewidth=1.8)
        axes.plot(line.x, line.y, color=style.color, linestyle="", marker="o", markersize=4)
        axes.set_ylim(*limits)
        axes.margins(x=0.06)
        _label_counts(axes, line.x, most=3)
        axes.set_title(line.name)

    return paint


def forest(rows: Sequence[tuple[str, float, Interval | None, str]], xlabel: str) -> Paint:
    """Draw one row per strategy, from the top: name, difference, interval and verdict; ties are grey."""

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        axes.axvline(0, color=FADED, linewidth=0.9)
        places = range(len(rows), 0, -1)
        for place, (_, value, interval, verdict) in zip(places, rows, strict=True):
            color = {"better": BLUE, "worse": VERMILLION}.get(verdict, FADED)
            if interval:
                axes.hlines(place, *interval, color=color, linewidth=2.2)
            axes.plot(value, place, marker="o", markersize=5.5, color=color)
            axes.text(1.03, place, verdict, color=color, transform=axes.get_yaxis_transform(), va="center")
        axes.locator_params(axis="x", nbins=5)
        axes.set_yticks(list(places), [row[0] for row in rows])
        axes.set_ylim(0.4, len(rows) + 0.6)
        axes.grid(False, axis="y")
        axes.tick_params(axis="y", length=0)
        axes.spines.left.set_visible(False)
        axes.set_xlabel(xlabel)

    return paint


def matrix(found: Wins) -> Paint:
    """Draw how often each row beats each column, and below it how often each column lost."""

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        count = len(found.strategies)
        for row, values in enumerate((*found.matrix, found.lost)):
            below = row == count
            for column, value in enumerate(values):
                if row != column:
                    _cell(axes, column, row + 0.3 * below, value, VERMILLION if below else BLUE)
        axes.set_xlim(-0.5, count - 0.5)
        axes.set_ylim(count + 0.8, -0.5)
        axes.set_xticks(range(count), found.strategies, rotation=45, ha="left", rotation_mode="anchor")
        axes.set_yticks([*range(count), count + 0.3], [*found.strategies, "mean lost"])
        axes.xaxis.tick_top()
        axes.grid(False)
        axes.tick_params(length=0)
        for spine in axes.spines.values():
            spine.set_visible(False)

    return paint


def _cell(axes: Axes, column: int, row: float, value: float, color: str) -> None:
    from matplotlib.patches import Rectangle  # noqa: PLC0415  # matplotlib is slow to import

    corner = column - 0.47, row - 0.47
    axes.add_patch(Rectangle(corner, 0.94, 0.94, facecolor=color, alpha=0.05 + 0.5 * value, linewidth=0))
    axes.text(column, row, f"{value:.0%}".rstrip("%"), ha="center", va="center", fontsize=7.5)


def ranks(found: RankSummary) -> Paint:
    """Draw a critical difference diagram: mean ranks, best left; bars join inseparable strategies.

    Demšar, Statistical Comparisons of Classifiers over Multiple Data Sets, JMLR 2006.
    """
    names, places = found.strategies, dict(zip(found.strategies, found.ranks, strict=True))
    half, last = -(-len(names) // 2), max(2, len(names))
    top = 0.7 + 0.4 * len(found.groups)
    margin = (last - 1) * 0.06

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        axes.set_axis_off()
        axes.hlines(0, 1, last, color=INK, linewidth=1)
        for tick in range(1, last + 1):
            axes.vlines(tick, -0.2, 0, color=INK, linewidth=1)
            axes.text(tick, -0.35, str(tick), ha="center", va="bottom")
        for number, group in enumerate(found.groups, 1):
            ends = places[group[0]] - 0.04, places[group[-1]] + 0.04
            axes.hlines(0.4 * number, *ends, color=INK, linewidth=3.5)
        for number, name in enumerate(names):
            left = number < half
            down = top + 0.75 * (number if left else len(names) - 1 - number)
            end = 1 - margin if left else last + margin
            axes.plot((places[name], places[name], end), (0, down, down), color=FADED, linewidth=0.8)
            text = f"{name}  {places[name]:.2f}" if left else f"{places[name]:.2f}  {name}"
            beside = end - margin / 4 if left else end + margin / 4
            axes.text(beside, down, text, ha="right" if left else "left", va="center")
        if found.critical_difference is not None:
            end = 1 + min(found.critical_difference, last - 1.0)
            axes.hlines(-1.35, 1, end, color=FADED, linewidth=1.5)
            axes.vlines((1, end), -1.5, -1.2, color=FADED, linewidth=1.5)
            text = f"critical difference {found.critical_difference:.2f}"
            axes.text(1, -1.6, text, va="bottom", color=FADED)
        axes.set_ylim(top + 0.75 * half, -2.4)
        axes.set_xlim(1 - margin, last + margin)

    return paint


def tradeoff(
    points: Mapping[str, tuple[float, float]], styles: dict[str, Look], *, ylabel: str, height: float
) -> Paint:
    """Draw the final metric against the cost of a cycle, one point per strategy."""

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        for name, (x, y) in points.items():
            axes.plot(
                x, y, color=styles[name].color, marker=styles[name].marker, markersize=6.5, linestyle=""
            )
        axes.margins(0.08, 0.12)
        right = axes.get_xlim()[1]
        for name, (x, y) in points.items():
            axes.hlines(y, x, right, color=styles[name].color, linewidth=0.6, alpha=0.4)
        axes.set_xlim(0, right)
        name_ends(
            axes,
            [(x, y, name, styles[name].color) for name, (x, y) in points.items()],
            height=height * 72 - 42,
        )
        axes.set_xlabel("CPU seconds per cycle, training and query")
        axes.set_ylabel(ylabel)

    return paint


def stacks(rows: Mapping[str, Mapping[str, float]], phases: Sequence[str], xlabel: str) -> Paint:
    """Draw one bar per strategy, stacked by phase."""

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        places = list(range(len(rows), 0, -1))
        left = [0.0] * len(rows)
        hues = (UNLABELED, *PALETTE, INK)
        for number, phase in enumerate(phases):
            widths = [row.get(phase, 0.0) for row in rows.values()]
            axes.barh(places, widths, 0.66, left=left, color=hues[number % len(hues)], label=phase)
            left = [start + width for start, width in zip(left, widths, strict=True)]
        axes.set_yticks(places, list(rows))
        axes.set_ylim(0.4, len(rows) + 0.6)
        axes.grid(False, axis="y")
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel(xlabel)
        figure.legend(loc="outside upper left", ncols=4, handlelength=1, columnspacing=1.2)

    return paint


def classes(name: str, picked: Sequence[float], pool: Sequence[float], style: Look, most: float) -> Paint:
    """Draw the share of each class among a strategy's picks, with the pool's share as a mark."""

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        places = range(len(picked))
        axes.bar(places, picked, 0.72, color=style.color, alpha=0.75)
        axes.hlines(
            pool,
            [place - 0.45 for place in places],
            [place + 0.45 for place in places],
            color=INK,
            linewidth=1.5,
        )
        axes.set_ylim(0, most * 1.06)
        axes.yaxis.set_major_formatter("{x:.0%}")
        axes.grid(False, axis="x")
        axes.set_xlabel("class")
        if len(picked) <= 12:
            axes.set_xticks(list(places))
        axes.set_title(name)

    return paint


def _label_counts(axes: Axes, counts: Sequence[float], most: int = 8) -> None:
    """Put ticks at the numbers of labels, as many as fit."""
    step = -(-len(counts) // most)
    ticks = list(counts)[::-1][::step][::-1]
    axes.set_xticks(ticks, [f"{tick:,.0f}" for tick in ticks])
    axes.set_xlabel("labels")
