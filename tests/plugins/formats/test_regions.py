"""Masks and boxes as tools write them: what is read, and what is refused with the reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alkit import options
from alkit.interfaces import Boxes, ImageFacts, Mask, Reply
from alkit.interfaces.labels import Labels
from alkit.labeling import outlines
from alkit.labeling.polygons import cover, points_of
from alkit.plugin import registry
from alkit_plugins.formats.label_studio.brush import decode_brush, encode_brush

SIZE = ImageFacts(width=8, height=6)
BRUSH = bytes.fromhex("000000c0391bfe23009fff0b804fff9cc000")
"""By Label Studio's own converter: 2 x 2 pixels at x = 1, y = 1 of an image of 8 x 6."""


def said(name: str, kind: str, path: Path, **given: Any) -> Reply:
    made = options.build(registry.formats.get(name), given)
    made.carry(kind)
    return made.read(path)


def tasks(path: Path, *results: dict[str, Any]) -> Path:
    common = {"original_width": 8, "original_height": 6, "image_rotation": 0}
    annotation = {"result": [common | result for result in results], "completed_by": 1}
    data = {"alkit_index": 3, "alkit_hash": "ab" * 32, "image": "x"}
    path.write_text(json.dumps([{"id": 1, "data": data, "annotations": [annotation]}]))
    return path


def polygon(*points: list[float], **more: Any) -> dict[str, Any]:
    return {"type": "polygonlabels", "value": {"points": points, "polygonlabels": ["cat"]}, **more}


def rectangle(rotation: float = 0.0) -> dict[str, Any]:
    sides = {"x": 25, "y": 50, "width": 12.5, "height": 25, "rotation": rotation}
    return {"type": "rectanglelabels", "value": {**sides, "rectanglelabels": ["cat"]}}


def cvat(path: Path, content: str) -> Path:
    path.write_text(
        f'<annotations><image id="0" name="a.png" width="8" height="6">{content}</image></annotations>'
    )
    return path


def coco(path: Path, **annotation: Any) -> Path:
    content = {
        "images": [{"id": 1, "file_name": "a.png", "width": 8, "height": 6}],
        "categories": [{"id": 5, "name": "cat"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 5, **annotation}] if annotation else [],
    }
    path.write_text(json.dumps(content))
    return path


def test_percent_of_label_studio_are_pixels(tmp_path: Path) -> None:
    square = polygon([25, 50], [50, 50], [50, 100], [25, 100])
    reply = said("label-studio", "mask", tasks(tmp_path / "a.json", square))
    labels = Mask(classes=("cat",))
    mask = labels.pixels(labels.parse(reply.answers[0].label, SIZE))
    assert np.argwhere(mask == 0).tolist() == [[y, x] for y in (3, 4, 5) for x in (2, 3)]
    reply = said("label-studio", "boxes", tasks(tmp_path / "b.json", rectangle()))
    expected = {"class": "cat", "x": 2, "y": 3, "width": 1, "height": 1.5}
    assert Boxes(classes=("cat",)).parse(reply.answers[0].label, SIZE) == [expected]


@pytest.mark.parametrize(
    ("kind", "result", "reason"),
    [
        ("boxes", rectangle(30.0), "rotated by 30 degrees"),
        ("boxes", polygon([0, 0], [9, 0], [9, 9]), "type 'polygonlabels'; alkit reads rectangles"),
        ("mask", polygon([0, 0], [9, 0], [9, 9], image_rotation=90), "image that was rotated by 90"),
        ("mask", {"type": "ellipselabels", "value": {"x": 1, "ellipselabels": ["cat"]}}, "'ellipselabels'"),
        (
            "mask",
            {"type": "brushlabels", "value": {"rle": [1], "brushlabels": []}},
            "should have one",
        ),
        (
            "mask",
            {"type": "brushlabels", "value": {"rle": [1] * 9, "brushlabels": ["cat"]}},
            "has 48",
        ),
        ("number", rectangle(), "without a number"),
        ("number", {"value": {"number": 10**400}}, "without a number"),
        (
            "boxes",
            {"type": "rectanglelabels", "value": {"x": 10**400, "rectanglelabels": ["cat"]}},
            "without numbers for x",
        ),
    ],
)
def test_what_label_studio_draws_that_has_no_place_is_refused(
    tmp_path: Path, kind: str, result: dict[str, Any], reason: str
) -> None:
    reply = said("label-studio", kind, tasks(tmp_path / "a.json", result))
    assert reply.answers == []
    with pytest.raises(ValueError, match=reason):
        raise ValueError(reply.rejected[0].reason)


@pytest.mark.parametrize(
    ("kind", "content", "reason"),
    [
        ("mask", '<ellipse label="cat" cx="1" cy="1"/>', "'a.png' has a ellipse of 'cat'"),
        (
            "mask",
            '<mask label="cat" rle="3, 2" left="0" top="0" width="2" height="2"/>',
            "not cover 2 x 2",
        ),
        ("mask", '<mask label="cat" rle="0, 4" left="7" top="0" width="2" height="2"/>', "outside the image"),
        ("boxes", '<polygon label="cat" points="0,0;1,0;1,1"/>', "'a.png' has a polygon of 'cat'"),
        (
            "boxes",
            '<box label="cat" xtl="0" ytl="0" xbr="1" ybr="1" rotation="45"/>',
            "rotated by 45 degrees",
        ),
        ("boxes", '<box label="cat" xtl="0" ytl="0"/>', "without numbers"),
    ],
)
def test_what_cvat_draws_that_has_no_place_is_refused(
    tmp_path: Path, kind: str, content: str, reason: str
) -> None:
    reply = said("cvat", kind, cvat(tmp_path / "a.xml", content))
    assert reply.answers == []
    assert reason in reply.rejected[0].reason


def test_the_later_shape_of_cvat_lies_above_by_its_z_order(tmp_path: Path) -> None:
    above = '<mask label="cat" rle="0, 2" left="1" top="0" width="2" height="1" z_order="2"/>'
    below = '<box label="dog" xtl="0" ytl="0" xbr="4" ybr="1" z_order="1"/>'
    labels = Mask(classes=("cat", "dog"))
    reply = said("cvat", "mask", cvat(tmp_path / "a.xml", above + below))
    mask = labels.pixels(labels.parse(reply.answers[0].label, SIZE))
    assert mask[0].tolist() == [1, 0, 0, 1, 255, 255, 255, 255]


def test_an_image_without_annotations_is_unanswered_unless_one_says_otherwise(tmp_path: Path) -> None:
    for name, path in (("coco", coco(tmp_path / "a.json")), ("cvat", cvat(tmp_path / "a.xml", ""))):
        assert said(name, "boxes", path).blank == 1
        reply = said(name, "boxes", path, empty="nothing")
        assert [answer.label for answer in reply.answers] == ["none"]


def test_a_crowd_of_coco_is_a_crowd(tmp_path: Path) -> None:
    reply = said("coco", "boxes", coco(tmp_path / "a.json", bbox=[1, 2, 3, 4], iscrowd=1))
    (box,) = Boxes(classes=("cat",)).parse(reply.answers[0].label, SIZE)
    assert box["crowd"] is True
    reply = said("coco", "boxes", coco(tmp_path / "b.json", segmentation=[[0, 0, 1, 0, 1, 1]]))
    assert "without bbox" in reply.rejected[0].reason


@pytest.mark.parametrize(
    ("kind", "line", "reason"),
    [
        ("boxes", "0 0.1 0.1 0.2 0.1 0.2 0.2 0.1 0.2", "a polygon or a rotated box"),
        ("boxes", "7 0.5 0.5 0.1 0.1", "the class 7, which has no name"),
        ("mask", "0 0.1 nan 0.2", "not finite"),
        ("mask", "cat 1", "something other than numbers"),
    ],
)
def test_a_line_of_yolo_that_does_not_fit_is_refused(
    tmp_path: Path, kind: str, line: str, reason: str
) -> None:
    (tmp_path / "labels").mkdir()
    (tmp_path / "classes.txt").write_text("cat\n")
    (tmp_path / "labels" / "a.txt").write_text(line)
    reply = said("yolo", kind, tmp_path)
    assert reply.answers == []
    assert reason in reply.rejected[0].reason


def test_the_objects_of_voc_are_boxes(tmp_path: Path) -> None:
    sides = "<xmin>1</xmin><ymin>2.5</ymin><xmax>4</xmax><ymax>6</ymax>"
    part = "<part><name>head</name><bndbox><xmin>1</xmin></bndbox></part>"
    path = tmp_path / "Annotations" / "a.xml"
    path.parent.mkdir()
    path.write_text(
        f"<annotation><filename>a.jpg</filename><object><name>cat</name><bndbox>{sides}</bndbox>{part}</object>"
        "</annotation>"
    )
    (answer,) = said("voc", "boxes", tmp_path).answers
    assert answer.image == "a.jpg"
    expected = {"class": "cat", "x": 1, "y": 2.5, "width": 3, "height": 3.5}
    assert Boxes(classes=("cat",)).parse(answer.label, SIZE) == [expected]
    path.write_text("<annotation><object><name>cat</name><robndbox/></object></annotation>")
    assert "alkit's boxes are upright" in said("voc", "boxes", tmp_path).rejected[0].reason


def test_outlines_cover_the_pixels_that_they_surround() -> None:
    rng = np.random.default_rng(0)
    for share in (0.1, 0.5, 0.9):
        covered = rng.random((13, 9)) < share
        canvas = np.zeros_like(covered)
        for outline in outlines(covered):
            cover(points_of(outline), canvas)
        assert (canvas == covered).all()


def test_a_brush_is_read_as_it_was_written() -> None:
    covered = np.zeros((6, 8), dtype=bool)
    covered[1:3, 1:3] = True
    for content in (encode_brush(covered), [*BRUSH]):
        assert (decode_brush(content, (6, 8)) == covered).all()
    with pytest.raises(ValueError, match="too early"):
        decode_brush(encode_brush(covered)[:-3], (6, 8))


def test_every_kind_has_its_labeling_configuration(tmp_path: Path) -> None:
    from alkit.testing.formats import FormatSubject

    expected = {
        "classes": 'choice="multiple"',
        "number": "<Number ",
        "mask": "<BrushLabels ",
        "boxes": "<RectangleLabels ",
    }
    for kind, tag in expected.items():
        subject = FormatSubject("label-studio", {}, tmp_path / kind, kind)
        made: Any = subject.new()
        _, configuration = made.write(subject.export(), tmp_path / f"{kind}.json")
        assert tag in configuration.read_text()
        assert isinstance(subject.labels, Labels)
