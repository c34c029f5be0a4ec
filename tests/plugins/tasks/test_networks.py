"""Networks by name: built in, torchvision's, the user's own."""

from __future__ import annotations

import pytest
import torch

from alkit.errors import InvalidOption
from alkit_plugins.tasks.networks import SmallCNN, expected_channels, find, logits, resnet18_cifar


@pytest.mark.parametrize(
    ("channels", "height", "width"), [(3, 32, 32), (1, 8, 8), (1, 1, 1), (3, 2, 50), (4, 33, 47), (3, 96, 96)]
)
def test_small_cnn_takes_any_image(channels: int, height: int, width: int) -> None:
    network = SmallCNN(channels, 7, max(height, width)).eval()
    assert network(torch.rand(3, channels, height, width)).shape == (3, 7)


def test_small_cnn_costs_the_same_above_48_pixels() -> None:
    small, large = SmallCNN(3, 2, 48), SmallCNN(3, 2, 96)
    assert small.stages[0](torch.rand(1, 3, 48, 48)).shape == (1, 32, 48, 48)
    assert large.stages[0](torch.rand(1, 3, 96, 96)).shape == (1, 32, 48, 48)


def test_resnet18_for_small_images_starts_at_full_size() -> None:
    network = resnet18_cifar(1, 4)
    assert network.layer1(network.maxpool(network.conv1(torch.rand(1, 1, 16, 16)))).shape == (1, 64, 16, 16)
    assert isinstance(find("resnet18", 3, 4, 64)().maxpool, torch.nn.Identity)
    assert isinstance(find("resnet18", 3, 4, 65)().maxpool, torch.nn.MaxPool2d)


def test_an_unknown_network_says_what_there_is() -> None:
    with pytest.raises(
        InvalidOption,
        match=r"no network 'resnet19' \(did you mean 'resnet\d\d'\?\); choose from small-cnn, tiny-cnn, ",
    ):
        find("resnet19", 3, 10, 32)
    with pytest.raises(InvalidOption, match="no network 'fcn_resnet50'"):
        find("fcn_resnet50", 3, 10, 32)  # torchvision's, but for segmentation


@pytest.mark.parametrize(
    ("name", "encoder"),
    [
        ("dinov2", "timm/vit_small_patch14_dinov2.lvd142m"),
        ("CLIP", "timm/vit_base_patch16_clip_224.openai"),
        ("efficientnet-lite0", "efficientnet-lite0"),
        ("torchvision/resnet50", "torchvision/resnet50"),
    ],
)
def test_an_encoder_in_place_of_a_network_is_named(name: str, encoder: str) -> None:
    with pytest.raises(InvalidOption, match=f"did you mean the pretrained --encoder {encoder}?"):
        find(name, 3, 10, 32)


def test_a_network_of_ones_own_gets_what_it_takes(own_networks: str) -> None:
    assert find(f"{own_networks}:grey", 2, 6, 8)()(torch.rand(2, 2, 8, 8)).shape == (2, 6)
    assert find(f"{own_networks}:perceptron", 3, 6, 8)()(torch.rand(2, 3, 8, 8)).shape == (2, 6)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("nowhere_at_all:factory", "ModuleNotFoundError: No module named 'nowhere_at_all'.*PYTHONPATH"),
        ("own_networks:missing", "AttributeError"),
        ("broken_networks:factory", "RuntimeError: no license"),
        ("own_networks:", "cannot be imported"),
    ],
)
def test_what_cannot_be_imported_is_one_sentence(own_networks: str, path: str, words: str) -> None:
    with pytest.raises(InvalidOption, match=words):
        find(path, 3, 10, 32)


def test_the_first_convolution_says_how_many_channels() -> None:
    assert expected_channels(SmallCNN(3, 2, 8)) == 3
    assert expected_channels(torch.nn.Linear(2, 2)) is None


def test_the_main_output_comes_first() -> None:
    one, two = torch.zeros(1), torch.ones(1)
    assert logits(one) is one
    assert logits((one, two)) is one
    assert logits({"out": [one], "aux": two}) is one
