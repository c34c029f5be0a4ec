"""What labels cost people, training by training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from alkit.campaign.analysis.effort import efforts
from alkit.campaign.campaign import Campaign
from alkit.campaign.create import create
from alkit.campaign.record.events import Trained
from alkit.campaign.report.findings import gather_findings
from alkit.campaign.report.human_cost import human_cost
from alkit.interfaces.labels import Boxes, ClassLabel, ClassSet, Mask
from alkit.labeling.given_answer import GivenAnswer
from alkit.reporting.document import Table, Text

TWO = (
    '[{"class": "cat", "x": 1, "y": 1, "width": 5, "height": 5}, '
    '{"class": "dog", "x": 2, "y": 2, "width": 5, "height": 5}]'
)


def answers(*given: tuple[str, str, float | None]) -> list[GivenAnswer]:
    """Return answers from image, label and cost."""
    return [GivenAnswer(0, image, label, "ada", cost=cost) for image, label, cost in given]


@pytest.fixture
def campaign(pictures: Path, tmp_path: Path) -> Any:
    """Two trainings: after three answers, and after a correction and a skipped image."""
    with create(
        tmp_path / "camp", str(pictures), task="detection", classes=("cat", "dog"), device="cpu"
    ) as made:
        made.tell(answers(("red/00.png", TWO, 20.0), ("red/01.png", "none", 3.0)))
        made.record(trained(0, 2, 0.1))
        made.tell(
            answers(("red/01.png", TWO, 30.0), ("red/02.png", "abstain", 2.0), ("red/03.png", TWO, None))
        )
        made.record(trained(1, 3, 0.2))
        yield made


def trained(cycle: int, labels: int, value: float) -> Trained:
    """Return the record of a training that nobody did."""
    return Trained(cycle=cycle, labels=labels, metrics={"map": value}, fingerprint=str(cycle))


def test_all_answers_cost_and_the_latest_label_counts(campaign: Campaign) -> None:
    first, second = efforts(campaign)
    assert (first.labels, dict(first.spent), first.costed) == (2, {"cost": 23.0, "boxes": 2}, 1.0)
    assert (second.labels, dict(second.spent), second.costed) == (3, {"cost": 55.0, "boxes": 6}, 0.8)
    assert second.metrics == {"map": 0.2}


def test_the_report_shows_learning_against_cost(campaign: Campaign) -> None:
    found = gather_findings(campaign)
    blocks = human_cost(found)
    (table,) = (block for block in blocks if isinstance(block, Table))
    assert list(table.head) == [
        "labels",
        "cost",
        "cost per new label",
        "boxes",
        "boxes per new label",
        "test mAP",
    ]
    assert [list(row) for row in table.rows] == [
        ["2", "23", "11.5", "2", "1.00", "0.1000"],
        ["3", "55", "32.0", "6", "4.00", "0.2000"],
    ]
    (text,) = (block for block in blocks if isinstance(block, Text))
    assert "Only 80% of the answers have one" in str(text)
    assert [one["cycle"] for one in found.as_dict()["efforts"]] == [0, 1]


def test_effort_is_what_differs_between_images() -> None:
    assert Boxes().effort([]) == {"boxes": 0}
    assert ClassSet().effort(["cat", "?dog"]) == {"clicks": 2}
    assert ClassLabel(classes=("cat",)).effort("cat") == {}


def test_a_mask_takes_its_outlines(tmp_path: Path) -> None:
    import numpy as np

    numbers = np.zeros((4, 6), dtype=np.uint8)
    numbers[1:3, 2:4], numbers[0, 0] = 1, 255
    labels = Mask(classes=("a", "b"), folder=tmp_path)
    value = labels.of_numbers(numbers)
    assert labels.effort(value) == {"outlines": 8 + 2, "pixels": 23}
