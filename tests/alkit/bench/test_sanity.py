"""Is the pipeline right? What must be equal is equal, what must not help does not, what must help does."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

import alkit
from alkit.bench import records
from alkit.bench.prepare import prepare, seed_set
from alkit.bench.protocol import parse_protocol
from alkit.bench.suite import SuiteOptions, run_suite
from alkit.plugin import registry
from alkit.utils import seeding
from alkit.utils.progress import NullProgress

from .tiny import tiny_protocol, write_digits

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


@pytest.fixture(scope="module")
def plain() -> ModuleType:
    """Import the plain training script."""
    spec = importlib.util.spec_from_file_location("plain", BENCHMARKS / "plain.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_baseline_is_a_plain_training(tmp_path: Path, plain: ModuleType) -> None:
    """The same first weights, order and recipe without alkit end in the same accuracies."""
    options = {"epochs": 2, "batch-size": 8, "model": "tiny-cnn", "precision": "float32"}
    protocol = tiny_protocol(tmp_path, strategies=["random"], seeds=1, task={"options": options})
    every = run_suite(
        protocol,
        tmp_path / "results",
        SuiteOptions(device="cpu", executor="local"),
        progress=NullProgress(),
    )
    shared = prepare(protocol, tmp_path / "cache", device="cpu", progress=NullProgress())
    pixels = shared.images.take(np.arange(shared.pool.count)).double() / 255
    mean, std = shared.images.mean.double().view(1, -1, 1, 1), shared.images.std.double().view(1, -1, 1, 1)
    images = ((pixels - mean) / std).float()
    test = shared.test_images()
    test_pixels = test.images.take(test.indices).double() / 255
    numbers = {name: number for number, name in enumerate(shared.classes)}
    targets = torch.tensor([numbers[label] for label in shared.pool.labels])
    test_targets = torch.tensor([numbers[str(value)] for value in test.values])
    labeled = seed_set(protocol, shared, 0)
    for record in records.cycles_of(every):
        task = shared.task_model()
        task.reset(seeding.derive(0, "weights", record["cycle"]))
        recipe = record["recipe"]
        order = []
        for epoch in range(recipe["epochs"]):
            rng = seeding.numpy_generator(0, "order", record["cycle"], epoch)
            count = -(-len(labeled) // recipe["batch_size"])
            order.append([torch.from_numpy(p) for p in np.array_split(rng.permutation(labeled), count)])
        network = task.network
        plain.train_plain(
            network,
            images,
            targets,
            order,
            learning_rate=recipe["learning_rate"],
            momentum=recipe["momentum"],
            weight_decay=recipe["weight_decay"],
        )
        found = plain.accuracy(network, ((test_pixels - mean) / std).float(), test_targets)
        assert found == pytest.approx(record["metrics"]["accuracy"], abs=1e-6)
        labeled = np.union1d(labeled, np.array(record["picks"], dtype=np.int64))


def _finals(every: list[records.Record], strategy: str) -> np.ndarray[Any, Any]:
    last = max(record["cycle"] for record in records.cycles_of(every))
    return np.array(
        [
            record["metrics"]["accuracy"]
            for record in records.cycles_of(every)
            if record["strategy"] == strategy and record["cycle"] == last
        ]
    )


@pytest.mark.slow
def test_shuffled_labels_bring_every_strategy_to_chance(tmp_path: Path) -> None:
    pool, test = write_digits(tmp_path, classes=4)
    with np.load(pool) as arrays:
        images, labels = arrays["images"], np.random.default_rng(0).permutation(arrays["labels"])
    np.savez(pool, images=images, labels=labels)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    protocol = tiny_protocol(
        elsewhere,
        data={"pool": str(pool), "test": str(test)},
        task={"options": {"epochs": 20, "batch-size": 16, "model": "tiny-cnn"}},
        labels={"start": 40, "budget": 40, "cycles": 2},
        strategies=["random", "entropy", "coreset", "learning-loss"],
        seeds=12,
    )
    every = run_suite(protocol, tmp_path / "results", SuiteOptions(device="cpu"), progress=NullProgress())
    chance = 1 / 4
    for entry in protocol.strategies:
        finals = _finals(every, entry.shown)
        assert abs(finals.mean() - chance) < 4 * finals.std(ddof=1) / np.sqrt(len(finals)) + 0.02, entry.shown


class Peek(alkit.ScoreStrategy):
    """Knows the hidden labels and takes what the model gets most wrong, one class after the other."""

    name = "peek"
    needs = frozenset({"probabilities"})
    truth: np.ndarray[Any, Any]

    def score(self, cycle: Any, output: Any) -> torch.Tensor:
        raise NotImplementedError

    def select(self, cycle: Any, n: int) -> Any:
        hidden = torch.from_numpy(self.truth[cycle.candidates])
        probabilities = cycle.collect(cycle.candidates, lambda output: output.probabilities)
        wrong = 1 - probabilities.gather(1, hidden.unsqueeze(1)).squeeze(1)
        order = torch.argsort(wrong, descending=True, stable=True).numpy()
        by_class = [[i for i in order if hidden[i] == number] for number in range(int(hidden.max()) + 1)]
        turns = [group[turn] for turn in range(n) for group in by_class if turn < len(group)]
        return cycle.candidates[np.array(turns[:n])]


@pytest.mark.slow
def test_a_strategy_that_peeks_beats_random_and_entropy_finds_hard_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a pool in which most classes are rare, knowing the labels has to help."""
    pool, test = write_digits(tmp_path, classes=10)
    with np.load(pool) as arrays:
        Peek.truth = arrays["labels"].astype(np.int64)
    get, owner = registry.strategies.get, registry.strategies.owner
    monkeypatch.setattr(registry.strategies, "get", lambda name: Peek if name == "peek" else get(name))
    monkeypatch.setattr(registry.strategies, "owner", lambda cls: None if cls is Peek else owner(cls))
    protocol = parse_protocol(
        {
            "data": {"pool": str(pool), "test": str(test), "imbalance": "long-tailed", "ratio": 30},
            "task": {"options": {"epochs": 30, "batch-size": 16, "model": "tiny-cnn"}},
            "labels": {"start": 20, "budget": 20, "cycles": 3},
            "strategies": ["random", "entropy", "peek"],
            "seeds": 5,
        }
    )
    every = run_suite(
        protocol,
        tmp_path / "results",
        SuiteOptions(device="cpu", executor="local"),
        progress=NullProgress(),
    )
    difference = _finals(every, "peek") - _finals(every, "random")
    assert difference.mean() > 2 * difference.std(ddof=1) / np.sqrt(len(difference))
    hard = {
        name: np.mean(
            [
                record["diagnostics"]["picked_loss"]
                for record in records.cycles_of(every)
                if record["strategy"] == name and record["picks"]
            ]
        )
        for name in ("random", "entropy")
    }
    assert hard["entropy"] > hard["random"]


@pytest.mark.slow
def test_the_rankers_order_agrees_with_true_losses(tmp_path: Path) -> None:
    small = {"image-size": 8, "channels": "8,16", "latent": 8, "iterations": 5}
    protocol = parse_protocol(
        {
            "data": {"pool": "digits"},
            "task": {"options": {"epochs": 30, "batch-size": 16, "model": "tiny-cnn"}},
            "labels": {"start": 60, "budget": 20, "cycles": 1},
            "strategies": ["random", "learning-loss", {"name": "ta-vaal", "options": small}],
            "seeds": 2,
        }
    )
    every = run_suite(
        protocol,
        tmp_path / "results",
        SuiteOptions(device="cpu", executor="local"),
        progress=NullProgress(),
    )
    found = [
        record["diagnostics"]["predicted_loss_correlation"]
        for record in records.cycles_of(every)
        if "predicted_loss_correlation" in record["diagnostics"]
    ]
    assert len(found) == 2 * 2 * 2
    assert np.mean(found) > 0.2
