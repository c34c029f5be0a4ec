"""Boxes as labels: what is read, refused, compared, scaled and drawn."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alkit.interfaces.labels import Boxes, ImageFacts

SIZE = ImageFacts(width=100, height=80)
LABELS = Boxes(classes=("cat", "dog"))


def box(
    name: str = "cat", x: float = 10, y: float = 20, width: float = 30, height: float = 40, **more: Any
) -> Any:
    """Return a box as it is kept."""
    return {"class": name, "x": x, "y": y, "width": width, "height": height, **more}


def parse(*boxes: Any, image: ImageFacts = SIZE) -> Any:
    """Read boxes from JSON."""
    return LABELS.parse(json.dumps(boxes), image)


def some_boxes() -> st.SearchStrategy[list[Any]]:
    """Return lists of boxes inside an image of 100 x 80 pixels."""
    side = st.floats(0.01, 40)
    optional = {"crowd": st.booleans(), "score": st.floats(0, 1)}
    fields = {"class": st.sampled_from(LABELS.classes), "x": side, "y": side, "width": side, "height": side}
    return st.lists(st.fixed_dictionaries(fields, optional=optional), max_size=4)


@given(some_boxes())
def test_boxes_are_read_back_whatever_their_order(boxes: list[Any]) -> None:
    value = parse(*boxes)
    assert LABELS.parse(LABELS.text(value), SIZE) == value == parse(*boxes[::-1])
    assert sorted(LABELS.names(value)) == sorted(found["class"] for found in boxes)
    assert LABELS.agreement(value, value) == 1
    back = LABELS.resized(LABELS.resized(value, (100, 80), (400, 160)), (400, 160), (100, 80))
    assert all(
        abs(a[side] - b[side]) < 0.01 for a, b in zip(value, back, strict=True) for side in ("x", "width")
    )


def test_no_object_is_an_answer() -> None:
    assert parse() == LABELS.parse("none", SIZE) == []
    assert (LABELS.text([]), LABELS.agreement([], []), LABELS.agreement([], [box()])) == ("none", 1, 0)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (box(width=0), "0 x 40 pixels, which is not a box"),
        (box(height=-3), "-3 pixels"),
        (box(width=float("nan")), "width of box 1 should be a finite number"),
        (box(x="12"), "x of box 1 should be a finite number"),
        (box(x=10**400), "x of box 1 should be a finite number"),
        (box(x=90), r"\('cat'\) reaches from 90 to 120, outside the image of 100 x 80"),
        (box(y=-2), "outside the image"),
        (box(x=100, width=0.5), "outside the image"),
        (box(score=1.2), "score of box 1"),
        (box(colour="red"), "should have class, x, y, width, height"),
        ({"class": "cat"}, "should have class, x, y, width, height"),
        (box(name=""), "class of box 1"),
        (7, "box 1"),
    ],
)
def test_what_is_no_box_in_the_image_is_refused(given: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse(given)


@pytest.mark.parametrize("text", ["cat", "{}", "[", "3"])
def test_what_is_no_list_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="JSON list of boxes"):
        LABELS.parse(text, SIZE)


def test_a_box_less_than_a_pixel_over_the_edge_is_cut_off() -> None:
    assert parse(box(x=-0.4, width=100.9)) == [box(x=0, width=100)]
    assert parse(box(x=70.00004)) == [box(x=70)]
    assert parse(box(x=900), image=ImageFacts()) == [box(x=900)]  # the size is unknown


def test_annotators_agree_by_matched_boxes() -> None:
    one, near, other = box(), box(x=12, y=22), box(x=60)
    assert LABELS.agreement([one], [near]) == 1
    assert LABELS.agreement([one], [box("dog")]) == 0
    assert LABELS.agreement([one, one], [near]) == pytest.approx(2 / 3)
    assert LABELS.agreement([one], [near, other]) == pytest.approx(2 / 3)
    assert LABELS.agreement([one], [near, other, box(x=59, crowd=True)]) == pytest.approx(2 / 3)
    assert LABELS.agreement([one, other], [near, box(x=59, width=40, crowd=True)]) == 1


def test_boxes_are_drawn_in_the_colors_of_their_classes() -> None:
    pixels = np.zeros((80, 100, 3), dtype=np.uint8)
    drawn = LABELS.draw([box(), box("dog", x=60, y=0, crowd=True)], pixels)
    assert drawn is not None and not pixels.any()
    assert drawn[20, 25].any() and drawn[40, 10].any() and not drawn[40, 25].any()
    assert (drawn[20, 10] != drawn[0, 60]).any()
    assert LABELS.draw([], pixels) is None


def test_an_oracle_declares_names_or_boxes() -> None:
    assert LABELS.declared(["owl", "none", json.dumps([box(), box("dog")])]) == ("owl", "cat", "dog")
