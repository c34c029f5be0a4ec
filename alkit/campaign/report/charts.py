"""What the report of a campaign draws: each function returns something that paints one figure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from alkit.reporting.figures import (
    BLUE,
    GREEN,
    INK,
    MANY_POINTS,
    PAPER,
    UNLABELED,
    VERMILLION,
    Line,
    draw_curve,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .embedding_map import Places
    from .outcomes import ClassCount


Paint = Callable[["Figure"], None]


def curve(line: Line, *, height: float, xlabel: str = "labels") -> Paint:
    """Draw a value against the number of labels or a cost, with its intervals as a band."""

    def paint(figure: Figure) -> None:
        draw_curve(figure.add_subplot(), line, height=height, xlabel=xlabel)

    return paint


def classes(counts: Sequence[ClassCount], shown: Sequence[ClassCount], labeled: int) -> Paint:
    """Draw a class's share of the labeled images, and beside it what the model said where it was asked.

    Args:
        counts: all classes.
        shown: those to be drawn, from the top.
        labeled: how many images have a label.
    """
    from matplotlib.ticker import PercentFormatter  # noqa: PLC0415  # matplotlib is slow to import

    total = max(1, labeled)
    asked = sum(count.answered for count in counts)
    places = range(len(shown), 0, -1)

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        axes.barh(
            places, [count.labels / total for count in shown], 0.68, color=BLUE, alpha=0.75, label="labels"
        )
        if asked:
            for of, color, marker, name in (
                ([count.answered for count in shown], INK, "|", "answers to images with a prediction"),
                ([count.predicted for count in shown], VERMILLION, "D", "predictions for the same images"),
            ):
                axes.plot(
                    [count / asked for count in of],
                    places,
                    linestyle="",
                    marker=marker,
                    markersize=11 if marker == "|" else 4.5,
                    markeredgewidth=1.8 if marker == "|" else 0.5,
                    color=color,
                    label=name,
                )
        axes.set_yticks(list(places), [count.name for count in shown])
        axes.set_ylim(0.4, len(shown) + 0.6)
        axes.set_xlim(left=0)
        axes.xaxis.set_major_formatter(PercentFormatter(1))
        axes.grid(False, axis="y")
        axes.tick_params(axis="y", length=0)
        handles, names = axes.get_legend_handles_labels()
        figure.legend(
            handles[-1:] + handles[:-1],
            names[-1:] + names[:-1],
            loc="outside upper left",
            ncols=1,
            handlelength=1,
        )

    return paint


def plane(places: Places) -> Paint:
    """Draw images in the plane: unlabeled ones faint, then labeled ones, the last picks and their control."""
    looks_like: dict[str, dict[str, Any]] = {
        "unlabeled": {"color": UNLABELED, "markersize": 2.2, "alpha": 0.55, "markeredgewidth": 0},
        "labeled": {"color": BLUE, "markersize": 3.8, "markeredgecolor": PAPER, "markeredgewidth": 0.4},
        "picks": {"color": VERMILLION, "markersize": 4.6, "markeredgecolor": PAPER, "markeredgewidth": 0.5},
        "control": {"color": GREEN, "marker": "s", "markersize": 4.8, "markeredgecolor": PAPER},
    }

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        for name, points in places.groups.items():
            if len(points):
                how = {"marker": "o", "markeredgewidth": 0.5, **looks_like[name]}
                (drawn,) = axes.plot(points[:, 0], points[:, 1], linestyle="", label=name, **how)
                drawn.set_rasterized(len(points) > MANY_POINTS)
        axes.set_xticks([])
        axes.set_yticks([])
        for spine in axes.spines.values():
            spine.set_visible(True)
        figure.legend(loc="outside upper left", ncols=4, handlelength=1, markerscale=1.4)

    return paint
