"""Tests of encoders by name: what they bring, and what is said where something is wrong."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import alkit
from alkit.data import EncoderInput
from alkit.errors import InvalidOption, UnknownPlugin
from alkit.plugin import registry
from alkit.plugin.encoders import installed_encoder

TINY = """
import torch
from torch import nn
from alkit.data import EncoderInput

class Means(nn.Module):
    def forward(self, images):
        return torch.cat([images.mean((2, 3)), images.amax((2, 3))], dim=1)

def make():
    return Means(), EncoderInput(size=(8, 8), mean=(0.5,) * 3, std=(0.5,) * 3)

def plain():
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())

def number():
    return 7

def maps():
    return nn.Conv2d(3, 4, 3)

def fails():
    raise RuntimeError("out of luck\\nand more")

class Late(nn.Module):
    def forward(self, images):
        if images.any():
            raise ValueError("no colors\\nplease")
        return images.mean((2, 3))

def late():
    return Late()

class Narrow(nn.Module):
    def forward(self, images):
        return images.mean((2, 3))[:, : 2 if images.any() else 3]

def narrow():
    return Narrow()
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.py"
    path.write_text(TINY)
    return path


def test_a_network_from_a_file_brings_its_preprocessing(tiny: Path) -> None:
    encoder = alkit.open_encoder(f"file:{tiny}:make")
    assert (encoder.dim, encoder.input.size) == (6, (8, 8))
    plain = alkit.open_encoder(f"file:{tiny}:plain")
    assert (plain.dim, plain.input.size, plain.input.crop) == (3, (224, 224), 0.875)


def test_a_changed_forward_is_another_encoder(tiny: Path) -> None:
    first = alkit.open_encoder(f"file:{tiny}:make").identity
    assert alkit.open_encoder(f"file:{tiny}:make").identity == first
    tiny.write_text(TINY.replace("images.amax", "images.amin"))
    assert alkit.open_encoder(f"file:{tiny}:make").identity != first
    tiny.write_text(TINY.replace("(0.5,) * 3, std", "(0.4,) * 3, std"))
    assert alkit.open_encoder(f"file:{tiny}:make").identity != first


@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("number", r"number in .*tiny\.py should return a torch\.nn\.Module, not int"),
        ("nothing", r"has no function 'nothing'; it has make, plain, number, maps, fails, late, narrow"),
        ("maps", r"should return features \[2, D\] of images \[2, 3, 224, 224\], not \(2, 4, 222, 222\)"),
        (
            "fails",
            r"the encoder 'file:.*' cannot be opened: RuntimeError: out of luck \(tiny.py, line \d+\)$",
        ),
    ],
)
def test_a_function_that_does_not_fit_is_blamed_in_one_sentence(tiny: Path, function: str, said: str) -> None:
    with pytest.raises(InvalidOption, match=said):
        _ = alkit.open_encoder(f"file:{tiny}:{function}").dim


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("efficientnet", "did you mean 'efficientnet-lite0'"),
        ("dinov2", "did you mean 'timm/vit_small_patch14_dinov2.lvd142m'"),
        ("clip", "did you mean 'timm/vit_base_patch16_clip_224.openai'"),
        ("resnet50", "did you mean 'torchvision/resnet50'"),
        ("vgg16", "did you mean 'torchvision/vgg16'"),
        ("vit", "did you mean 'torchvision/vit_b_16'"),
        ("efficientnet-b0", "did you mean 'torchvision/efficientnet_b0'"),
        ("torchvison/vgg16", "did you mean 'torchvision/vgg16'"),
        ("facebook/dinov2-small", "did you mean 'transformers/facebook/dinov2-small'"),
        ("./mine.py:make", "did you mean 'file:./mine.py:make'"),
        ("./mine.py", "did you mean 'file:./mine.py:FUNCTION'"),
        ("zzz", "choose from efficientnet-lite0, file:mine.py:make_network, open_clip/"),
    ],
)
def test_a_wrong_guess_gets_the_right_words(name: str, said: str) -> None:
    with pytest.raises(UnknownPlugin, match=said):
        alkit.open_encoder(name)


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (
            "late",
            r"'file:.*:late' fails on images of 224 x 224 pixels: ValueError: no colors \(tiny.py, line",
        ),
        (
            "narrow",
            r"'file:.*:narrow' should return features \[1, 3\] of images .*, not \(1, 2\) \(tiny.py, line",
        ),
    ],
)
def test_a_network_that_fails_on_later_images_is_blamed_too(tiny: Path, function: str, said: str) -> None:
    encoder = alkit.open_encoder(f"file:{tiny}:{function}")
    with pytest.raises(InvalidOption, match=said):
        encoder.embed(torch.device("cpu"))(torch.ones(1, 3, 224, 224))


@pytest.mark.parametrize("library", ["torchvision", "timm", "open_clip"])
def test_names_that_are_proposed_exist(library: str) -> None:
    known = {
        "torchvision": lambda: pytest.importorskip("torchvision").models.list_models(),
        "timm": lambda: pytest.importorskip("timm").list_models(),
        "open_clip": lambda: pytest.importorskip("open_clip").list_models(),
    }[library]()
    plugin = registry.encoders.get(library)()
    for guess in ("vit", "resnet", "clip", "dinov2", "convnext", "RN50", "ViT-B-32"):
        variant = plugin.nearest(guess)
        assert variant is None or variant in known or re.split(r"[./]", variant)[0] in known


def test_torchvision_takes_weights_from_a_file_and_all_or_none(tmp_path: Path) -> None:
    from torchvision import models

    weights = tmp_path / "weights.pt"
    network = models.resnet18(weights=None)
    torch.save(network.state_dict(), weights)
    encoder = alkit.open_encoder("torchvision/resnet18", weights=str(weights))
    assert (encoder.dim, encoder.input.size, round(encoder.input.crop, 3)) == (512, (224, 224), 0.875)
    torch.save({k: v for k, v in network.state_dict().items() if not k.startswith("conv1")}, weights)
    with pytest.raises(InvalidOption, match=r"does not fit torchvision/resnet18: conv1\.weight is missing"):
        _ = alkit.open_encoder("torchvision/resnet18", weights=str(weights)).dim
    with pytest.raises(InvalidOption, match="there is no weights file"):
        _ = alkit.open_encoder("torchvision/resnet18", weights=str(tmp_path / "no.pt")).dim
    with pytest.raises(InvalidOption, match="did you mean 'torchvision/resnet18'"):
        _ = alkit.open_encoder("torchvision/resnet8").dim


def test_nothing_is_downloaded_unasked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(InvalidOption, match=r"not on this machine; download .* with --download"):
        _ = alkit.open_encoder("torchvision/resnet18").dim
    pytest.importorskip("timm")
    with pytest.raises(InvalidOption, match="downloads its weights"):
        _ = alkit.open_encoder("timm/resnet18").dim


def test_timm_takes_weights_from_a_file(tmp_path: Path) -> None:
    timm = pytest.importorskip("timm")
    weights = tmp_path / "weights.pt"
    torch.save(timm.create_model("resnet10t", num_classes=0).state_dict(), weights)
    encoder = alkit.open_encoder("timm/resnet10t", weights=str(weights))
    assert encoder.dim == 512 and encoder.input.channels == "RGB"


def test_efficientnet_works_offline() -> None:
    pytest.importorskip("efficientnet_lite_pytorch")
    assert installed_encoder() == "efficientnet-lite0"
    encoder = alkit.open_encoder("efficientnet-lite0")
    assert (encoder.dim, encoder.input.size) == (1280, (224, 224))
    assert not any(isinstance(module, nn.Linear) and module.training for module in encoder.network.modules())


@pytest.mark.parametrize(
    ("rule", "left", "middle"),
    [("crop", 50, 50), ("stretch", 0, 50), ("letterbox", 127, 50)],
)
def test_resize_rules(rule: str, left: int, middle: int) -> None:
    pixels = np.zeros((40, 80, 3), dtype=np.uint8)
    pixels[:, 20:60] = 50  # the middle half
    taken = EncoderInput(size=(16, 16), mean=(0,) * 3, std=(1,) * 3, resize=rule)  # type: ignore[arg-type]
    prepared = taken.prepare(pixels)
    assert prepared.shape == (3, 16, 16) and prepared.dtype == np.uint8
    corner = prepared[0, 0, 0] if rule == "letterbox" else prepared[0, 8, 0]
    assert int(corner) == pytest.approx(left, abs=8)  # edges are interpolated
    assert int(prepared[0, 8, 8]) == middle


def test_channels_in_the_other_order() -> None:
    pixels = np.zeros((8, 8, 3), dtype=np.uint8)
    pixels[:, :, 0] = 200
    taken = EncoderInput(size=(8, 8), mean=(0,) * 3, std=(1,) * 3, channels="BGR")
    assert taken.prepare(pixels)[:, 0, 0].tolist() == [0, 0, 200]


def test_a_cpu_takes_few_images_at_once(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = alkit.open_encoder(f"file:{tiny}:make")
    images = torch.randn(7, 3, 8, 8)
    expected = encoder.network(images)
    sizes: list[int] = []
    encoder.network.register_forward_pre_hook(lambda _, given: sizes.append(len(given[0])))
    monkeypatch.setattr("alkit.plugin.encoders.PIXELS_AT_ONCE", 3 * 64)
    torch.testing.assert_close(encoder.embed(torch.device("cpu"))(images), expected)
    assert sizes == [3, 3, 1]


def test_other_weights_in_the_same_file_are_another_encoder(tmp_path: Path) -> None:
    from torchvision import models

    weights = tmp_path / "weights.pt"
    network = models.resnet18(weights=None)
    identities = []
    for change in (0.0, 1e-4):
        with torch.no_grad():
            network.layer4[1].conv2.weight[0, 0, 0, 0] += change
        torch.save(network.state_dict(), weights)
        identities.append(alkit.open_encoder("torchvision/resnet18", weights=str(weights)).identity)
    assert identities[0] != identities[1]


def test_older_names_of_densenets_are_known(tmp_path: Path) -> None:
    from torchvision import models

    weights = tmp_path / "weights.pt"
    tensors = models.densenet121(weights=None).state_dict()
    old = {
        re.sub(r"(denselayer\d+\.(?:norm|conv))([12])", r"\1.\2", name): tensor
        for name, tensor in tensors.items()
        if "num_batches_tracked" not in name
    }
    assert old.keys() != tensors.keys()
    torch.save(old, weights)
    assert alkit.open_encoder("torchvision/densenet121", weights=str(weights)).dim == 1024


def test_a_program_of_torch_export_is_an_encoder(tmp_path: Path) -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Dropout(), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
    batch = {0: torch.export.Dim("batch")}
    program = torch.export.export(network, (torch.zeros(2, 3, 8, 8),), dynamic_shapes=(batch,))
    torch.export.save(program, tmp_path / "net.pt2")
    path = tmp_path / "exported.py"
    path.write_text(
        "import torch\nfrom alkit.data import EncoderInput\n"
        "def load():\n"
        f"    program = torch.export.load({str(tmp_path / 'net.pt2')!r}).module()\n"
        "    return program, EncoderInput(size=(8, 8), mean=(0.5,) * 3, std=(0.5,) * 3)\n"
    )
    encoder = alkit.open_encoder(f"file:{path}:load")
    images = torch.randn(3, 3, 8, 8)
    torch.testing.assert_close(encoder.embed(torch.device("cpu"))(images), network(images).detach())


@pytest.mark.parametrize("word", ["pretrained", "DEFAULT", "IMAGENET1K_V2"])
def test_encoders_need_no_name_of_weights(word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said = f"'{word}'; torchvision/resnet18 comes with pretrained weights, so leave weights={word} out"
    with pytest.raises(InvalidOption, match=said):
        _ = alkit.open_encoder("torchvision/resnet18", weights=word).dim


@pytest.mark.parametrize("wrong", [{"size": 32}, {"mean": (0.5, 0.5)}, {"std": 0.5}])
def test_the_numbers_of_an_input_are_counted(wrong: dict[str, Any]) -> None:
    (name,) = wrong
    with pytest.raises(ValueError, match=f"^{name} of EncoderInput should be [23] numbers, not "):
        EncoderInput(**{"size": (8, 8), "mean": (0.5,) * 3, "std": (0.5,) * 3, **wrong})
