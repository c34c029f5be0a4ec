"""An exported model: a folder that works without alkit and says where it comes from."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from alkit.campaign.campaign import Campaign
from alkit.campaign.create import create
from alkit.campaign.model.predictions import Predictions
from alkit.campaign.model.trained import usable_model
from alkit.errors import BrokenPlugin, TrainingError, UnsupportedTask, UsageError
from alkit.interfaces.task import TaskModel
from alkit.training import PortableNetwork

COLORS = ("blue", "green", "red")


def card_blocks(folder: Path) -> list[str]:
    text = (folder / "README.md").read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def without_alkit(code: str, folder: Path, images: list[Path]) -> list[tuple[str, float]]:
    """Run code for each image in a process where importing alkit fails; return what it prints."""
    driver = (
        "import sys\n"
        "sys.modules['alkit'] = sys.modules['alkit_plugins'] = None\n"
        "code, *images = sys.argv[1:]\n"
        "for image in images:\n"
        "    sys.argv = ['', image]\n"
        "    exec(code, {})\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", driver, code, *map(str, images)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert ended.returncode == 0, ended.stderr
    printed = [line.split() for line in ended.stdout.splitlines()]
    return [(label, float(probability)) for label, probability in printed]


def agree(found: list[tuple[str, float]], own: Predictions) -> None:
    assert [label for label, _ in found] == [image.label for image in own]
    wanted = [image.confidence for image in own]
    assert [probability for _, probability in found] == pytest.approx(wanted, abs=1e-4)


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """Images as people have them: transparent, grey, turned by EXIF, a palette, a large JPEG."""
    rng = np.random.default_rng(4)
    pixels = rng.integers(0, 255, (90, 120, 3), dtype=np.uint8)
    made = {
        "plain.png": Image.fromarray(pixels),
        "grey.png": Image.fromarray(pixels[:, :, 0]),
        "clear.png": Image.fromarray(np.dstack([pixels, pixels[:, :, 1]])),
        "palette.gif": Image.fromarray(pixels).quantize(16),
        "large.jpg": Image.fromarray(np.kron(pixels, np.ones((8, 8, 1), np.uint8))),
    }
    for name, image in made.items():
        image.save(tmp_path / name)
    exif = Image.Exif()
    exif[0x0112] = 6
    made["plain.png"].save(tmp_path / "turned.jpg", exif=exif)
    return [*(tmp_path / name for name in made), tmp_path / "turned.jpg"]


@pytest.fixture
def exact(tmp_path: Path, pictures: Path) -> Path:
    """A labeled campaign that computes in float32, as exported models do."""
    options = {"epochs": 2, "precision": "float32"}
    with create(tmp_path / "exact", str(pictures), task_options=options, classes=COLORS) as campaign:
        campaign.tell({f"{color}/{n:02d}.png": color for color in COLORS for n in range(4)})
    return tmp_path / "exact"


def test_the_card_works_without_alkit(exact: Path, tmp_path: Path, photos: list[Path]) -> None:
    folder = tmp_path / "model"
    with Campaign(exact) as campaign:
        campaign.export_model(folder)
        own = campaign.predict(photos)
    (code,) = card_blocks(folder)
    assert len([line for line in code.splitlines() if line]) <= 10
    assert "alkit" not in code
    agree(without_alkit(code, folder, photos), own)


@pytest.mark.slow
def test_graphs_compute_the_same_for_batches_of_any_size(
    exact: Path, tmp_path: Path, photos: list[Path]
) -> None:
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    pytest.importorskip("onnxscript", reason="onnxscript is not installed")
    folder = tmp_path / "model"
    with Campaign(exact) as campaign:
        campaign.export_model(folder, formats=["onnx", "torch-export"])
        model = usable_model(campaign)
        own = campaign.predict(photos)
    session = runtime.InferenceSession(folder / "model.onnx")
    program = torch.export.load(folder / "model.pt2").module()
    rng = np.random.default_rng(0)
    for size in (1, 2, 5):
        pixels = torch.from_numpy(rng.integers(0, 255, (size, 3, 12, 12), dtype=np.uint8))
        steps = model.preprocessing
        mean, std = (torch.tensor(values).view(1, -1, 1, 1) for values in (steps.mean, steps.std))
        with torch.no_grad():
            wanted = model.task.forward((pixels / 255 - mean) / std).probabilities
            torch.testing.assert_close(program(pixels), wanted, atol=1e-4, rtol=0)
        (found,) = session.run(None, {"pixels": pixels.numpy()})
        np.testing.assert_allclose(found, wanted, atol=1e-4, rtol=0)
    _, onnx, exported = card_blocks(folder)
    for code in (onnx, exported):
        agree(without_alkit(code, folder, photos), own)


@pytest.mark.parametrize("options", [{"freeze_backbone": True, "model": "resnet18"}, {"model": "tiny-cnn"}])
def test_the_whole_network_goes_along(
    options: dict[str, Any], tmp_path: Path, pictures: Path, photos: list[Path]
) -> None:
    folder = tmp_path / "model"
    with create(
        tmp_path / "camp",
        str(pictures),
        channels=1,
        task_options={**options, "epochs": 2, "precision": "float32"},
    ) as campaign:
        campaign.tell(
            {f"{color}/{n:02d}.png": color for color in COLORS for n in range(3)}, allow_new_classes=True
        )
        exported = campaign.export_model(folder)
        own = campaign.predict(photos)
    assert exported.files == (
        "README.md",
        "config.json",
        "model.safetensors",
        "model.py",
        "metrics.json",
        "labels.json",
    )
    agree(without_alkit(card_blocks(folder)[0], folder, photos), own)
    config = json.loads((folder / "config.json").read_text())
    assert config["architecture"]["name"] == options["model"]
    assert config["preprocessing"]["mode"] == "L"


ENCODER = """
from alkit.data import EncoderInput
import torch
from torch import nn


def make():
    network = nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten())
    for tensor in network.parameters():
        tensor.data = torch.arange(tensor.numel()).mul(13.1).sin().view_as(tensor)
    return network, EncoderInput(size=(20, 24), mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4), SPECIAL)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("head", "special"),
    [
        ("linear", "resize='crop', crop=0.875, bicubic=True"),
        ("mlp", "resize='stretch', channels='BGR'"),
        ("linear", "resize='letterbox'"),
    ],
)
def test_an_encoder_goes_along_with_its_own_preprocessing(
    head: str, special: str, tmp_path: Path, pictures: Path, photos: list[Path]
) -> None:
    """Of an encoder whose code is not known, the network is a program."""
    (tmp_path / "mine.py").write_text(ENCODER.replace("SPECIAL", special))
    options = {"encoder": f"file:{tmp_path / 'mine.py'}:make", "head": head}
    folder = tmp_path / "model"
    with create(
        tmp_path / "camp", str(pictures), task="encoded", task_options=options, classes=COLORS
    ) as campaign:
        campaign.tell({f"{color}/{n:02d}.png": color for color in COLORS for n in range(4)})
        query = campaign.ask(10, strategy="margin")
        own = campaign.predict(photos)
        of_pool = {image.path: image for image in campaign.predict(pictures, batch_size=7)}
        exported = campaign.export_model(folder, formats=["torch-export"])
    for pick in query.picks:
        assert of_pool[pick.image].label == pick.predicted
        assert of_pool[pick.image].confidence == pytest.approx(pick.confidence, abs=1e-5)
    assert "network.pt2" in exported.files
    (tmp_path / "mine.py").unlink()
    code, program = card_blocks(folder)
    agree(without_alkit(code, folder, photos), own)
    agree(without_alkit(program, folder, photos[1:2]), own[1:2])
    assert str(tmp_path) not in (folder / "README.md").read_text()


def test_it_says_how_good_it_is_and_where_its_labels_come_from(
    tmp_path: Path, pictures: Path, make_pictures: Any
) -> None:
    test = make_pictures(tmp_path / "test", each=5, seed=9)
    folder = tmp_path / "model"
    with create(
        tmp_path / "camp", str(pictures), test=str(test), task_options={"epochs": 2}, classes=COLORS
    ) as campaign:
        campaign.tell({"red/00.png": "red", "blue/00.png": "blue"})
        query = campaign.ask(20, strategy="margin", control=0.1)
        campaign.tell({pick.image: pick.image.split("/")[0] for pick in query.picks})
        campaign.train()
        campaign.export_model(folder)
    metrics, labels, config = (
        json.loads((folder / f"{name}.json").read_text()) for name in ("metrics", "labels", "config")
    )
    accuracy = metrics["test"]["accuracy"]
    assert accuracy["of"] == 15
    assert accuracy["low"] <= accuracy["value"] <= accuracy["high"]
    assert metrics["control"]["accuracy"]["of"] == 2
    assert labels["labels"] == 22
    assert sum(labels["by_class"].values()) == 22
    assert labels["by_query"] == [{"query": 1, "strategy": "margin", "labels": 20, "control": 2}]
    assert labels["not_asked_for"] == 2
    assert config["classes"] == list(COLORS)
    assert config["training"]["labels"] == 22
    assert config["preprocessing"]["size"] == [12, 12]
    card = (folder / "README.md").read_text()
    assert f"{accuracy['hits']} of 15)" in card
    assert "| query 1, `margin` | 20 | 2 |" in card
    assert "{{" not in card
    assert str(tmp_path) not in card


def test_an_exported_model_is_replaced_only_if_asked(labeled: Path, tmp_path: Path) -> None:
    folder, mine = tmp_path / "model", tmp_path / "mine"
    mine.mkdir()
    (mine / "note.txt").write_text("mine")
    with Campaign(labeled) as campaign:
        with pytest.raises(UsageError, match="there is no format 'tflite' for models"):
            campaign.export_model(folder, formats=["tflite"])
        with pytest.raises(UsageError, match="there is no folder"):
            campaign.export_model(tmp_path / "nowhere" / "model")
        for force in (False, True):
            with pytest.raises(UsageError, match="is no exported model"):
                campaign.export_model(mine, force=force)
        assert not campaign.history(), "refused before anything is trained"
        campaign.export_model(folder)
        (folder / "stale").write_text("")
        with pytest.raises(UsageError, match="replace it with --force"):
            campaign.export_model(folder)
        campaign.export_model(folder, force=True)
    assert not (folder / "stale").exists()
    assert (mine / "note.txt").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["camp", "mine", "model"]


def test_nothing_is_left_behind_if_it_fails(
    labeled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from alkit_plugins.tasks.classification import Classification

    def other(self: Classification) -> PortableNetwork:
        network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(432, 3))
        return PortableNetwork(network=network, source="", name="other", arguments={})

    with Campaign(labeled) as campaign:
        monkeypatch.setattr(Classification, "portable", other)
        with pytest.raises(BrokenPlugin, match="does not compute what its own does"):
            campaign.export_model(tmp_path / "model")
        monkeypatch.setattr(Classification, "portable", TaskModel.portable)
        with pytest.raises(UnsupportedTask, match=r"can override TaskModel\.portable"):
            campaign.export_model(tmp_path / "model")
    assert [path.name for path in tmp_path.iterdir()] == ["camp"]


def test_without_labels_there_is_nothing_to_export(campaign: Path, tmp_path: Path) -> None:
    with Campaign(campaign) as opened, pytest.raises(TrainingError, match="nothing is labeled yet"):
        opened.export_model(tmp_path / "model")
    assert not (tmp_path / "model").exists()
