"""What the labels cost people, and what the model learned for it."""

from __future__ import annotations

from collections.abc import Sequence

from alkit.campaign.analysis.effort import COST, Effort
from alkit.reporting.document import Block, Figure, Figures, Table, Text
from alkit.reporting.figures import Line, svg
from alkit.reporting.wording import NONE, amount, metric_name, quantity, unit_name

from . import charts
from .findings import Findings

SIZE = 5.0, 3.1


def human_cost(found: Findings) -> list[Block]:
    """Show the main metric against each unit of cost; nothing where no cost is known."""
    units = list(dict.fromkeys(unit for effort in found.efforts for unit in effort.spent))
    if not units:
        return []
    metric = next((name for effort in found.efforts for name in effort.metrics), "")
    return [*_figures(found.efforts, units, metric), _table(found.efforts, units, metric), *_costed(found)]


def _figures(efforts: Sequence[Effort], units: Sequence[str], metric: str) -> list[Block]:
    drawn = []
    for unit in units:
        known = [
            (one.spent[unit], one.metrics[metric])
            for one in efforts
            if unit in one.spent and metric in one.metrics
        ]
        if len(known) > 1:
            line = Line(metric_name(metric), [cost for cost, _ in known], [value for _, value in known])
            paint = charts.curve(line, height=SIZE[1], xlabel=unit_name(unit))
            name = f"human-cost-{unit}"
            drawn.append(
                Figure(name, f"{line.name} against {unit_name(unit)}", svg(paint, SIZE, name), SIZE[0])
            )
    caption = f"Test {metric_name(metric)} by what all labels until then had cost people."
    return [Figures(drawn, caption)] if drawn else []


def _table(efforts: Sequence[Effort], units: Sequence[str], metric: str) -> Table:
    head = ["labels"]
    for unit in units:
        head += [unit_name(unit), f"{unit_name(unit)} per new label"]
    head += [f"test {metric_name(metric)}"] if metric else []
    rows = []
    for place, one in enumerate(efforts):
        row = [f"{one.labels:,}"]
        before = efforts[place - 1] if place else None
        for unit in units:
            row += [quantity(one.spent[unit]) if unit in one.spent else NONE, _per_label(before, one, unit)]
        if metric:
            row.append(f"{one.metrics[metric]:.4f}" if metric in one.metrics else NONE)
        rows.append(tuple(row))
    note = (
        "What the labels of each training had cost people in all, and what each label took that had come "
        "since the training before."
    )
    return Table(tuple(head), rows, words=(), note=note)


def _per_label(before: Effort | None, after: Effort, unit: str) -> str:
    labels = after.labels - (before.labels if before else 0)
    if unit not in after.spent or labels <= 0:
        return NONE
    return amount((after.spent[unit] - (before.spent.get(unit, 0.0) if before else 0.0)) / labels)


def _costed(found: Findings) -> list[Block]:
    last = found.efforts[-1]
    if COST not in last.spent:
        return []
    text = "The cost is what was recorded with the answers, in their unit: seconds for those of Label Studio."
    if last.costed < 1:
        text += f" Only {last.costed:.0%} of the answers have one, so the sums are too small."
    return [Text(text)]
