"""The examples of unlabeled images, pretraining and a short task conform, and get what alkit promises."""

from __future__ import annotations

import dataclasses
import importlib
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import alkit
from alkit.data import ImageStore
from alkit.data.labeled_images import LabeledImages
from alkit.engine.pretrain import Pretraining
from alkit.engine.round import Round
from alkit.errors import NotTrained
from alkit.testing.world import make_world
from alkit.utils.profiling import Profile
from alkit.utils.progress import NullProgress

FOLDER = Path(__file__).parents[2] / "docs" / "plugins"
CPU = torch.device("cpu")
NAMES = ("fixmatch", "rotation", "grades")


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], object]:
    """Import a plugin from its folder."""

    def load(name: str) -> object:
        monkeypatch.syspath_prepend(str(FOLDER / f"alkit-{name}"))
        return importlib.import_module(f"alkit_{name}")

    return load


def pixels(count=24, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, 3, 12, 12), np.uint8)


def labeled(images, indices=(0, 1, 2, 3, 4, 5)):
    values = ["cat" if index % 2 else "dog" for index in indices]
    return LabeledImages(images=images, indices=np.array(indices), values=values)


def round_of(images, strategy=None, **changed):
    made = Round(number=0, seed=7, labeled=labeled(images), strategy=strategy, device=CPU)
    return dataclasses.replace(made, **changed)


def test_unlabeled_images_are_part_of_the_fingerprint_of_a_training_that_sees_them(plugin):
    """Others neither see them nor depend on them, so plain training stays plain."""
    fixmatch = plugin("fixmatch").FixMatch(ratio=1)
    seen = {}
    for name, changed in (("same", 0), ("other", 20)):
        content = pixels()
        if changed:
            content[changed] = content[changed][:, ::-1]  # the mean over the pool stays the same
        store = ImageStore.from_array(content)
        for who, strategy in (("plain", None), ("fixmatch", fixmatch)):
            model = make_world().model
            trained = round_of(store, strategy).train(model, classes=("cat", "dog", "owl"))
            seen[who, name] = (trained.fingerprint, model.network.state_dict()["stem.0.weight"])
    assert seen["plain", "same"][0] == seen["plain", "other"][0]
    assert torch.equal(seen["plain", "same"][1], seen["plain", "other"][1])
    assert seen["fixmatch", "same"][0] != seen["fixmatch", "other"][0]


def built(module, folder=None, **given):
    task = module.Rotation(width=2, rounds=1, **given)
    task.cache_dir = folder
    task.build((3, 12, 12), ("cat", "dog"), CPU)
    return task


def test_a_task_pretrains_once_for_the_same_images(plugin, tmp_path, monkeypatch):
    module, calls = plugin("rotation"), []
    whole = module.Rotation.pretrain

    def counted(self, pool, run):
        calls.append(len(pool))
        return whole(self, pool, run)

    monkeypatch.setattr(module.Rotation, "pretrain", counted)
    store = ImageStore.from_array(pixels())
    cycles = []
    for number in range(2):
        task = built(module, tmp_path)
        record = round_of(store, number=number).train(task, classes=("cat", "dog")).record
        cycles.append((record["pretrained"], record["starting_weights"]))
    assert calls == [24]
    assert cycles[0][0] == cycles[1][0] and (tmp_path / cycles[0][0]).is_file()
    assert cycles[0][1] != cycles[1][1]  # the head is drawn anew
    more = ImageStore.from_array(np.concatenate([pixels(), pixels(1, seed=1)]))
    grown = round_of(more).train(built(module, tmp_path), classes=("cat", "dog")).record
    assert calls == [24, 25] and grown["pretrained"] != cycles[0][0]
    (tmp_path / cycles[0][0]).write_bytes(b"damaged")
    again = round_of(store).train(built(module, tmp_path), classes=("cat", "dog")).record
    assert calls == [24, 25, 24] and again["starting_weights"] == cycles[0][1]


def test_pretrained_weights_are_where_training_and_first_queries_start(plugin, tmp_path):
    module, store = plugin("rotation"), ImageStore.from_array(pixels())
    inputs = {"images": store, "seed": 7, "device": CPU}
    pretraining = Pretraining(**inputs, progress=NullProgress(), profile=Profile())
    task = built(module, tmp_path)
    with pytest.raises(NotTrained):
        pretraining.of(task, load_only=True)
    start = pretraining.of(task)
    assert sorted(start.weights) == ["body.0.bias", "body.0.weight", "body.2.bias", "body.2.weight"]

    class ByEmbedding(alkit.Strategy):
        name = "by-embedding"
        needs = frozenset({"embedding"})
        needs_labels = False

        def select(self, cycle, n):
            return cycle.candidates[:n]

    first = built(module, tmp_path)
    empty = LabeledImages(images=store, indices=np.empty(0, dtype=np.int64), values=[])
    round_of(store, ByEmbedding(), labeled=empty).open_cycle(first, None, np.arange(24))
    for name, tensor in start.weights.items():
        assert torch.equal(first.network.state_dict()[name], tensor)
    assert first.spec.pretrained


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_its_own_tests_pass(name, install, tmp_path, python):
    installed = install(FOLDER / f"alkit-{name}")
    copy = shutil.copytree(FOLDER / f"alkit-{name}" / "tests", tmp_path / "tests")
    talk = python("-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", cwd=copy, path=installed)
    assert " passed" in talk
    assert "failed" not in talk


def test_the_short_task_is_short_and_sorts_its_classes(plugin):
    lines = (FOLDER / "alkit-grades" / "alkit_grades.py").read_text().splitlines()
    assert len([line for line in lines if line.strip()]) <= 42
    task = plugin("grades").Grades()
    task.build((3, 12, 12), ("low", "middle", "high"), CPU)
    rows = torch.randn(5, 3, 12, 12)
    shares = task.forward(rows).probabilities
    assert shares.shape == (5, 3) and torch.allclose(shares.sum(dim=1), torch.ones(5))
