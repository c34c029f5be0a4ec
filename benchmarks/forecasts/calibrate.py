"""How often the truth lies inside the intervals of a rehearsal, and how far off its forecasts are.

    python benchmarks/forecasts/calibrate.py

Reads the records of `simulate.py` and forecasts from their replays as `alkit rehearse` does. An interval is a
number of standard errors on each side; the smallest number that holds 90% of the truths is found on all
campaigns but those of one data set, and judged on the latter, for each data set in turn. The widths in
`alkit/campaign/rehearsal/forecast.py` are those of all campaigns together. Errors are compared with the slope
between half of the labels and all of them, extended as a straight line, and over the logarithm of labels.
Writes rehearsal.json and rehearsal.md beside the records, and the plot of the documentation.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from simulate import RESULTS, TEST, records

from alkit.campaign.rehearsal.forecast import (
    LEVEL,
    luck_of,
    over_random,
    random_gain,
    ratio_of,
    strategy_gain,
)
from alkit.campaign.rehearsal.replays import replays_from
from alkit.reporting.figures import BLUE, FADED, VERMILLION

IMAGE = Path(__file__).parents[2] / "docs" / "images" / "rehearsal.png"
MORE = (100, 500, 1000)
JUDGES = {"digits": 298}
GAIN, OVER = "gain", "more than random"


class Case(NamedTuple):
    """One forecast and what came of it."""

    data: str
    balance: str
    labels: int
    chosen_by: str
    strategy: str
    more: int
    what: str
    forecast: float
    error: float
    naive: float
    logarithm: float
    truth: float
    fresh: float

    @property
    def score(self) -> float:
        """How many standard errors the truth is away."""
        return abs(self.truth - self.forecast) / self.error


def cases_of(record: dict[str, Any]) -> list[Case]:
    """Return all forecasts of a campaign."""
    data, balance, labels, chosen_by, _ = record["setting"]
    replays, now, truth = replays_from(record["replays"]), record["now"], record["truth"]
    luck = luck_of(replays, JUDGES.get(data, TEST), is_share=True)
    curve = np.array(replays.curve).mean(0)
    half = replays.sizes.index(round(labels / 2))
    rise = curve[-1] - curve[half]
    slope, slope_of_log = rise / (labels - replays.sizes[half]), rise / math.log(labels / replays.sizes[half])
    found = []
    for place, more in enumerate(MORE[: len(truth["random"])]):
        gain = random_gain(replays, labels, more, top=1.0, luck=luck)
        for name in truth:
            reached = [truth[name][place][k] - now[k] for k in (0, 1)]
            about = (data, balance, labels, chosen_by, name, more)
            if name == "random":
                one = gain.estimate
            else:
                ratio = ratio_of(replays, replays.arms[name])
                one, better = strategy_gain(gain, ratio), over_random(gain, ratio)
                others = [truth["random"][place][k] - now[k] for k in (0, 1)]
                beyond = [reached[k] - others[k] for k in (0, 1)]
                found.append(Case(*about, OVER, better.value, better.error, 0.0, 0.0, *beyond))
            naive = slope * more, slope_of_log * math.log1p(more / labels)
            found.append(Case(*about, GAIN, one.value, one.error, *naive, *reached))
    return found


def width(cases: Sequence[Case]) -> float:
    """Return the number of standard errors that holds a share LEVEL of new truths (split conformal)."""
    scores = sorted(case.score for case in cases)
    return scores[min(len(scores), math.ceil((len(scores) + 1) * LEVEL)) - 1]


def held(cases: Sequence[Case], widths: dict[tuple[str, str], float]) -> list[bool]:
    """Say of each case whether the truth is inside, with widths found on other data sets."""
    return [case.score <= widths[case.data, case.what] for case in cases]


def summary(cases: Sequence[Case], widths: dict[tuple[str, str], float]) -> dict[str, float]:
    """Return the figures of some cases."""
    fresh = [abs(c.fresh - c.forecast) <= widths[c.data, c.what] * c.error for c in cases]
    return {
        "forecasts": len(cases),
        "inside": round(float(np.mean(held(cases, widths))), 3),
        "inside_fresh": round(float(np.mean(fresh)), 3),
        "half_width": round(float(np.mean([widths[c.data, c.what] * c.error for c in cases])), 4),
        "error": round(float(np.mean([abs(c.truth - c.forecast) for c in cases])), 4),
        "naive_error": round(float(np.mean([abs(c.truth - c.naive) for c in cases])), 4),
        "logarithm_error": round(float(np.mean([abs(c.truth - c.logarithm) for c in cases])), 4),
    }


def verdicts(cases: Sequence[Case], widths: dict[tuple[str, str], float]) -> dict[str, int]:
    """Count verdicts on strategies by what came of them."""
    counts = {"better, and was": 0, "better, and was not": 0, "worse, and was": 0, "worse, and was not": 0}
    told = 0
    for case in cases:
        half = widths[case.data, case.what] * case.error
        if abs(case.forecast) <= half:
            continue
        told += 1
        word = "better" if case.forecast > 0 else "worse"
        right = (case.truth > 0) == (case.forecast > 0)
        counts[f"{word}, and was{'' if right else ' not'}"] += 1
    return {"forecasts": len(cases), "told": told, **counts}


def table(
    what: str, cases: Sequence[Case], widths: dict[tuple[str, str], float]
) -> tuple[list[str], dict[str, dict[str, float]]]:
    """Return the figures of all groups of cases, as lines of Markdown and as numbers."""
    naive = ["error, straight line", "error, line over log"] if what == GAIN else ["error, no difference"]
    head = ["", "", "forecasts", "inside", "inside (fresh)", "half width", "error", *naive]
    lines, figures = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"], {}
    for group, of in GROUPS.items():
        for value in sorted({of(case) for case in cases}):
            row = summary([case for case in cases if of(case) == value], widths)
            figures[f"{group}: {value}"] = row
            cells = [group, str(value), str(row["forecasts"]), f"{row['inside']:.1%}"]
            cells += [f"{row['inside_fresh']:.1%}", f"{row['half_width']:.3f}", f"{row['error']:.4f}"]
            cells += [f"{row['naive_error']:.4f}", f"{row['logarithm_error']:.4f}"][: len(naive)]
            lines.append(f"| {' | '.join(cells)} |")
    return lines, figures


GROUPS: dict[str, Callable[[Case], Any]] = {
    "all": lambda case: "all",
    "further labels": lambda case: case.more,
    "data": lambda case: case.data,
    "balance": lambda case: case.balance,
    "labels at hand": lambda case: case.labels,
    "labels chosen by": lambda case: case.chosen_by,
    "strategy": lambda case: case.strategy,
}


def plot(cases: Sequence[Case], widths: dict[tuple[str, str], float], path: Path) -> None:
    """Draw truths against forecasts, and the share of truths inside by level of the interval."""
    from matplotlib.figure import Figure  # an extra

    figure = Figure(figsize=(8, 3.6), layout="constrained")
    for axes, what in zip(figure.subplots(1, 2), (GAIN, OVER), strict=True):
        some = [case for case in cases if case.what == what]
        inside = held(some, widths)
        for flag, color, word in ((True, BLUE, "inside the interval"), (False, VERMILLION, "outside")):
            points = [case for case, one in zip(some, inside, strict=True) if one is flag]
            axes.scatter(
                [case.forecast for case in points],
                [case.truth for case in points],
                s=9,
                color=color,
                alpha=0.6,
                linewidths=0,
                label=f"{word} ({len(points) / len(some):.0%})",
            )
        ends = [min(case.forecast for case in some), max(case.forecast for case in some)]
        axes.plot(ends, ends, color=FADED, linewidth=1)
        axes.set_xlabel(f"forecast of the {what}" if what == GAIN else "forecast of the gain over random")
        axes.set_ylabel("what came of it")
        axes.legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--records", type=Path, default=RESULTS)
    parser.add_argument("--image", type=Path, default=IMAGE)
    given = parser.parse_args()
    found = records(given.records)
    cases = [case for record in found for case in cases_of(record)]
    names = sorted({case.data for case in cases})
    widths = {
        (name, what): width([case for case in cases if case.what == what and case.data != name])
        for name in names
        for what in (GAIN, OVER)
    }
    final = {what: width([case for case in cases if case.what == what]) for what in (GAIN, OVER)}
    tables: dict[str, Any] = {}
    lines = [
        "# Rehearsals against what came of them",
        "",
        f"`python benchmarks/forecasts/calibrate.py`: {len(found)} simulated campaigns, "
        f"intervals of {LEVEL:.0%}. "
        "Widths are found without the data set that they are judged on. "
        "Inside (fresh): on test images that the campaign never saw.",
    ]
    for what in (GAIN, OVER):
        some = [case for case in cases if case.what == what]
        rows, tables[what] = table(what, some, widths)
        lines += ["", f"## {what.capitalize()}", "", *rows]
    told = verdicts([case for case in cases if case.what == OVER], widths)
    lines += ["", "## Verdicts", "", ", ".join(f"{key}: {value}" for key, value in told.items()), ""]
    shown = {what: round(value, 2) for what, value in final.items()}
    lines += [f"Widths from all campaigns, in standard errors: {shown}", ""]
    result = {
        "campaigns": len(found),
        "level": LEVEL,
        "widths": shown,
        "widths_without": {f"{name}: {what}": round(value, 3) for (name, what), value in widths.items()},
        "figures": tables,
        "verdicts": told,
    }
    folder = given.records.parent
    (folder / "rehearsal.json").write_text(json.dumps(result, indent=1) + "\n")
    (folder / "rehearsal.md").write_text("\n".join(lines))
    print("\n".join(lines))
    plot(cases, widths, given.image)


if __name__ == "__main__":
    main()
