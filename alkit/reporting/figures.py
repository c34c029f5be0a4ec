"""Figures: one clean style, a fixed look for every strategy, and the same bytes for the same data.

Only matplotlib's objects are used, so that no state of pyplot and no rcParam of the caller changes. The extra
`bench` installs it.
"""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from alkit.errors import UsageError

from .wording import quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


INK, FADED, GRID, PAPER = "#1f242b", "#65707d", "#dde1e6", "#ffffff"
BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#e69f00",
    "#56b4e9",
)
PALETTE = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)
"""Okabe and Ito's colours, 2008, without black, which is the baseline's, and yellow, which fades on white."""

UNLABELED = "#98a2ad"
"""A grey that is visible on paper and on a dark page, for points that become an image."""

DARK = {
    INK: "#e7eaee",
    FADED: "#9aa5b1",
    GRID: "#343b44",
    PAPER: "#15181d",
    BLUE: "#4ba6e0",
    VERMILLION: "#ff8b4f",
    GREEN: "#34c79b",
    PURPLE: "#e3a0c6",
    ORANGE: "#f2b63f",
    SKY: "#8bcff5",
}
"""What the colours become on a dark page."""

FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
LINE_POINTS = 10.5
MOST_TICKS = 8
MANY_POINTS = 400
"""More points of one kind than these become an image within the drawing, a tenth of the size."""

RASTER_DPI = 150
_DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)))
_MARKERS = ("o", "s", "^")
_STYLE: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": FADED,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.7,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "figure.facecolor": PAPER,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 8.5,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "svg.fonttype": "none",
    "text.color": INK,
    "text.parse_math": False,  # a name with two "$" is a name
    "xtick.color": FADED,
    "xtick.labelcolor": INK,
    "ytick.color": FADED,
    "ytick.labelcolor": INK,
}


@dataclass(frozen=True, slots=True)
class Look:
    """The look of a strategy in all figures."""

    color: str
    dash: Any = "-"
    marker: str = "o"


@dataclass(frozen=True, slots=True)
class Line:
    """A curve with its band; `low` and `high` are empty without one."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()


def looks(names: Sequence[str], baseline: str | None = "random") -> dict[str, Look]:
    """Return a look for each name, in order; the baseline is dashed ink and uses up no colour."""
    result = {}
    for name in names:
        if name == baseline:
            result[name] = Look(INK, (0, (3, 1.5)), "D")
        else:
            turn, hue = divmod(len(result) - (baseline in result), len(PALETTE))
            result[name] = Look(PALETTE[hue], _DASHES[turn % 3], _MARKERS[turn % 3])
    return result


def svg(paint: Callable[[Figure], None], size: tuple[float, float], name: str) -> str:
    """Draw a figure as an SVG element without prolog, date or reference to anything outside.

    Args:
        paint: puts axes into the empty figure.
        size: width and height in inches.
        name: makes the ids in it differ from those of other figures on the same page.
    """
    with drawn(paint, size, name) as figure:
        file = io.StringIO()
        figure.savefig(file, format="svg", dpi=RASTER_DPI, metadata={"Date": None})
    text = file.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"\s*<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'<g id="[^"]*"', "<g", text)
    text = re.sub(r"<!--.*?-->\s*", "", text, flags=re.DOTALL)
    text = re.sub(r"(?:'DejaVu Sans'|DejaVu Sans), sans-serif|'DejaVu Sans'", FONTS, text)
    return described(text.replace("<svg", '<svg role="img" aria-label=""', 1), name)


def themed(drawing: str) -> str:
    """Let the colours of an SVG follow the page's custom properties (`--c-0072b2`)."""
    for color in DARK:
        drawing = drawing.replace(color, f"var(--c-{color[1:]}, {color})")
    return drawing


def described(drawing: str, words: str) -> str:
    """Say what an SVG shows, in place of what its label says."""
    return re.sub(r'aria-label="[^"]*"', lambda _: f'aria-label="{escape(words)}"', drawing, count=1)


@contextlib.contextmanager
def drawn(paint: Callable[[Figure], None], size: tuple[float, float], salt: str) -> Iterator[Figure]:
    """Draw a figure in the style of the reports; `salt` makes the ids in its SVG."""
    try:
        import matplotlib  # noqa: PLC0415  # matplotlib is slow to import
        from matplotlib.figure import Figure  # noqa: PLC0415  # matplotlib is slow to import
    except ImportError as error:
        raise UsageError("figures need matplotlib; install it with: pip install 'alkit[bench]'") from error
    with matplotlib.rc_context(), warnings.catch_warnings():
        # The text of an SVG stays text: whoever looks at it has fonts for it.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)  # type: ignore[arg-type]
        matplotlib.rcParams["svg.hashsalt"] = f"alkit {salt}"
        figure = Figure(figsize=size, layout="constrained")
        paint(figure)
        yield figure


def draw_lines(axes: Axes, lines: Sequence[Line], styles: dict[str, Look], *, height: float) -> None:
    """Draw curves with bands, and each one's name at its right end.

    Args:
        axes: where.
        lines: the curves; the baseline should come last, to lie above.
        styles: how each is drawn.
        height: of the axes in points, roughly, from which the gap between names follows.
    """
    for line in lines:
        style = styles[line.name]
        if len(line.low):
            axes.fill_between(line.x, line.low, line.high, color=style.color, alpha=0.13, linewidth=0)
        axes.plot(
            line.x, line.y, color=style.color, linestyle=style.dash, marker=style.marker, markersize=3.4
        )
    axes.margins(x=0.02)
    ends = [(float(line.x[-1]), float(line.y[-1]), line.name, styles[line.name].color) for line in lines]
    name_ends(axes, ends, height=height)


def draw_curve(axes: Axes, line: Line, *, height: float, xlabel: str = "labels") -> None:
    """Draw a value against the number of labels or a cost, with its intervals as a band.

    Args:
        axes: where.
        line: the curve.
        height: of the figure in inches.
        xlabel: of the numbers.
    """
    draw_lines(axes, [line], looks([line.name]), height=height * 72 - 42)
    places = sorted(set(line.x))
    step = -(-len(places) // MOST_TICKS)
    ticks = places[::-1][::step][::-1]
    axes.set_xticks(ticks, [quantity(tick) for tick in ticks])
    axes.set_xlabel(xlabel)


def name_ends(axes: Axes, ends: Sequence[tuple[float, float, str, str]], *, height: float) -> None:
    """Write names right of the axes at the height of (x, y), moved apart where they would overlap."""
    low, high = axes.get_ylim()
    ordered = sorted(ends, key=lambda end: end[1])
    wanted = [(y - low) / (high - low) for _, y, _, _ in ordered]
    for (_, _, name, color), start, place in zip(
        ordered, wanted, spread(wanted, LINE_POINTS / height), strict=True
    ):
        axes.plot(
            (1.005, 1.035),
            (start, place),
            color=color,
            linewidth=0.7,
            transform=axes.transAxes,
            clip_on=False,
        )
        axes.text(1.045, place, name, color=color, transform=axes.transAxes, va="center", fontsize=8.5)
    axes.set_ylim(low, high)


def spread(places: Sequence[float], gap: float) -> list[float]:
    """Move ascending places apart to at least `gap`, as little as possible, within 0 and 1 if they fit."""
    blocks: list[list[float]] = []
    for number, place in enumerate(places):
        blocks.append([place - number * gap])
        while len(blocks) > 1 and _mean(blocks[-2]) >= _mean(blocks[-1]):
            last = blocks.pop()
            blocks[-1] += last
    levels = [_mean(block) for block in blocks for _ in block]
    most = max(0.0, 1 - (len(places) - 1) * gap)
    return [min(max(level, 0.0), most) + number * gap for number, level in enumerate(levels)]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
