"""The section on cost in boxes: strategies and the baseline after as many boxes, not images."""

from __future__ import annotations

from alkit.reporting.document import Block, Table, Text
from alkit.reporting.wording import NONE, metric_name

from .evidence import ReportData
from .wording import NumberFormat, probability


def equal_boxes(evidence: ReportData) -> list[Block]:
    """Show each strategy at equal numbers of boxes; nothing where labels are not boxes."""
    found = evidence.equal_boxes
    if not found:
        return []
    digits, metric = NumberFormat.of(evidence.comparison), metric_name(evidence.comparison.metric)
    by_images = {one.strategy: one.area.estimate for one in evidence.comparison.versus}
    rows = [
        (
            one.strategy,
            NONE if one.boxes.mean is None else f"{one.boxes.mean:,.0f}",
            NONE if one.difference is None else digits.signed_interval(by_images[one.strategy]),
            NONE if one.difference is None else digits.signed_interval(one.difference.estimate),
            NONE if one.difference is None else probability(one.difference.p_holm),
        )
        for one in found
    ]
    text = (
        "An image with many objects takes longer to label than one with few, and strategies choose images of "
        "different numbers of objects. So the strategies are also compared where they have labeled as many "
        "boxes."
    )
    head = ("strategy", "boxes at the end", "at equal images", "at equal boxes", "p Holm")
    note = (
        f"Mean difference in {metric} to {evidence.baseline}, by number of images and by number of boxes, "
        "over the range that both curves reach, interpolated between trainings; p is of the latter."
    )
    return [Text(text), Table(head, rows, note=note)]
