"""The section on the upper bound: how much there is to gain, and how much of it each strategy gets."""

from __future__ import annotations

from alkit.reporting.document import Block, Notice, Table
from alkit.reporting.wording import NONE, metric_name

from .evidence import ReportData
from .wording import NumberFormat


def upper_bound(evidence: ReportData) -> list[Block]:
    """Show the upper bound beside the strategies; nothing if it was not asked for."""
    upper = evidence.upper
    if upper is None or not upper.versus:
        return []
    digits = NumberFormat.of(evidence.comparison)
    bound = upper.versus[0]
    gain = bound.area.estimate.mean
    gains = {one.strategy: one.area.estimate.mean for one in evidence.comparison.versus}
    gains |= {upper.baseline: 0.0, bound.strategy: gain}
    rows = [
        (
            summary.strategy,
            *(digits.number(step.mean) for step in summary.steps),
            _share(gains.get(summary.strategy), gain),
        )
        for summary in (*evidence.comparison.summaries, upper.summaries[-1])
    ]
    text = (
        f"'{bound.strategy}' is no strategy: in each query it takes the best of many batches, by labels that "
        f"nobody has yet. Its difference in area to {upper.baseline} is "
        f"{digits.signed_interval(bound.area.estimate)}. At least that much is to be gained; batches that "
        "were not tried may gain more."
    )
    note = (
        f"Mean {metric_name(upper.metric)} by number of labels, and each difference in area to "
        f"{upper.baseline} as a share of the upper bound's."
    )
    head = ("", *(f"{labels:,}" for labels in upper.labels), "share")
    return [Notice(text), Table(head, rows, note=note)]


def _share(own: float | None, gain: float | None) -> str:
    return NONE if own is None or not gain else f"{own / gain:.0%}"
