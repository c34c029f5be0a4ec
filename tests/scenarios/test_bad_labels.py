"""Bad labels of each kind: each line is refused in a sentence, and the good ones are kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alkit.campaign.create import create
from alkit.data.sources.manifest import Manifest
from alkit.interfaces.labels import ClassSet, written_labels
from alkit.labeling.given_answer import GivenAnswer


def drawn(**part: object) -> str:
    return json.dumps({"shapes": [{"class": "thing", **part}]})


NUMBERS = {
    "nan": "finite",
    "NaN": "finite",
    "1e999": "finite",
    "-inf": "finite",
    "11": "between 0 and 10",
    "ten": "a number",
}
SETS = {
    "rde": "did you mean 'red'",
    ";": "write 'none'",
    "red;?red": "both",
    '["red"': "a list of class names",
    "?cow": "names no class",
}
MASKS = {
    "size.png": "the mask has 12 x 10 pixels, but the image has 12 x 12",
    "colors.png": "shows colors",
    "number.png": "has the number 7",
    "void.png": "all pixels are void",
    "broken.png": "it is not an image",
    "nowhere.png": "there is no mask",
    drawn(polygon=[[0, 0, 50, 0, 50, 50]]): "outside the image",
    drawn(rle={"size": [10, 10], "counts": [100]}): "the image is 12 x 12",
}
GOOD = {"regression": "5", "multi-label": "none", "segmentation": "good.png"}
OPTIONS = {"regression": {"low": 0, "high": 10}, "multi-label": {}, "segmentation": {"model": "tiny-unet"}}


@pytest.mark.parametrize(
    ("task", "bad"), [("regression", NUMBERS), ("multi-label", SETS), ("segmentation", MASKS)]
)
def test_each_is_refused_in_a_sentence_and_the_good_one_kept(
    task: str, bad: Mapping[str, str], pictures: Path, tmp_path: Path
) -> None:
    right = np.zeros((12, 12), dtype=np.uint8)
    wrong = right.copy()
    wrong[3, 4] = 7
    colors = np.zeros((12, 12, 3), dtype=np.uint8)
    colors[:, :, 0] = 200
    painted = {"good": right, "size": right[:10], "number": wrong, "colors": colors, "void": right + 255}
    for name, pixels in painted.items():
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    (tmp_path / "broken.png").write_bytes(b"no image")
    labels = [str(tmp_path / text) if text.endswith(".png") else text for text in (*bad, GOOD[task])]
    answers = [GivenAnswer(line, f"red/{line:02d}.png", label) for line, label in enumerate(labels)]
    classes = () if task == "regression" else ("red", "thing")
    with create(
        tmp_path / "camp", str(pictures), task=task, task_options=OPTIONS[task], classes=classes
    ) as campaign:
        report = campaign.tell(answers)
    found = {rejection.line: rejection.reason for rejection in report.rejected}
    assert report.accepted == 1
    assert report.blank == 0
    assert sorted(found) == list(range(len(bad)))
    for line, reason in enumerate(bad.values()):
        assert reason in found[line]
        assert "shapes" not in found[line]
        assert found[line].count(str(tmp_path)) <= 1


def test_no_class_at_all_is_an_answer_also_in_a_manifest(pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "pool.csv").write_text("image,label\na.png,cat;dog\nb.png,none\nc.png,nan\n")
    manifest = Manifest(tmp_path / "pool.csv")
    assert set(manifest.answers()) == {"a.png"}
    assert written_labels(manifest, ClassSet(classes=("cat", "dog"))) == {"a.png": "cat;dog", "b.png": "none"}
