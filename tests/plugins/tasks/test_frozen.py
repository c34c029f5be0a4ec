"""Frozen-backbone mode: embedded once, the head alone trained, caches never confused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from alkit import ImageStore
from alkit.data.loader import Batch, Loader
from alkit.training.recipe import TrainingRun
from alkit_plugins.tasks.classification import Classification
from alkit_plugins.tasks.frozen import FrozenBackbone

CPU = torch.device("cpu")
SHAPE = (1, 8, 8)


def images(seed: int, count: int = 30) -> ImageStore:
    return ImageStore.from_array(
        np.random.default_rng(seed).integers(0, 256, (count, *SHAPE), dtype=np.uint8)
    )


def built(cache_dir: Path | None = None, **options: Any) -> Classification:
    task = Classification(model="small-cnn", freeze_backbone=True, **options)
    task.cache_dir = cache_dir
    task.build(SHAPE, ["a", "b"], CPU)
    return task


def loader(store: ImageStore, **options: Any) -> Loader:
    count = len(store)
    return Loader(store, CPU, targets=torch.arange(count) % 2, labeled=np.arange(count), **options)


def some(source: Loader, *indices: int) -> Batch:
    (batch,) = source.sequential(np.array(indices), 100)
    return batch


def train(task: Classification, source: Loader, epochs: int = 3) -> TrainingRun:
    run = TrainingRun(recipe=task.recipe(30), device=CPU, steps_per_epoch=1)
    run.recipe = type(run.recipe)(**{**run.recipe.as_dict(), "epochs": epochs})

    def epoch_batches(epoch: int) -> Iterator[Batch]:
        return source.epoch(np.arange(30), 32, np.random.default_rng(epoch), augmented=False)

    task.fit(epoch_batches, None, run)
    return run


@pytest.fixture
def count_runs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    runs: list[int] = []
    embed = FrozenBackbone.embed

    def counting(self: FrozenBackbone, pixels: torch.Tensor) -> torch.Tensor:
        runs.append(len(pixels))
        return embed(self, pixels)

    monkeypatch.setattr(FrozenBackbone, "embed", counting)
    return runs


def test_only_the_head_trains() -> None:
    task = built()
    assert task._frozen is not None
    backbone = {name: tensor.clone() for name, tensor in task._frozen.backbone.state_dict().items()}
    head = task.network[1].weight.detach().clone()
    run = train(task, loader(images(0)), epochs=30)
    assert run.history[-1] < run.history[0]
    assert not torch.equal(task.network[1].weight, head)
    assert all(
        torch.equal(tensor, backbone[name]) for name, tensor in task._frozen.backbone.state_dict().items()
    )


def test_cached_and_direct_embeddings_are_equal() -> None:
    task, source = built(), loader(images(0))
    batch = some(source, 7, 3, 29)
    task.network.eval()
    cached, direct = task.forward_batch(batch), task.forward(batch.images)
    assert cached.embedding is not None
    torch.testing.assert_close(cached.embedding, direct.embedding)
    torch.testing.assert_close(cached.prediction, direct.prediction)
    assert cached.embedding.shape == (3, task.spec.embedding_dim)
    assert [(tap.name, tap.size) for tap in task.spec.taps] == [("embedding", (1, 1))]
    assert cached.features == (cached.embedding,)


def test_every_image_is_embedded_once(count_runs: list[int]) -> None:
    task, source = built(), loader(images(0))
    train(task, source)
    task.evaluate([some(source, 1, 2)])
    task.reset(5)
    train(task, source)
    assert sum(count_runs) == 30


def test_images_of_another_store_are_not_confused() -> None:
    task = built()
    pool, test = loader(images(0)), loader(images(1))
    task.network.eval()
    for source in (pool, test, pool):
        batch = some(source, 0, 5)
        torch.testing.assert_close(task.forward_batch(batch).embedding, task.forward(batch.images).embedding)


def test_embeddings_are_kept_between_processes(tmp_path: Path, count_runs: list[int]) -> None:
    first = built(tmp_path).forward_batch(some(loader(images(0)), 4, 2)).embedding
    assert sum(count_runs) == 30
    second = built(tmp_path).forward_batch(some(loader(images(0)), 4, 2)).embedding
    assert sum(count_runs) == 30
    assert first is not None and second is not None
    assert torch.equal(first, second)
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("change", ["images", "order", "normalization", "weights"])
def test_anything_else_has_a_file_of_its_own(tmp_path: Path, change: str) -> None:
    built(tmp_path).forward_batch(some(loader(images(0)), 0, 9))
    task, store = built(tmp_path), images(0)
    options: dict[str, Any] = {}
    if change == "images":
        store = images(1)
    elif change == "order":
        store = ImageStore.from_array(images(0).take(np.arange(30)[::-1].copy()).numpy())
    elif change == "normalization":
        options = {"mean": torch.tensor([0.3]), "std": torch.tensor([0.1])}
    else:
        assert task._frozen is not None
        next(task._frozen.backbone.parameters()).data[0] += 1
    batch = some(loader(store, **options), 0, 9)
    task.network.eval()
    torch.testing.assert_close(task.forward_batch(batch).embedding, task.forward(batch.images).embedding)
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("content", [b"", b"junk", None, "other", "flipped"])
def test_a_damaged_file_is_made_again(tmp_path: Path, content: bytes | str | None) -> None:
    expected = built(tmp_path).forward_batch(some(loader(images(0)), 0, 9)).embedding
    (path,) = tmp_path.iterdir()
    if content is None:
        np.savez(path, embeddings=np.zeros((3, 3), dtype=np.float32))
    elif content == "other":
        with open(path, "wb") as file:
            np.save(file, np.zeros((30, 3), dtype=np.float32))
    elif content == "flipped":
        kept = bytearray(path.read_bytes())
        kept[len(kept) // 2] ^= 1
        path.write_bytes(kept)
    else:
        assert isinstance(content, bytes)
        path.write_bytes(content)
    found = built(tmp_path).forward_batch(some(loader(images(0)), 0, 9)).embedding
    assert expected is not None and found is not None
    assert torch.equal(expected, found)
    assert np.load(path)["embeddings"].shape == (30, built().spec.embedding_dim)


def test_a_cache_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    train(built(blocked / "cache"), loader(images(0)))
    assert list(tmp_path.iterdir()) == [blocked]


def test_embeddings_made_while_scoring_can_be_trained_on() -> None:
    task, source = built(), loader(images(0))
    with torch.inference_mode():
        task.forward_batch(some(source, 0, 1))
    train(task, source)


def test_heads_are_drawn_from_the_seed() -> None:
    task = built()
    weights = []
    for seed in (1, 2, 1):
        task.reset(seed)
        weights.append(task.network[1].weight.detach().clone())
    assert torch.equal(weights[0], weights[2])
    assert not torch.equal(weights[0], weights[1])


def test_its_recipe_neither_augments_nor_saves_bits() -> None:
    recipe = built(augment=True, precision="bfloat16").recipe(100)
    assert not recipe.augment
    assert recipe.precision == "float32"
