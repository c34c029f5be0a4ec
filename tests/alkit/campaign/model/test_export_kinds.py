"""Exported models of sets of classes, numbers and masks say the same as `alkit predict`, without alkit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from alkit.campaign.campaign import Campaign
from alkit.campaign.create import create
from alkit.campaign.model.predict import open_images, predict_to
from alkit.campaign.model.trained import usable_model
from alkit.training.portable_outputs import own_meaning

from .exported import loaded

MEANS = f"file:{Path(__file__).parents[3] / 'plugins' / 'encoders' / 'means.py'}:make"
OPTIONS: dict[str, dict[str, Any]] = {
    "multi-label": {"model": "tiny-cnn", "epochs": 1, "precision": "float32"},
    "regression": {"model": "tiny-cnn", "epochs": 1, "precision": "float32", "heteroscedastic": True},
    "segmentation": {"model": "tiny-unet", "epochs": 1, "precision": "float32"},
    "encoded-multi-label": {"encoder": MEANS},
    "encoded-regression": {"encoder": MEANS, "numbers": 2},
}
LABELS = {
    "multi-label": ("red;blue", "none", "red"),
    "regression": ("120.5", "80", "3e3"),
    "encoded-regression": ("120.5;1", "80;2", "3e3;3"),
}


def trained(task: str, directory: Path, pictures: Path) -> Campaign:
    """Return a campaign with a dozen labels of the task."""
    dense = task == "segmentation"
    classes = () if "regression" in task else ("red", "blue")
    campaign = create(
        directory, str(pictures), task=task, task_options=OPTIONS[task], classes=classes, seed=1
    )
    keys = [f"{color}/{number:02d}.png" for color in ("red", "blue", "green") for number in range(4)]
    if dense:
        numbers = np.zeros((12, 12), dtype=np.uint8)
        numbers[:6] = 1
        Image.fromarray(numbers).save(directory / "mask.png")
        campaign.tell(dict.fromkeys(keys, "mask.png"))
        return campaign
    texts = LABELS[task.removeprefix("encoded-")] if task != "encoded-regression" else LABELS[task]
    campaign.tell({key: texts[number % 3] for number, key in enumerate(keys)})
    return campaign


@pytest.mark.parametrize("task", OPTIONS)
def test_the_code_says_what_predict_says(task: str, tmp_path: Path, pictures: Path) -> None:
    folder = tmp_path / "model"
    photo = pictures / "green" / "05.png"
    with trained(task, tmp_path / "camp", pictures) as campaign:
        campaign.export_model(folder)
        model = usable_model(campaign, kinds=("class", "classes", "number", "mask"))
        if task == "segmentation":
            own = None
            predict_to(campaign, open_images([photo]), tmp_path / "masks.csv")
        else:
            own = campaign.predict([photo], probabilities=model.kind != "number")
    code = loaded(folder)
    network, config = code["load"](folder)
    found = code["predict"](Image.open(photo), network, config)
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "{{" not in card
    assert "accuracy" not in card
    if own is None:
        (mask,) = (tmp_path / "masks-masks").rglob("*.png")
        assert np.array_equal(np.array(found), np.array(Image.open(mask)))
        listed = (tmp_path / "masks.csv").read_text().splitlines()[1].split(",")[1]
        assert tmp_path / listed == mask
        assert "| red | 12 |" in card
    elif model.kind == "classes":
        assert found == pytest.approx(own[0].probabilities, abs=1e-4)
        assert json.loads((folder / "labels.json").read_text())["by_class"] == {"red": 8, "blue": 4}
    else:
        numbers = [float(part) for part in str(own[0].label).split(";")]
        assert found[: len(numbers)] == pytest.approx(numbers, rel=1e-4)
        if own[0].confidence is not None:
            assert found[1] == pytest.approx(own[0].confidence, rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("task", OPTIONS)
def test_graphs_say_what_the_task_says(task: str, tmp_path: Path, pictures: Path) -> None:
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    pytest.importorskip("onnxscript", reason="onnxscript is not installed")
    folder = tmp_path / "model"
    with trained(task, tmp_path / "camp", pictures) as campaign:
        campaign.export_model(folder, formats=["onnx", "torch-export"])
        model = usable_model(campaign, kinds=("class", "classes", "number", "mask"))
        steps = model.preprocessing
        pixels = torch.randint(0, 255, (3, *steps.shape), dtype=torch.uint8)
        mean, std = (torch.tensor(values).view(1, -1, 1, 1) for values in (steps.mean, steps.std))
        with torch.no_grad():
            wanted = own_meaning(model.kind, model.task.forward((pixels / 255 - mean) / std))
    assert wanted is not None
    scale = max(1.0, float(wanted.abs().max()))
    program = torch.export.load(folder / "model.pt2").module()
    (found,) = runtime.InferenceSession(folder / "model.onnx").run(None, {"pixels": pixels.numpy()})
    with torch.no_grad():
        torch.testing.assert_close(program(pixels) / scale, wanted / scale, atol=1e-4, rtol=0)
    np.testing.assert_allclose(found / scale, wanted / scale, atol=1e-4, rtol=0)
