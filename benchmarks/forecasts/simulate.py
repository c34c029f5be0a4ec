"""Simulate campaigns that are rehearsed and then go on for real; `calibrate.py` compares both.

    python benchmarks/forecasts/simulate.py clothes:FEATURES cifar:FEATURES digits

FEATURES is a folder with pool.csv and test.csv (columns image and label) and pool.f32 and test.f32, the
encoder's features of these images in this order. They are reduced to 64 principal components of the pool,
and the head's solver stops early, so that a campaign takes seconds.

A campaign has 80, 200 or 500 labels, all drawn at random or half of them chosen by badge, and 500 test images
(298 of digits). It is rehearsed; then each strategy goes on to 100, 500 and 1,000 further labels, as far as
the pool reaches. Each campaign is one line of the records, and a call goes on where the last one stopped.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import itertools
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy.optimize import minimize
from sklearn.datasets import load_digits
from torch import Tensor, nn

from alkit.campaign.rehearsal.replays import Replays
from alkit.campaign.rehearsal.stage import Stage
from alkit.data.labeled_images import LabeledImages
from alkit.data.store import ImageStore
from alkit.engine.round import Round
from alkit.engine.train import evaluate
from alkit.interfaces.strategy import Strategy
from alkit.options import build
from alkit.plugin import registry
from alkit.training.types import Tap
from alkit.utils import seeding
from alkit_plugins.tasks.encoded import Encoded

Rows = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int64]

RESULTS = Path(__file__).parents[1] / "results" / "rehearsal.jsonl.gz"
STRATEGIES = ("badge", "coreset", "margin")
MORE = (100, 500, 1000)
LABELS = (80, 200, 500)
REPEATS = 2
TEST = 500
COMPONENTS = 64
TAIL = 10  # times as many images of the largest class as of the smallest
CPU = torch.device("cpu")


class Kept(Encoded):
    """A linear head on features that are given; its solver stops after 100 steps."""

    dim = COMPONENTS

    def build(self, image_shape: tuple[int, int, int], classes: Sequence[str], device: torch.device) -> None:
        self.set_classes(classes, device)
        self._dim = self.dim
        self.reset(0)
        self.spec = self.spec_for(image_shape, (Tap("embedding", self._dim, (1, 1)),), self._dim, True)

    def named_encoder(self) -> None:  # type: ignore[override]
        return None

    def solve(self, linear: nn.Linear, features: Tensor, targets: Tensor) -> float:
        rows, truth = features.detach().double().numpy(), targets.numpy()
        count, classes = len(rows), linear.out_features
        hot = np.eye(classes)[truth]

        def loss(flat: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
            weights = flat.reshape(classes, -1)
            outputs = rows @ weights[:, :-1].T + weights[:, -1]
            outputs -= outputs.max(1, keepdims=True)
            sums = np.log(np.exp(outputs).sum(1))
            error = np.exp(outputs - sums[:, None]) - hot
            gradient = np.concatenate([error.T @ rows + weights[:, :-1], error.sum(0)[:, None]], axis=1)
            total = sums.sum() - outputs[np.arange(count), truth].sum() + (weights[:, :-1] ** 2).sum() / 2
            return float(total), gradient.ravel()

        found = minimize(
            loss,
            np.zeros(classes * (rows.shape[1] + 1)),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": 100},
        )
        weights = torch.from_numpy(found.x.reshape(classes, -1)).float()
        with torch.no_grad():
            linear.weight.copy_(weights[:, :-1])
            linear.bias.copy_(weights[:, -1])
        return float(found.fun) / count


@dataclass(frozen=True)
class Data:
    """Features and labels of a data set."""

    name: str
    classes: tuple[str, ...]
    pool: Rows
    pool_labels: Numbers
    test: Rows
    test_labels: Numbers


def read(text: str) -> Data:
    """Read features and labels, as named on the command line."""
    name, _, folder = text.partition(":")
    if name == "digits":
        rows, labels = load_digits(return_X_y=True)
        order = np.random.default_rng(0).permutation(len(rows))
        rows, labels = rows[order].astype(np.float32), labels[order].astype(np.int64)
        names = tuple(map(str, range(10)))
        return Data(name, names, rows[:1200], labels[:1200], rows[1200:], labels[1200:])
    texts, found = {}, {}
    for part in ("pool", "test"):
        with open(Path(folder) / f"{part}.csv", newline="") as file:
            texts[part] = [row["label"] for row in csv.DictReader(file)]
        found[part] = np.fromfile(Path(folder) / f"{part}.f32", np.float32).reshape(len(texts[part]), -1)
        found[part] /= np.linalg.norm(found[part], axis=1, keepdims=True)
    mean = found["pool"].mean(0)
    _, _, axes = np.linalg.svd(found["pool"][:3000] - mean, full_matrices=False)
    pool, test = ((found[part] - mean) @ axes[:COMPONENTS].T for part in ("pool", "test"))
    classes = tuple(sorted(set(texts["pool"])))
    labels = {part: np.array([classes.index(text) for text in texts[part]]) for part in texts}
    return Data(name, classes, pool, labels["pool"], test, labels["test"])


@dataclass(frozen=True)
class Setting:
    """One simulated campaign."""

    data: str
    balance: str
    labels: int
    chosen_by: str
    repeat: int

    @property
    def key(self) -> list[Any]:
        return [self.data, self.balance, self.labels, self.chosen_by, self.repeat]

    @property
    def seed(self) -> int:
        return seeding.derive(0, *self.key)


def settings(names: Sequence[str]) -> Iterator[Setting]:
    """Yield all campaigns, 24 a data set: those with the most labels, which take longest, come last."""
    for most, repeat, labels, by, balance, name in itertools.product(
        (False, True), range(REPEATS), LABELS, ("random", "badge"), ("as it is", "long tail"), names
    ):
        if most == (labels == LABELS[-1]):
            yield Setting(name, balance, labels, by, repeat)


class World:
    """A campaign and the truth about it."""

    def __init__(self, data: Data, setting: Setting) -> None:
        self.data, self.setting = data, setting
        rng = seeding.numpy_generator(setting.seed, "world")
        self.members = self._members(rng)
        self.images = _store(data.pool)
        self.task = build(Kept)
        self.task.build((1, 1, 1), data.classes, CPU)
        order = rng.permutation(len(data.test))
        tests, tested = _store(data.test), min(TEST, len(data.test) // 2)
        self.test, self.fresh = (
            LabeledImages(
                images=tests, indices=rows, values=[data.classes[i] for i in data.test_labels[rows]]
            )
            for rows in (np.sort(order[:tested]), np.sort(order[tested:]))
        )
        first = setting.labels if setting.chosen_by == "random" else setting.labels // 2
        labeled = rng.choice(self.members, size=first, replace=False)
        if first < setting.labels:
            labeled = self.extended(labeled, make("badge"), setting.labels - first, 0)
        self.labeled = np.sort(labeled)

    def _members(self, rng: np.random.Generator) -> Numbers:
        if self.setting.balance == "as it is":
            return np.arange(len(self.data.pool))
        classes = len(self.data.classes)
        counts = np.bincount(self.data.pool_labels, minlength=classes)
        kept = []
        for place, number in enumerate(np.argsort(-counts, kind="stable")):
            rows = np.flatnonzero(self.data.pool_labels == number)
            most = counts.max() * TAIL ** (-place / (classes - 1))
            kept.append(rng.choice(rows, size=min(len(rows), math.ceil(most)), replace=False))
        return np.sort(np.concatenate(kept))

    def round_of(self, labeled: Numbers, number: int, strategy: Strategy | None) -> Round:
        labeled = np.sort(labeled)
        values = [self.data.classes[i] for i in self.data.pool_labels[labeled]]
        images = LabeledImages(images=self.images, indices=labeled, values=values)
        return Round(number=number, seed=self.setting.seed, labeled=images, strategy=strategy, device=CPU)

    def extended(self, labeled: Numbers, strategy: Strategy, n: int, number: int) -> Numbers:
        """Return the labels with n more that a strategy has chosen."""
        round_ = self.round_of(labeled, number, strategy)
        trained = round_.train(self.task, classes=self.data.classes) if strategy.needs else None
        cycle = round_.open_cycle(self.task, trained, np.setdiff1d(self.members, labeled))
        return np.concatenate([labeled, round_.choose(cycle, n)])

    def accuracy(self, labeled: Numbers) -> list[float]:
        """Return the accuracy on the campaign's test images and on others that nobody has seen."""
        trained = self.round_of(labeled, 0, None).train(self.task, classes=self.data.classes, test=self.test)
        fresh = evaluate(
            self.task, self.fresh, self.task.encode(self.fresh.values), self.images, CPU, "float32"
        )
        return [round(trained.metrics["accuracy"], 5), round(fresh["accuracy"], 5)]

    def truth(self) -> dict[str, list[list[float]]]:
        """Return the accuracies of each strategy after each number of further labels."""
        found: dict[str, list[list[float]]] = {}
        possible = [n for n in MORE if n <= (len(self.members) - len(self.labeled)) // 2]
        for name in ("random", *STRATEGIES):
            labeled, rows = self.labeled, []
            for number, n in enumerate(possible, 1):
                more = n - (possible[number - 2] if number > 1 else 0)
                labeled = self.extended(labeled, make(name), more, number)
                rows.append(self.accuracy(labeled))
            found[name] = rows
        return found

    def replays(self) -> Replays:
        """Rehearse."""
        stage = Stage(
            images=self.images,
            labeled=self.labeled,
            values=[self.data.classes[i] for i in self.data.pool_labels[self.labeled]],
            task=self.task,
            classes=self.data.classes,
            test=self.test,
            seed=self.setting.seed,
            device=CPU,
        )
        return stage.replays([make(name) for name in STRATEGIES], 5)


def make(name: str) -> Strategy:
    """Return a strategy."""
    return build(registry.strategies.get(name))


def _store(features: Rows) -> ImageStore:
    store = ImageStore.from_array(np.zeros((len(features), 1, 1, 1), np.uint8))
    store.features = np.ascontiguousarray(features)
    return store


def simulate(given: argparse.Namespace) -> None:
    """Simulate the campaigns that are missing in the file of records."""
    torch.set_num_threads(1)
    data = {found.name: found for found in map(read, given.data)}
    done = [record["setting"] for record in records(given.records)]
    for setting in settings(list(data)):
        if setting.key in done:
            continue
        world = World(data[setting.data], setting)
        record = {
            "setting": setting.key,
            "pool": len(world.members),
            "now": world.accuracy(world.labeled),
            "replays": world.replays().as_dict(),
            "truth": world.truth(),
        }
        with gzip.open(given.records, "at", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
        print(*setting.key, len(world.members), record["now"], flush=True)


def records(path: Path) -> list[dict[str, Any]]:
    """Read the records."""
    if not path.exists():
        return []
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", nargs="+", metavar="NAME[:FEATURES]")
    parser.add_argument("--records", type=Path, default=RESULTS)
    simulate(parser.parse_args())


if __name__ == "__main__":
    main()
