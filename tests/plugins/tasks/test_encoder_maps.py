"""Segmentation on a pretrained encoder: frozen with kept maps, or fine-tuned; what does not fit."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
import torch

from alkit.cli.opening import spec_from
from alkit.data.loader import Loader
from alkit.data.store import ImageStore
from alkit.errors import InvalidOption, UsageError
from alkit.options import build
from alkit.training.loop import fit
from alkit.training.recipe import Recipe, TrainingRun
from alkit_plugins.tasks.encoder_maps import MapDecoder
from alkit_plugins.tasks.segmentation import Segmentation

CLASSES = ("ground", "thing")
CPU = torch.device("cpu")
SHAPE = (3, 16, 24)
NETWORK = """
from torch import nn

def make():
    stage = lambda a, b: nn.Sequential(nn.Conv2d(a, b, 3, 2, 1), nn.BatchNorm2d(b), nn.ReLU(inplace=True))
    return nn.Sequential(stage(3, 4), stage(4, 6), stage(6, 8), nn.AdaptiveAvgPool2d(1), nn.Flatten())

def flat():
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
"""


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("encoder") / "mine.py"
    path.write_text(NETWORK)
    return f"file:{path}"


def model(name: str, shape: tuple[int, int, int] = SHAPE, **options: object) -> Segmentation:
    task = build(Segmentation, {"encoder": name, **options})
    task.build(shape, CLASSES, CPU)
    return task


def train(task: Segmentation) -> Loader:
    rng = np.random.default_rng(0)
    store = ImageStore.from_array(rng.integers(0, 256, (6, *SHAPE), dtype=np.uint8))
    targets = torch.from_numpy(rng.integers(0, 2, (6, *SHAPE[1:]), dtype=np.uint8))
    rows = np.arange(6)
    loader = Loader(store, CPU, targets=targets, labeled=rows, augment=task.augment_batch)
    recipe = Recipe(epochs=1, batch_size=3, learning_rate=0.1, augment=task.recipe(6).augment)
    run = TrainingRun(recipe=recipe, device=CPU, steps_per_epoch=2)
    fit(task, lambda _: loader.epoch(rows, 3, np.random.default_rng(0), augmented=recipe.augment), None, run)
    task.network.eval()
    return loader


def test_a_frozen_encoder_runs_once_for_an_image_and_never_changes(encoder: str) -> None:
    task = model(f"{encoder}:make")
    assert task._frozen is not None
    before = {name: value.clone() for name, value in task.starting_weights().items()}
    seen: list[int] = []
    task._frozen.backbone.register_forward_hook(lambda *given: seen.append(len(given[1][0])))
    loader = train(task)
    after = task.starting_weights()
    changed = {
        name.partition(".")[0] for name, value in after.items() if not torch.equal(value, before[name])
    }
    assert changed == {"laterals", "smooth", "head"}
    kept = [task.forward_batch(batch) for batch in loader.sequential(np.arange(6), 4)]
    assert seen == [6]
    batches = list(loader.sequential(np.arange(6), 4))
    for output, batch in zip(kept, batches, strict=True):
        anew = task.forward(batch.images)
        assert torch.allclose(output.prediction, anew.prediction, atol=1e-5)
        assert output.prediction.shape == (len(batch), 2, 16, 24)
        assert [tuple(level.shape[1:]) for level in output.features] == [(64, 8, 12), (64, 4, 6), (64, 2, 3)]
        assert output.embedding is not None
        assert torch.allclose(output.embedding, task._maps.network(batch.images), atol=1e-5)  # type: ignore[union-attr]


def test_augmented_images_are_encoded_anew(encoder: str) -> None:
    task = model(f"{encoder}:make", augment=True)
    assert task.recipe(6).augment
    seen: list[int] = []
    task._frozen.backbone.register_forward_hook(lambda *given: seen.append(len(given[1][0])))  # type: ignore[union-attr]
    train(task)
    assert seen == [3, 3]


def test_a_fine_tuned_encoder_changes_and_starts_again_from_its_weights(encoder: str) -> None:
    task = model(f"{encoder}:make", fine_tune=True)
    before = {name: value.clone() for name, value in task.network.state_dict().items()}
    train(task)
    assert all(
        not torch.equal(before[name], value)
        for name, value in task.network.state_dict().items()
        if name.startswith("encoder.") and value.is_floating_point()
    )
    task.reset(0)
    assert all(torch.equal(before[name], value) for name, value in task.network.state_dict().items())
    assert task.recipe(6).augment
    assert task.recipe(6).learning_rate == 0.02


def test_the_whole_network_goes_out_with_its_encoder(encoder: str) -> None:
    task = model(f"{encoder}:make", fine_tune=True)
    train(task)
    images = torch.randn(2, *SHAPE)
    network = task.portable().network
    assert torch.allclose(network(images), task.forward(images).prediction, atol=1e-5)
    assert task.spec.averages


def test_the_command_line_names_the_encoder_of_a_segmentation() -> None:
    spec = spec_from("pool", {"encoder": "efficientnet-lite0", "task": "segmentation"})
    assert spec.task == "segmentation"
    assert spec.task_options == {"encoder": "efficientnet-lite0"}
    with pytest.raises(UsageError, match="segmentation"):
        spec_from("pool", {"encoder": "efficientnet-lite0", "task": "segmentation", "model": "unet"})


def test_gray_images_are_repeated(encoder: str) -> None:
    task = model(f"{encoder}:make", (1, 16, 24))
    task.network.eval()
    assert task.forward(torch.zeros(2, 1, 16, 24)).prediction.shape == (2, 2, 16, 24)


@pytest.mark.parametrize(
    ("function", "shape", "options", "message"),
    [
        ("make", SHAPE, {"model": "unet"}, "leave out model"),
        ("make", (5, 16, 24), {}, "1 or 3 channels"),
        ("flat", SHAPE, {}, "no feature maps of several sizes"),
    ],
)
def test_what_cannot_be_used_is_a_sentence(
    encoder: str, function: str, shape: tuple[int, int, int], options: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidOption, match=message):
        model(f"{encoder}:{function}", shape, **options)


def test_the_decoder_adds_each_level_to_the_next_larger_one() -> None:
    decoder = MapDecoder([2, 3], 2, width=4).eval()
    maps = [torch.randn(1, 2, 4, 6), torch.randn(1, 3, 2, 3)]
    _, (large, small) = decoder(maps, (8, 12))
    assert torch.equal(small, decoder.laterals[1](maps[1]).relu())
    enlarged = small.repeat_interleave(2, 2).repeat_interleave(2, 3)
    assert torch.allclose(large, (decoder.laterals[0](maps[0]) + enlarged).relu())


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("efficientnet_lite_pytorch") is None, reason="needs alkit[encoder]"
)
@pytest.mark.parametrize("fine_tune", [False, True])
def test_efficientnet_works(fine_tune: bool) -> None:
    task = model("efficientnet-lite0", (3, 48, 64), fine_tune=fine_tune)
    task.network.eval()
    output = task.forward(torch.zeros(2, 3, 48, 64))
    assert output.prediction.shape == (2, 2, 48, 64)
    assert task.spec.embedding_dim == 1280
    network = task.portable().network
    images = torch.randn(2, 3, 48, 64)
    program = torch.export.export(network, (images,), dynamic_shapes=({0: torch.export.Dim("batch")},))
    assert torch.allclose(program.module()(images), task.forward(images).prediction, atol=1e-4)
    assert [tap.size for tap in task.spec.taps] == [(12, 16), (6, 8), (3, 4), (1, 2)]
