"""Kinds of labels: what is read, what is refused, what is counted."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alkit.errors import CampaignError
from alkit.interfaces.labels import ClassLabel, ClassSet, ImageFacts, Mask, Number

ANY = ImageFacts()
SIZE = ImageFacts(width=4, height=3)


def save(path: Path, rows: object, mode: str = "L") -> str:
    """Write an image, and return its path as text."""
    Image.fromarray(np.array(rows, dtype=np.uint8), mode=mode).save(path)
    return str(path)


def test_a_class_is_its_name() -> None:
    labels = ClassLabel(classes=("cat",))
    assert labels.parse("cat", ANY) == labels.text("cat") == "cat"
    assert (labels.names("cat"), labels.agreement("cat", "dog")) == (("cat",), 0)


@pytest.mark.parametrize("value", [[], ["cat"], ["cat", "dog"], ["a;b", "cat"], ["none"], [" x", "y"]])
def test_a_set_of_classes_is_read_back(value: list[str]) -> None:
    labels = ClassSet(classes=("cat", "dog"))
    assert labels.parse(labels.text(value), ANY) == value
    assert labels.names(value) == tuple(value)


def test_a_set_has_no_order() -> None:
    labels = ClassSet(classes=("cat", "dog"))
    assert labels.parse("dog; cat;dog", ANY) == labels.parse('["cat", "dog"]', ANY) == ["cat", "dog"]
    assert labels.agreement(["cat", "dog"], ["cat"]) == pytest.approx(2 / 3)
    assert labels.agreement([], []) == 1


@pytest.mark.parametrize("text", [";", "[1]", "[", '["cat", null]', '[""]'])
def test_what_is_no_set_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="class"):
        ClassSet(classes=("cat",)).parse(text, ANY)


@pytest.mark.parametrize("value", [0.1, -3.0, 1e-17])
def test_a_number_is_read_back(value: float) -> None:
    assert Number().parse(Number().text(value), ANY) == value
    three = Number(count=3, tolerance=0.5)
    assert three.parse(three.text([value, 1.0, 2.0]), ANY) == [value, 1.0, 2.0]
    assert three.agreement([0.0, 1.0, 2.0], [0.5, 1.0, 1.6]) == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [("inf", "finite"), ("-inf", "finite"), ("nan", "finite"), ("x", "a number"), ("2", "between 0 and 1")],
)
def test_what_is_no_number_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Number(low=0, high=1).parse(text, ANY)


def test_too_few_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="3 numbers"):
        Number(count=3).parse("1;2", ANY)


def test_a_mask_becomes_a_file_named_by_its_content(tmp_path: Path) -> None:
    labels = Mask(classes=("sky", "road"), folder=tmp_path, void=11)
    rows = [[0, 0, 1, 1], [0, 1, 1, 1], [11, 11, 11, 11]]
    text = save(tmp_path / "a.png", rows)
    value = labels.parse(text, SIZE)
    assert labels.names(value) == ("sky", "road")
    assert not (tmp_path / value).exists()  # nothing is written before it is recorded
    labels.keep([value])
    again = Mask(classes=("sky", "road"), folder=tmp_path, void=11)
    assert again.parse(again.text(value), SIZE) == value
    assert again.names(value) == ("sky", "road")
    assert again.pixels(value).tolist() == [[255 if n == 11 else n for n in row] for row in rows]
    assert again.pixels(value, (3, 2)).shape == (3, 2)


def test_the_numbers_of_a_palette_and_of_grey_are_the_same(tmp_path: Path) -> None:
    labels = Mask(classes=("sky", "road"), folder=tmp_path)
    rows = [[0, 1, 1, 0]] * 3
    image = Image.fromarray(np.array(rows, dtype=np.uint8), mode="P")
    image.putpalette([200, 10, 10, 10, 200, 10])
    image.save(tmp_path / "palette.png")
    values = {
        labels.parse("palette.png", ImageFacts(folders=(tmp_path,))),
        labels.parse(save(tmp_path / "grey.png", rows), ANY),
        labels.parse(save(tmp_path / "rgb.png", np.array(rows)[..., None].repeat(3, axis=2), "RGB"), ANY),
    }
    assert len(values) == 1


def test_renamed_merged_and_retired_classes_change_no_file(tmp_path: Path) -> None:
    first = Mask(classes=("sky", "road", "car"), folder=tmp_path)
    value = first.parse(save(tmp_path / "a.png", [[0, 1, 2, 2]] * 3), ANY)
    first.keep([value])
    later = Mask(classes=("heaven", "car"), slots=("heaven", "car", "car"), folder=tmp_path)
    assert set(later.names(value)) == {"heaven", "car"}
    assert set(Mask(slots=(None, "road", "car"), folder=tmp_path).names(value)) == {"road", "car"}


@pytest.mark.parametrize(
    ("rows", "mode", "reason"),
    [
        ([[0, 1]] * 3, "L", "2 x 3 pixels, but the image has 4 x 3"),
        ([[0, 1, 47, 0]] * 3, "L", r"x=2, y=0 has the number 47.*0 to 1 \(sky, road\).*255 means void"),
        ([[[9, 8, 7]] * 4] * 3, "RGB", "colors"),
        ([[255] * 4] * 3, "L", r"all pixels are void \(255\)"),
    ],
)
def test_a_mask_that_does_not_fit_is_refused(tmp_path: Path, rows: object, mode: str, reason: str) -> None:
    labels = Mask(classes=("sky", "road"), folder=tmp_path)
    with pytest.raises(ValueError, match=reason):
        labels.parse(save(tmp_path / "a.png", rows, mode), SIZE)


def test_what_is_no_mask_is_refused(tmp_path: Path) -> None:
    labels = Mask(classes=("sky", "road"), folder=tmp_path)
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    Image.new("L", (4, 3)).save(tmp_path / "a.jpg")
    for text, reason in (
        ("missing.png", "there is no mask of this name"),
        ("broken.png", "cannot be used"),
        ("a.jpg", "JPEG"),
        ("\0", "zero bytes"),
        (str(tmp_path), "there is no mask"),
        ("masks/" + "0" * 64 + ".png", "there is no mask"),
    ):
        with pytest.raises(ValueError, match=reason):
            labels.parse(text, ImageFacts(folders=(tmp_path,), width=4, height=3))


def test_polygons_and_run_lengths_are_drawn(tmp_path: Path) -> None:
    labels = Mask(classes=("sky", "road"), folder=tmp_path)
    runs = {"size": [3, 4], "counts": [0, 3, 9]}  # the first column
    square = [[2, 0, 4, 0, 4, 3, 2, 3]]  # from corner to corner of pixels
    text = json.dumps({"shapes": [{"class": "road", "rle": runs}, {"class": "sky", "polygon": square}]})
    assert labels.pixels(labels.parse(text, SIZE)).tolist() == [[1, 255, 0, 0]] * 3
    packed = {"size": [3, 4], "counts": "039"}
    text = json.dumps({"shapes": [{"class": "road", "rle": packed}]})
    assert labels.pixels(labels.parse(text, SIZE)).tolist() == [[1, 255, 255, 255]] * 3
    grounded = Mask(classes=("background", "road"), folder=tmp_path)
    assert grounded.pixels(grounded.parse(text, SIZE)).tolist() == [[1, 0, 0, 0]] * 3


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        ({"class": "road", "polygon": [[0, 0, 9, 0, 9, 2]]}, r"\(9, 0\) outside the image of 4 x 3"),
        ({"class": "road", "polygon": [[0, 0, 1, 1]]}, "at least three points"),
        ({"class": "road", "polygon": [[0, 0, math.nan, 0, 1, 2]]}, "infinite or not a number"),
        (
            {"class": "road", "rle": {"size": [4, 3], "counts": [12]}},
            "for 3 x 4 pixels, but the image is 4 x 3",
        ),
        ({"class": "road", "rle": {"size": [3, 4], "counts": [5]}}, "cover 5 of 12"),
        ({"class": "road", "rle": {"size": [3, 4], "counts": "P"}}, "middle of a number"),
        ({"class": "rode", "polygon": []}, "there is no class 'rode'; the classes are sky, road"),
        ({"class": "road"}, "neither polygon nor rle"),
        (7, "should have shapes"),
    ],
)
def test_a_shape_that_does_not_fit_is_refused(tmp_path: Path, shape: object, reason: str) -> None:
    labels = Mask(classes=("sky", "road"), folder=tmp_path)
    with pytest.raises(ValueError, match=reason):
        labels.parse(json.dumps({"shapes": [shape]}), SIZE)


@pytest.mark.parametrize("size", [[10**6, 10**6], [4], [float("inf"), 4], [4, 4, 4]])
def test_the_size_that_a_mask_says_is_checked_before_it_is_drawn(tmp_path: Path, size: list[float]) -> None:
    labels = Mask(classes=("road", "background"), folder=tmp_path)
    with pytest.raises(ValueError, match=r"pixels|should have shapes"):
        labels.parse(json.dumps({"size": size, "shapes": []}), ImageFacts())


def test_masks_agree_by_their_mean_intersection_over_union(tmp_path: Path) -> None:
    labels = Mask(classes=("sky", "road"), folder=tmp_path)
    one = labels.parse(save(tmp_path / "a.png", [[0, 0, 1, 1]]), ANY)
    other = labels.parse(save(tmp_path / "b.png", [[0, 1, 1, 255]]), ANY)
    assert labels.agreement(one, one) == 1
    assert labels.agreement(one, other) == pytest.approx((1 / 2 + 1 / 2) / 2)


def test_a_mask_tints_the_image_and_void_leaves_it(tmp_path: Path) -> None:
    labels = Mask(classes=("sky", "road"), folder=tmp_path)
    value = labels.parse(save(tmp_path / "a.png", [[0, 255]]), ANY)
    pixels = np.full((2, 4, 3), 100, dtype=np.uint8)
    drawn = labels.draw(value, pixels)
    assert drawn is not None
    assert (drawn[:, 2:] == 100).all()
    assert (drawn[:, :2] != 100).any()


def test_a_lost_mask_is_a_sentence(tmp_path: Path) -> None:
    labels = Mask(classes=("sky", "road"), folder=tmp_path)
    with pytest.raises(CampaignError, match="restore it from a backup"):
        labels.pixels("masks/" + "0" * 64 + ".png")


def test_without_classes_numbers_are_their_names(tmp_path: Path) -> None:
    labels = Mask(folder=tmp_path)
    value = labels.parse(save(tmp_path / "a.png", [[0, 3]]), ANY)
    assert labels.new_classes(labels.names(value)) == ["0", "1", "2", "3"]


def test_what_is_unknown_of_a_set() -> None:
    labels = ClassSet(classes=("cat", "dog"))
    assert labels.parse("cat;?dog", ANY) == ["?dog", "cat"]
    assert labels.parse(labels.text(["?", "cat"]), ANY) == ["?", "cat"]
    assert labels.names(["?dog", "cat"]) == ("cat",)
    assert labels.agreement(["?", "cat"], ["cat", "dog"]) == 1
    with pytest.raises(ValueError, match="'\\?cow' names no class"):
        labels.parse("cat;?cow", ANY)
    with pytest.raises(ValueError, match="both that 'cat' applies"):
        labels.parse("cat;?cat", ANY)
