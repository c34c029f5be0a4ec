"""Tests of open_clip's image towers: preprocessing, weights from a file, what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

import alkit
from alkit.errors import InvalidOption

open_clip = pytest.importorskip("open_clip")

TINY = {
    "embed_dim": 8,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 16, "head_width": 8, "patch_size": 16},
    "text_cfg": {"context_length": 4, "vocab_size": 16, "width": 8, "heads": 2, "layers": 1},
}


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tiny model that open_clip knows, and a file with its weights."""
    (tmp_path / "tiny-clip.json").write_text(json.dumps(TINY))
    open_clip.add_model_config(tmp_path)
    monkeypatch.setattr(open_clip, "list_pretrained_tags_by_model", lambda _: ["mine"])
    told = {"mean": (0.1, 0.2, 0.3), "resize_mode": "squash", "interpolation": "bilinear"}
    monkeypatch.setattr(open_clip, "get_pretrained_cfg", lambda *_: told)
    torch.manual_seed(0)
    file = tmp_path / "weights.pt"
    torch.save(open_clip.create_model("tiny-clip").state_dict(), file)
    return file


def test_the_tower_brings_the_preprocessing_of_its_weights(weights: Path) -> None:
    encoder = alkit.open_encoder("open_clip/tiny-clip/mine", weights=str(weights))
    taken = encoder.input
    assert (encoder.dim, taken.size, taken.mean, taken.resize) == (8, (32, 32), (0.1, 0.2, 0.3), "stretch")
    assert not taken.bicubic
    known = torch.load(weights, weights_only=True)
    assert torch.equal(encoder.network.state_dict()["proj"], known["visual.proj"])


def test_weights_that_do_not_fit_are_listed(weights: Path) -> None:
    tensors: dict[str, Any] = torch.load(weights, weights_only=True)
    del tensors["visual.proj"]
    torch.save(tensors, weights)
    with pytest.raises(
        InvalidOption, match=r"does not fit open_clip/tiny-clip/mine: visual\.proj is missing"
    ):
        _ = alkit.open_encoder("open_clip/tiny-clip/mine", weights=str(weights)).dim


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("tiny-clip/mine", "downloads its weights, .* --download"),
        ("tiny-clip/yours", "has no weights 'yours' for tiny-clip; choose from mine"),
        ("tiny-clip/mines", "did you mean 'open_clip/tiny-clip/mine'"),
        ("tiny-clop/mine", "did you mean 'open_clip/tiny-clip/TAG'"),
    ],
)
@pytest.mark.usefixtures("weights")
def test_what_is_refused(name: str, said: str) -> None:
    with pytest.raises(InvalidOption, match=said):
        _ = alkit.open_encoder(f"open_clip/{name}").dim
