"""Names of classes that look like labels of another kind."""

import pytest

from alkit.campaign.overview import Overview, add_other_kind
from alkit.labeling.class_names import twins
from alkit.labeling.other_kinds import looks_like
from alkit.plugin import registry

BOXES = '[{"x": 1, "y": 34, "width": 10, "height": 14, "class": "5"}]'


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (["owl", BOXES], "boxes"),
        (["0", "1", "2", "0;1", "0;2", "1;2"], "classes"),
        ([f"masks/{number}.png" for number in range(4)], "mask"),
        ([f"{number / 10}" for number in range(-20, 20)], "number"),
        ([str(number) for number in range(100)], ""),
        (["gull", "owl", "wren"], ""),
        (["1.5", "2.5", "3"], ""),
        (["fish; smoked", "fish; fresh", "meat; fresh", "milk"], ""),
        ([], ""),
    ],
)
def test_the_kind_is_seen_in_the_names(names: list[str], kind: str) -> None:
    assert looks_like(names) == kind


def test_the_task_for_a_kind_is_named() -> None:
    assert registry.tasks_for("boxes") == ["detection"]
    assert registry.tasks_for("number")[0] == "regression"
    overview = Overview()
    add_other_kind(overview, "boxes", BOXES * 9, registry.tasks_for("boxes"))
    assert overview.lines[0].endswith(
        "look like boxes; make the campaign with --task detection if that is meant"
    )
    assert len(overview.lines[0]) < 250


def test_a_number_and_its_negative_are_not_twins() -> None:
    assert twins(["-53.0", "53.0"]) == []
    assert len(twins(["t-shirt", "T Shirt"])) == 1
