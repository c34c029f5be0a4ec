"""Tests of transformers' image models: preprocessing, features, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

import alkit
from alkit.errors import InvalidOption
from alkit_plugins.encoders.transformers_models import _input

transformers = pytest.importorskip("transformers")

NAME = "transformers/mine"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A tiny ViT as `save_pretrained` writes it."""
    torch.manual_seed(0)
    transformers.logging.disable_progress_bar()
    config = transformers.ViTConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        image_size=32,
        patch_size=8,
    )
    transformers.ViTModel(config).save_pretrained(tmp_path)
    transformers.ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(tmp_path)
    return tmp_path


def without(folder: Path, part: str) -> None:
    """Take the tensors with a part of a name out of the weights."""
    path = folder / "model.safetensors"
    tensors = {name: tensor for name, tensor in load_file(path).items() if part not in name}
    save_file(tensors, path, metadata={"format": "pt"})


def test_a_folder_brings_model_and_preprocessing(folder: Path) -> None:
    encoder = alkit.open_encoder(NAME, weights=str(folder))
    assert (encoder.dim, encoder.input.size, encoder.input.resize) == (16, (32, 32), "stretch")
    assert encoder.input.mean == (0.5, 0.5, 0.5)
    images = torch.randn(2, 3, 32, 32)
    known = transformers.AutoModel.from_pretrained(folder).eval()(pixel_values=images).pooler_output
    torch.testing.assert_close(encoder.embed(torch.device("cpu"))(images), known.detach())


def test_a_pooler_without_weights_is_not_used(folder: Path) -> None:
    without(folder, "pooler")
    encoder = alkit.open_encoder(NAME, weights=str(folder))
    images = torch.randn(2, 3, 32, 32)
    known = transformers.AutoModel.from_pretrained(folder).eval()(pixel_values=images).last_hidden_state[:, 0]
    torch.testing.assert_close(encoder.embed(torch.device("cpu"))(images), known.detach())


def test_missing_weights_are_listed(folder: Path) -> None:
    without(folder, "layernorm.weight")
    with pytest.raises(InvalidOption, match=r"the weights of transformers/mine lack .*layernorm\.weight"):
        _ = alkit.open_encoder(NAME, weights=str(folder)).dim


def test_nothing_is_downloaded_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []

    def refuse(_: str, **options: Any) -> None:
        asked.append(options)
        raise OSError("not here\nreally")

    monkeypatch.setattr(transformers.AutoModel, "from_pretrained", refuse)
    with pytest.raises(
        InvalidOption, match=r"with --download, or name a folder with -t weights=FOLDER: not here$"
    ):
        _ = alkit.open_encoder("transformers/facebook/dinov2-small").dim
    with pytest.raises(
        InvalidOption, match=r"cannot be loaded \(a name is like transformers/.*\): not here$"
    ):
        _ = alkit.open_encoder("transformers/facebook/dinov2-small", download=True).dim
    assert [options["local_files_only"] for options in asked] == [True, False]


def test_names_and_folders_that_cannot_be_meant_are_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    with pytest.raises(InvalidOption, match=f"is a folder; name it with -t weights={folder.name}"):
        _ = alkit.open_encoder(f"transformers/{folder.name}").dim
    with pytest.raises(
        InvalidOption, match=r"'transformers/dinov2' names no model of the hub; .*/OWNER/NAME"
    ):
        _ = alkit.open_encoder("transformers/dinov2").dim
    with pytest.raises(
        InvalidOption, match=r"config\.json is not a folder; transformers/mine takes one that"
    ):
        _ = alkit.open_encoder(NAME, weights=str(folder / "config.json")).dim
    (folder / "config.json").write_text("{")
    with pytest.raises(InvalidOption, match=r"does not fit transformers/mine: .*with save_pretrained$"):
        _ = alkit.open_encoder(NAME, weights=str(folder)).dim


@pytest.mark.parametrize(
    ("processor", "options", "expected"),
    [
        ("ViTImageProcessor", {}, ((224, 224), "stretch", 1.0)),
        ("BitImageProcessor", {"size": {"shortest_edge": 256}}, ((224, 224), "crop", 0.875)),
        ("ConvNextImageProcessor", {"size": {"shortest_edge": 224}}, ((224, 224), "crop", 0.875)),
        ("ConvNextImageProcessor", {"size": {"shortest_edge": 384}}, ((384, 384), "stretch", 1.0)),
    ],
)
def test_preprocessing(processor: str, options: dict[str, Any], expected: tuple[Any, ...]) -> None:
    taken = _input(getattr(transformers, processor)(**options), "mine")
    assert (taken.size, taken.resize, taken.crop) == expected
