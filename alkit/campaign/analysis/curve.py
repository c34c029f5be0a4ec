"""The learning curve as a small table that prints in a line, plots, and renders in a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, overload

from alkit.errors import UsageError
from alkit.reporting import notebook
from alkit.reporting.figures import Line, draw_curve, svg
from alkit.reporting.wording import metric_name
from alkit.utils.counts import counted

from .evidence import control_accuracy, control_curve, test_curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from alkit.campaign.record.trainings import CycleRecord
    from alkit.campaign.session import CampaignSession
    from alkit.utils.proportions import Share

SIZE = 5.0, 3.1
EMPTY = "it needs a test set and a trained model, or an answered control slice"
SHOWN = 4  # points in a line
MATPLOTLIB = "plots need matplotlib; install it with: pip install 'alkit[report]'"


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """A point of a learning curve.

    Attributes:
        labels: by people, that the model was trained on.
        value: of the metric.
        share: the value with its 95% Wilson interval; None where the metric has no known interval.
        copied: images with a copy of another's label, that it was trained on besides.
    """

    labels: int
    value: float
    share: Share | None = None
    copied: int = 0


class LearningCurve(Sequence[tuple[int, float]]):
    """Pairs of labels by people and metric, one per training.

    Args:
        name: of the metric, and where it was measured: `test accuracy`.
        points: by number of labels.
    """

    def __init__(self, name: str, points: Sequence[CurvePoint]) -> None:
        self.name, self.points = name, tuple(points)

    def plot(self, axes: Axes | None = None) -> Axes:
        """Draw the curve, with its intervals as a band.

        Args:
            axes: where; a new figure of pyplot by default.

        Raises:
            UsageError: matplotlib is not installed, or there is no point yet.
        """
        if not self.points:
            raise UsageError(f"there is no curve yet: {EMPTY}")
        if axes is None:
            try:
                from matplotlib import pyplot  # noqa: PLC0415  # an extra
            except ImportError as error:
                raise UsageError(MATPLOTLIB) from error
            axes = pyplot.subplots(figsize=SIZE, layout="constrained")[1]
        draw_curve(axes, self._line, height=SIZE[1])
        return axes

    @property
    def _line(self) -> Line:
        shares = [point.share for point in self.points if point.share is not None]
        whole = len(shares) == len(self.points)
        return Line(
            self.name,
            [point.labels for point in self.points],
            [point.value for point in self.points],
            [share.low for share in shares] if whole else (),
            [share.high for share in shares] if whole else (),
        )

    @overload
    def __getitem__(self, index: int, /) -> tuple[int, float]: ...
    @overload
    def __getitem__(self, index: slice, /) -> LearningCurve: ...
    def __getitem__(self, index: int | slice, /) -> tuple[int, float] | LearningCurve:
        if isinstance(index, slice):
            return LearningCurve(self.name, self.points[index])
        return self.points[index].labels, self.points[index].value

    def __len__(self) -> int:
        return len(self.points)

    def __repr__(self) -> str:
        shown = ", ".join(f"{point.value:.3f} at {point.labels:,}" for point in self.points[-SHOWN:])
        more = "..., " if len(self) > SHOWN else ""
        if not shown:
            return "<LearningCurve: no points>"
        copied = self.points[-1].copied
        copies = f" and {counted(copied, 'copy', 'copies')}" if copied else ""
        return f"<LearningCurve: {self.name} {more}{shown} labels{copies}>"

    def _repr_html_(self) -> str:
        if not self.points:
            return notebook.line(f"There is no curve yet: {EMPTY}.")
        copies = any(point.copied for point in self.points)
        rows = [
            (
                f"{point.labels:,}",
                *([f"{point.copied:,}"] if copies else []),
                f"{point.value:.3f}",
                "" if point.share is None else f"{point.share.low:.3f} to {point.share.high:.3f}",
            )
            for point in self.points
        ]
        head = ("labels", *(["copies"] if copies else []), self.name, "95% interval")
        table = notebook.table(head, rows, most=len(rows))
        try:
            drawing = svg(
                lambda figure: draw_curve(figure.add_subplot(), self._line, height=SIZE[1]), SIZE, self.name
            )
        except UsageError:  # there is no matplotlib
            drawing = ""
        return f"{drawing}{table}"


def learning_curve(campaign: CampaignSession, history: Sequence[CycleRecord]) -> LearningCurve:
    """Return the main metric on the test images by labels, or else the accuracy on the control images.

    Args:
        campaign: whose curve it is.
        history: its trainings.
    """
    judged = [record for record in history if record.metrics]
    if not judged:
        found = [one for query in campaign.queries if (one := control_accuracy([query])) is not None]
        points = [CurvePoint(p.labels, p.accuracy.value, p.accuracy, p.copied) for p in control_curve(found)]
        return LearningCurve("control accuracy", points)
    metric = next(iter(judged[-1].metrics))
    shares = {p.cycle: p.accuracy for p in test_curve(campaign)} if metric == "accuracy" else {}
    points = [
        CurvePoint(record.labels, record.metrics[metric], shares.get(record.cycle), record.copied)
        for record in judged
        if metric in record.metrics
    ]
    return LearningCurve(f"test {metric_name(metric)}", points)
