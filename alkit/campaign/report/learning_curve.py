"""The learning curve of a campaign, and what its control images say about the remaining pool."""

from __future__ import annotations

from collections.abc import Sequence

from alkit.campaign.analysis.evidence import Point, control_curve
from alkit.reporting.document import Block, Figure, Figures, Table, Text
from alkit.reporting.figures import Line, svg
from alkit.reporting.wording import interval, listed, metric_name

from . import charts
from .findings import Findings

SIZE = 5.0, 3.1
COPIES = (
    "Labels are those that people gave; copies of them, which the model was trained on too, are not counted."
)


def curve(found: Findings) -> list[Block]:
    """Draw the accuracy on the test set, or on the control images where there is no test set."""
    points: Sequence[Point] = found.evidence.curve
    name, where = "test accuracy", "Accuracy on the test set"
    if not any(record.metrics for record in found.history):
        points = control_curve(found.evidence.accuracy)
        name = "control accuracy"
        where = "Accuracy of the model behind each query on the query's random images"
    blocks: list[Block] = []
    if points:
        line = Line(
            name,
            [point.labels for point in points],
            [point.accuracy.value for point in points],
            [point.accuracy.low for point in points],
            [point.accuracy.high for point in points],
        )
        caption = f"{where} by number of labels; the band is the 95% Wilson interval at each point."
        if any(point.copied for point in points):
            caption = f"{caption} {COPIES}"
        table = _numbers(points, name)
        blocks += [_drawn(line, caption), table]
    else:
        blocks += _plain(found)
    blocks += _control(found)
    return blocks or [
        Text("There is no curve yet: it needs a test set and a trained model, or an answered control slice.")
    ]


def _numbers(points: Sequence[Point], name: str) -> Table:
    copies = any(point.copied for point in points)
    head = ("labels", *(["copies"] if copies else []), f"{name} [95%]", "images")
    rows = [
        (
            f"{point.labels:,}",
            *([f"{point.copied:,}"] if copies else []),
            interval(point.accuracy),
            f"{point.accuracy.of:,}",
        )
        for point in points
    ]
    return Table(head, rows, words=(), note="The curve in numbers.", folded=True)


def _drawn(line: Line, caption: str) -> Figures:
    alt = f"{line.name} against the number of labels"
    drawing = svg(charts.curve(line, height=SIZE[1]), SIZE, "curve")
    return Figures([Figure("curve", alt, drawing, SIZE[0])], caption)


def _plain(found: Findings) -> list[Block]:
    """Draw the main metric of a task that is evaluated by another metric than accuracy."""
    judged = [record for record in found.history if record.metrics]
    if not judged:
        return []
    metric = next(iter(judged[-1].metrics))
    known = [(record.labels, record.metrics[metric]) for record in judged if metric in record.metrics]
    line = Line(metric_name(metric), [labels for labels, _ in known], [value for _, value in known])
    caption = f"Test {line.name} by number of labels; it has no known interval."
    return [_drawn(line, f"{caption} {COPIES}" if any(record.copied for record in judged) else caption)]


def _control(found: Findings) -> list[Block]:
    rows = [
        (
            listed(map(str, item.queries)),
            f"{item.labels:,}",
            f"{item.asked:,}",
            interval(item.accuracy),
        )
        for item in found.evidence.accuracy
    ]
    if not rows:
        return []
    head = ("query", "labels", "random images", "accuracy on them [95%]")
    note = (
        "Accuracy of the model behind each query on the query's random images, drawn from the remaining pool."
    )
    return [Table(head, rows, words=(), note=note, folded=True)]
