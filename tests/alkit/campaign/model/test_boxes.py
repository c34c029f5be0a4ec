"""Predicted boxes, and detectors that work without alkit."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from alkit.campaign.campaign import Campaign
from alkit.campaign.create import create
from alkit.campaign.model.box_predictions import check_boxes
from alkit.campaign.model.predict import open_images, predict_to
from alkit.campaign.model.trained import usable_model
from alkit.data.rows.detections import read_detections
from alkit.data.rows.lines import read_lines
from alkit.errors import UnsupportedTask, UsageError
from alkit.training.portable_outputs import gap_between, own_meaning

from .exported import loaded

CLASSES = ("cat", "dog")


def made(root: Path, model: str = "tiny-fcos", size: tuple[int, int] = (24, 32)) -> Campaign:
    """Return a trained campaign of pictures of 64 x 48 and, the last one, 40 x 60 pixels."""
    (root / "photos").mkdir(parents=True)
    told = {}
    for number in range(4):
        rng = np.random.default_rng(number)
        pixels = rng.integers(90, 130, (60, 40) if number == 3 else (48, 64), dtype=np.uint8)
        x, y = 2 + 4 * number, 3 + 2 * number
        pixels[y : y + 16, x : x + 20] = 250 if number % 2 else 5
        Image.fromarray(pixels).save(root / "photos" / f"{number}.png")
        box = {"class": CLASSES[number % 2], "x": x, "y": y, "width": 20, "height": 16}
        told[f"{number}.png"] = json.dumps([box])
    campaign = create(
        root / "camp",
        str(root / "photos"),
        task="detection",
        task_options={"model": model, "epochs": 1, "precision": "float32"},
        classes=CLASSES,
        image_size=size,
        device="cpu",
        seed=1,
    )
    campaign.tell(told)
    return campaign


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("boxes")
    with made(root) as campaign:
        campaign.train()
    return root


def test_boxes_are_written_in_pixels_of_each_image(world: Path, tmp_path: Path) -> None:
    (world / "photos" / "broken.png").write_bytes(b"no image")
    with Campaign(world / "camp") as campaign:
        for suffix in (".csv", ".jsonl", ".json"):
            source = open_images(world / "photos")
            found = predict_to(campaign, source, tmp_path / f"found{suffix}", min_score=0.01)
        with pytest.raises(UsageError, match="each box has a score"):
            predict_to(campaign, source, tmp_path / "p.csv", probabilities=True)
        sure = campaign.predict(world / "photos", min_score=1)
    (world / "photos" / "broken.png").unlink()
    assert sure[0].label == "none" and sure[0].confidence is None
    assert [path for path, _ in found.unreadable] == ["broken.png"]
    lines = [json.loads(line) for line in (tmp_path / "found.jsonl").read_text().splitlines()]
    last = lines[3]
    assert (last["path"], last["width"], last["height"]) == ("3.png", 40, 60)
    assert last["boxes"] and last["confidence"] == max(box["score"] for box in last["boxes"])
    assert all(b["x"] >= 0 and b["x"] + b["width"] <= 40.001 for b in last["boxes"])
    assert max(b["y"] + b["height"] for b in last["boxes"]) > 48  # beyond the height of the others
    assert found.counts.total() == sum(len(line["boxes"] or ()) for line in lines)
    with open(tmp_path / "found.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert json.loads(rows[3]["boxes"]) == last["boxes"]
    assert rows[4]["error"] and not rows[4]["boxes"]
    whole = json.loads((tmp_path / "found.json").read_text())
    assert [image["file_name"] for image in whole["images"]] == [f"{number}.png" for number in range(4)]
    assert whole["categories"] == [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]
    own = [each for each in whole["annotations"] if each["image_id"] == 4]
    assert [each["bbox"] for each in own] == [
        [box[side] for side in ("x", "y", "width", "height")] for box in last["boxes"]
    ]
    assert len({each["id"] for each in whole["annotations"]}) == len(whole["annotations"])
    of_coco, of_lines = (
        read_detections(tmp_path / "found.json"),
        read_lines(tmp_path / "found.jsonl", "predictions"),
    )
    assert of_coco.names == of_lines.names
    np.testing.assert_allclose(of_coco.values, of_lines.values)


def test_only_boxes_are_results_of_coco() -> None:
    with pytest.raises(UsageError, match="only boxes are written as COCO's results"):
        check_boxes(Path("found.json"), kind="class", probabilities=False)


def test_the_code_of_a_detector_says_what_predict_says(world: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    photo = world / "photos" / "3.png"
    with Campaign(world / "camp") as campaign:
        campaign.export_model(folder)
        own = campaign.predict([photo], min_score=0.01)[0].boxes
    code = loaded(folder)
    found = code["predict"](Image.open(photo), *code["load"](folder), min_score=0.01)
    assert own and [box["class"] for box in found] == [box["class"] for box in own]
    for box, other in zip(found, own, strict=True):
        assert box["score"] == pytest.approx(other["score"], abs=1e-4)
        for side in ("x", "y", "width", "height"):
            assert box[side] == pytest.approx(other[side], abs=1e-3)  # alkit rounds to a thousandth
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "{{" not in card
    assert "| cat | 2 |" in card
    assert "torchvision" in card


@pytest.mark.slow
@pytest.mark.parametrize("model", ["tiny-fcos", "ssdlite", "retinanet", "fcos", "fasterrcnn"])
def test_every_detector_works_without_alkit(model: str, tmp_path: Path) -> None:
    size = (24, 32) if model == "tiny-fcos" else (64, 64)
    folder = tmp_path / "model"
    graphs = ["onnx", "torch-export"] if model in ("tiny-fcos", "ssdlite") else []  # the others take minutes
    with made(tmp_path, model, size) as campaign:
        if model == "fasterrcnn":
            with pytest.raises(UnsupportedTask, match="depends on what it finds; leave --format out"):
                campaign.export_model(folder, formats=["onnx"])
        if graphs:
            runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
        campaign.export_model(folder, formats=graphs)
        task = usable_model(campaign).task
        code = loaded(folder)
        network, config = code["load"](folder)
        pixels = torch.randint(0, 255, (3, 1, *size), dtype=torch.uint8)
        normal = code["normalized"](pixels, config)
        with torch.no_grad():
            own = own_meaning("boxes", task.forward(normal))
            assert own is not None
            assert gap_between("boxes", own, network(normal)) < 1e-4
        if graphs:
            program = torch.export.load(folder / "model.pt2").module()
            (found,) = runtime.InferenceSession(folder / "model.onnx").run(None, {"pixels": pixels.numpy()})
            assert gap_between("boxes", own, program(pixels).detach()) < 1e-4
            assert gap_between("boxes", own, torch.from_numpy(found)) < 1e-4
