"""Taps and embeddings: the right modules, the right shapes, gradients that flow."""

from __future__ import annotations

import pytest
import torch

from alkit.errors import InvalidOption
from alkit_plugins.tasks.classification import Classification

CPU = torch.device("cpu")
CLASSES = [str(number) for number in range(5)]


def built(model: str, shape: tuple[int, int, int], **options: object) -> Classification:
    task = Classification(model=model, **options)  # type: ignore[arg-type]
    task.build(shape, CLASSES, CPU)
    return task


def check(task: Classification, shape: tuple[int, int, int]) -> None:
    """Run small batches in both modes; a loss over everything that is tapped reaches the weights."""
    assert task.spec.taps
    for count, training in ((2, True), (3, True), (2, False), (3, False), (1, False)):
        task.network.train(training)
        output = task.forward(torch.rand(count, *shape))
        assert output.prediction.shape == (count, 5)
        assert output.embedding is not None
        assert output.embedding.shape == (count, task.spec.embedding_dim)
        for tap, features in zip(task.spec.taps, output.features, strict=True):
            assert features.shape[:2] == (count, tap.channels)
            assert tuple(features.shape[2:]) in (tap.size, ())
            assert features.isfinite().all()
        pooled = sum(
            features.reshape(*features.shape[:2], -1).mean(dim=2).square().sum()
            for features in output.features
        )
        task.network.zero_grad()
        (
            task.loss(output, torch.arange(count) % 5).mean() + pooled + output.embedding.square().mean()
        ).backward()
        gradients = [p.grad for p in task.network.parameters() if p.requires_grad]
        assert sum(gradient is not None for gradient in gradients) > len(gradients) * 0.9


@pytest.mark.parametrize(
    "shape", [(3, 32, 32), (1, 8, 8), (3, 33, 47), (1, 1, 1), (3, 2, 50), (4, 20, 20), (3, 70, 70)]
)
def test_small_cnn(shape: tuple[int, int, int]) -> None:
    check(built("small-cnn", shape), shape)


def test_small_cnn_is_tapped_after_its_stages() -> None:
    spec = built("small-cnn", (3, 32, 32)).spec
    assert [(tap.name, tap.size) for tap in spec.taps] == [
        ("stages.1", (16, 16)),
        ("stages.2", (8, 8)),
        ("stages.3", (4, 4)),
        ("stages.4", (2, 2)),
    ]
    assert spec.embedding_dim == 128


@pytest.mark.parametrize(
    ("model", "shape", "taps", "width"),
    [
        ("resnet18", (3, 16, 16), ["layer1", "layer2", "layer3", "layer4"], 512),
        ("resnet18", (1, 7, 9), ["layer1", "layer2", "layer3", "layer4"], 512),
        ("resnet18", (3, 65, 65), ["layer1", "layer2", "layer3", "layer4"], 512),
        ("mobilenet_v3_small", (3, 32, 32), ["features.1", "features.3", "features.8", "features.12"], 1024),
        ("squeezenet1_0", (3, 32, 32), ["features.1", "features.5", "features.10", "features.12"], 512),
        ("shufflenet_v2_x0_5", (1, 40, 32), ["conv1", "stage2", "stage3", "conv5"], 1024),
        (
            "regnet_y_400mf",
            (3, 32, 32),
            ["trunk_output.block1", "trunk_output.block2", "trunk_output.block3", "trunk_output.block4"],
            440,
        ),
        ("efficientnet_b0", (3, 32, 32), ["features.2", "features.3", "features.5", "features.8"], 1280),
    ],
)
def test_torchvision(model: str, shape: tuple[int, int, int], taps: list[str], width: int) -> None:
    task = built(model, shape)
    assert [tap.name for tap in task.spec.taps] == taps
    assert task.spec.embedding_dim == width
    check(task, shape)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "shape", "taps", "width"),
    [
        (
            "densenet121",
            (3, 32, 32),
            "features.denseblock1 features.denseblock2 features.denseblock3 features.norm5",
            1024,
        ),
        ("vgg11_bn", (3, 32, 32), "features.6 features.13 features.20 features.27", 4096),
        ("vit_b_16", (3, 32, 32), " ".join(f"encoder.layers.encoder_layer_{n}" for n in (2, 5, 8, 11)), 768),
        (
            "vit_b_16",
            (3, 224, 224),
            " ".join(f"encoder.layers.encoder_layer_{n}" for n in (2, 5, 8, 11)),
            768,
        ),
        ("swin_t", (3, 64, 64), "features.1 features.3 features.5 features.7", 768),
        ("convnext_tiny", (3, 64, 64), "features.3 features.5 features.7 classifier.0", 768),
        ("googlenet", (3, 64, 64), "conv3 inception3b inception4e inception5b", 1024),
        ("inception_v3", (3, 96, 96), "Conv2d_4a_3x3 Mixed_5d Mixed_6e Mixed_7c", 2048),
        ("alexnet", (3, 64, 64), "features.1 features.4 features.11", 4096),
    ],
)
def test_larger_torchvision(model: str, shape: tuple[int, int, int], taps: str, width: int) -> None:
    task = built(model, shape)
    assert [tap.name for tap in task.spec.taps] == taps.split()
    assert task.spec.embedding_dim == width
    check(task, shape)


@pytest.mark.slow
def test_maps_with_channels_last_are_turned() -> None:
    taps = built("swin_t", (3, 64, 32)).spec.taps
    assert [(tap.channels, tap.size) for tap in taps] == [
        (96, (16, 8)),
        (192, (8, 4)),
        (384, (4, 2)),
        (768, (2, 1)),
    ]


@pytest.mark.parametrize(
    ("factory", "shape", "taps", "width"),
    [
        ("perceptron", (3, 8, 8), ["1", "2", "3", "4"], 12),
        ("linear", (1, 8, 8), ["embedding"], 64),
        ("grey", (1, 8, 8), ["1"], 180),
        ("isotropic", (3, 8, 8), ["blocks.0", "blocks.2", "blocks.3", "blocks.5"], 8),
        ("isotropic", (1, 9, 5), ["blocks.0", "blocks.2", "blocks.3", "blocks.5"], 8),
        ("dictionary", (3, 8, 8), ["body"], 4),
    ],
)
def test_networks_of_ones_own(
    own_networks: str, factory: str, shape: tuple[int, int, int], taps: list[str], width: int
) -> None:
    task = built(f"{own_networks}:{factory}", shape)
    assert [tap.name for tap in task.spec.taps] == taps
    assert task.spec.embedding_dim == width
    check(task, shape)


def test_what_happens_in_place_after_a_tap_shows_in_it(own_networks: str) -> None:
    output = built(f"{own_networks}:isotropic", (3, 8, 8)).forward(torch.rand(2, 3, 8, 8))
    assert all((features >= 0).all() for features in output.features)


def test_the_embedding_is_what_enters_the_classifier() -> None:
    task = built("small-cnn", (3, 16, 16))
    task.network.eval()
    output = task.forward(torch.rand(2, 3, 16, 16))
    torch.testing.assert_close(task.network.head(output.embedding), output.prediction)
    torch.testing.assert_close(output.features[-1].mean(dim=(2, 3)), output.embedding)


def test_taps_and_embedding_can_be_named() -> None:
    task = built("small-cnn", (3, 16, 16), taps=("stages.0.0", "stages.2"), embedding="stages.1")
    assert [(tap.name, tap.channels, tap.size) for tap in task.spec.taps] == [
        ("stages.0.0", 32, (16, 16)),
        ("stages.2", 96, (4, 4)),
    ]
    assert task.spec.embedding_dim == 64
    output = task.forward(torch.rand(2, 3, 16, 16))
    assert output.embedding is not None
    assert output.embedding.shape == (2, 64)


@pytest.mark.parametrize("option", ["taps", "embedding"])
def test_a_module_that_does_not_run_is_refused_with_those_that_do(option: str) -> None:
    value = ("stages.9",) if option == "taps" else "stages.9"
    words = rf"option '{option}' names 'stages\.9', .*exactly once; choose from stages\.0\.0,"
    with pytest.raises(InvalidOption, match=words):
        built("small-cnn", (3, 16, 16), **{option: value})


def test_nothing_of_a_pass_is_kept() -> None:
    task = built("small-cnn", (3, 16, 16))
    task.forward(torch.rand(2, 3, 16, 16))
    assert task._listener._maps == {}
    assert task._listener._embedding is None
