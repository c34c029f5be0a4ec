"""Records of a benchmark that never ran: learning curves with noise that strategies of one seed share."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
GAINS = {"random": 0.0, "entropy": 0.012, "coreset": 0.006, "vaal": -0.004, "ta-vaal": 0.021}
ADVERSARIAL = ("vaal", "ta-vaal")
Record = dict[str, Any]


def make_records(
    strategies: Sequence[str] = tuple(GAINS),
    *,
    seeds: int = 5,
    cycles: int = 5,
    start: int = 500,
    budget: int = 500,
    metric: str = "accuracy",
    falls: bool = False,
    skewed: bool = False,
) -> list[Record]:
    """Make the records of a whole suite.

    Args:
        strategies: names; those without a gain of their own get one by position.
        seeds: number of seeds.
        cycles: number of queries; there is one training more.
        start: labels of the seed set.
        budget: labels a query.
        metric: name of the main metric.
        falls: the metric is better when lower.
        skewed: all but random pick the later classes more often.
    """
    records = []
    for seed in range(seeds):
        shared = np.random.default_rng(seed).normal(0, 0.006, cycles + 1)
        for number, name in enumerate(strategies):
            rng = np.random.default_rng([seed, number])
            gain = GAINS.get(name, 0.004 * (number % 7) - 0.01)
            records.append(_cell(name, seed, cycles, budget))
            labeled = rng.multinomial(start, [0.1] * 10)
            for cycle in range(cycles + 1):
                share = (np.arange(10) + 2.0) / 65 if skewed and name != "random" else np.full(10, 0.1)
                picked = rng.multinomial(budget if cycle < cycles else 0, share)
                labels = start + cycle * budget
                reached = 0.78 - 0.36 * (labels / 500) ** -0.55 + gain * (cycle > 0)
                value = float(reached + shared[cycle] + rng.normal(0, 0.004 if cycle else 0))
                value = (1 - value) * 20 if falls else value
                records.append(_cycle(name, seed, cycle, labels, metric, value, labeled, picked, rng))
                labeled = labeled + picked
    return records


def _cell(name: str, seed: int, cycles: int, budget: int) -> Record:
    return {
        "kind": "cell",
        "strategy": name,
        "plugin": name,
        "distribution": "alkit",
        "version": "0.1.0",
        "seed": seed,
        "options": {"iterations": 300} if name in ADVERSARIAL else {},
        "task_options": {"model": "small-cnn", "epochs": 50},
        "versions": {"alkit": "0.1.0", "torch": "2.14.1", "numpy": "2.4.6", "python": "3.11.7"},
        "machine": {"cpu": "Some CPU", "cores": 2, "memory_gb": 16, "system": "Linux", "device": "cpu"},
        "git": {"commit": "0123456789abcdef", "dirty": False},
        "date": f"2026-11-23T10:{seed:02d}:00Z",
        "command": "alkit bench cnn --out results",
        "protocol": "0011223344556677",
        "candidates": 50000,
        "test": 10000,
        "classes": list(CLASSES),
    }


def _cycle(
    name: str,
    seed: int,
    cycle: int,
    labels: int,
    metric: str,
    value: float,
    labeled: Any,
    picked: Any,
    rng: np.random.Generator,
) -> Record:
    slow = name in ADVERSARIAL
    seconds = {"train": 20 + labels / 100, "evaluate": 1.5, "embed": 4.0, "score": 2.0, "select": 0.3}
    if slow:
        seconds["adversary"] = 90.0
    if name == "ta-vaal":
        seconds["companion"] = 5.0
    seconds = {phase: round(float(took * rng.uniform(0.95, 1.05)), 3) for phase, took in seconds.items()}
    train = seconds["train"] + seconds.get("companion", 0)
    diagnostics: dict[str, Any] = {"note": "not a number"}
    if slow:
        diagnostics |= {"discriminator auc": float(rng.uniform(0.7, 0.9)), "latent spread": 0.2}
    count = int(picked.sum())
    return {
        "kind": "cycle",
        "strategy": name,
        "seed": seed,
        "cycle": cycle,
        "labels": labels,
        "metrics": {metric: value, "balanced_accuracy": value - 0.01, "loss": 1.2 - value / 2},
        "picks": [int(index) for index in rng.integers(0, 50000, count)],
        "classes_picked": picked.tolist(),
        "classes_labeled": labeled.tolist(),
        "seconds": seconds,
        "cpu_seconds": {"train": train * 1.9, "query": (sum(seconds.values()) - train) * 1.9},
        "peak_mb": {"train": 900.0, "adversary": 1900.0} if slow else {"train": 900.0, "select": 400.0},
        "diagnostics": diagnostics if count else {},
        "checks": ["no image twice", "picks are candidates"],
    }


def make_protocol(
    strategies: Sequence[str] = tuple(GAINS), *, seeds: int = 5, cycles: int = 5, imbalance: str = "none"
) -> str:
    """Write the protocol of such records."""
    entries = "".join(f"[[strategies]]\nname = {json.dumps(name)}\n\n" for name in strategies)
    return (
        f'name = "cnn"\ndescription = "A small CNN from scratch"\nseeds = {list(range(seeds))}\n\n'
        f'[data]\npool = ["cifar10"]\nimbalance = "{imbalance}"\n\n'
        '[task]\nname = "classification"\noptions = {model = "small-cnn", epochs = 50}\n\n'
        f"[labels]\nstart = 500\nbudget = 500\ncycles = {cycles}\n\n{entries}"
    )


def make_map(strategies: Sequence[str], *, points: int = 800, boundaries: bool = False) -> Record:
    """Make a map of three clouds."""
    rng = np.random.default_rng(0)
    classes = rng.integers(0, 3, points)
    xy = rng.normal(0, 1.3, (points, 2)) + np.array([[0, 0], [5, 0], [2, 4]])[classes]
    chosen = {}
    for name in strategies:
        some = rng.permutation(points)
        chosen[name] = {"labeled": some[:40].tolist(), "picked": some[40:80].tolist()}
    grid = (np.add.outer(np.arange(40), np.arange(40)) // 30).tolist()
    return {
        "method": "t-SNE of the embeddings of the model that random trained last",
        "seed": 0,
        "cycle": 4,
        "indices": list(range(points)),
        "xy": xy.round(3).tolist(),
        "classes": classes.tolist(),
        "strategies": chosen,
        "boundaries": (
            {name: {"extent": [-4, 9, -4, 8], "grid": grid} for name in strategies} if boundaries else {}
        ),
    }


@pytest.fixture(scope="session")
def fake_records() -> Callable[..., list[Record]]:
    """Make plausible records of a suite."""
    return make_records


def write_results(
    folder: Path,
    strategies: Sequence[str] = tuple(GAINS),
    *,
    records: list[Record] | None = None,
    imbalance: str = "none",
    plane: Record | None = None,
    **how: Any,
) -> Path:
    """Write a folder of results; `records` replaces what would be made."""
    folder.mkdir()
    records = make_records(strategies, **how) if records is None else records
    (folder / "records.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    shape = {key: how[key] for key in ("seeds", "cycles") if key in how}
    (folder / "protocol.toml").write_text(make_protocol(strategies, imbalance=imbalance, **shape))
    if plane:
        (folder / "map.json").write_text(json.dumps(plane))
    return folder


@pytest.fixture(scope="session")
def make_results() -> Callable[..., Path]:
    """Write a folder of results anywhere."""
    return write_results


@pytest.fixture
def fake_results(tmp_path: Path) -> Callable[..., Path]:
    """Write a folder of results into the test's own directory."""

    def write(strategies: Sequence[str] = tuple(GAINS), *, name: str = "results", **how: Any) -> Path:
        return write_results(tmp_path / name, strategies, **how)

    return write


@pytest.fixture(scope="session")
def fake_map() -> Callable[..., Record]:
    """Make a map of picks."""
    return make_map
