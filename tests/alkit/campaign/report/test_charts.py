"""What the report draws."""

from __future__ import annotations

import numpy as np
import pytest

from alkit.campaign.report.charts import classes, plane
from alkit.campaign.report.embedding_map import Places
from alkit.campaign.report.outcomes import ClassCount
from alkit.reporting.figures import MANY_POINTS, svg


@pytest.mark.parametrize("rest", [1, 4, 17, 300])
def test_the_axis_of_shares_says_where_its_ticks_are(rest: int) -> None:
    figures = pytest.importorskip("matplotlib.figure")
    shown = [ClassCount("red", 3, 3, 2), ClassCount("blue", 2, 1, 2)]
    figure = figures.Figure()
    classes([*shown, ClassCount("grey", rest, rest, rest)], shown, 5 + rest)(figure)
    figure.canvas.draw()
    axis = figure.axes[0].xaxis
    told = [float(label.get_text().rstrip("%")) / 100 for label in axis.get_ticklabels()]
    assert told == pytest.approx(axis.get_ticklocs().tolist())


def test_many_points_become_an_image() -> None:
    cloud = np.random.default_rng(0).random((MANY_POINTS + 1, 2))
    few, many = (
        svg(plane(Places("pca", {"unlabeled": cloud[:count]}, 0)), (3, 3), "map")
        for count in (MANY_POINTS, MANY_POINTS + 1)
    )
    assert few.count("<use") > MANY_POINTS and "<image" not in few
    assert "<image" in many and len(many) < len(few)
