"""The effect of each difference between the papers and the published code on the picks.

    python benchmarks/faithfulness.py --images cifar10/train --out benchmarks/results/faithfulness

A task model is trained on a labeled set, alone or with a loss predictor. Then a strategy ranks the same
candidates with its defaults and with one thing changed at a time, from the same seed. The report gives, for
each seed and as a mean, Spearman's correlation of the two orders and the overlap of their top tenth. The
first row of each strategy is the yardstick: the default against itself with another seed of the adversary
or, if there is none, of the training.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from common import about, parser

from alkit import options
from alkit.campaign.campaign import Campaign
from alkit.campaign.create import create
from alkit.data.labeled_images import LabeledImages
from alkit.engine.cycle import Cycle, PoolView, Scoring
from alkit.engine.train import TrainedModel, TrainingJob, train_model
from alkit.interfaces.contract import choose
from alkit.plugin import registry
from alkit.utils.profiling import Profile
from alkit.utils.progress import Terminal
from alkit_plugins.components.diagnosis import rank_correlation

ANOTHER = 1000  # added to a seed
Use = tuple[str, dict[str, Any]]  # a strategy and its options


class Variant(NamedTuple):
    """One way to make the picks: how the task model was trained, and which strategy chose.

    Attributes:
        name: its name in the table.
        trained: the strategy whose companion is trained with the task model.
        choosing: the strategy that ranks.
        training_seed: added to the seed of the training.
        choosing_seed: added to the seed of the choice.
    """

    name: str
    trained: Use
    choosing: Use
    training_seed: int = 0
    choosing_seed: int = 0


def variants(iterations: int) -> dict[str, list[Variant]]:
    """Return for each strategy its default and the variants compared with it, the yardstick first."""
    game = {"iterations": iterations, "precision": "float32"}
    ranker: Use = ("ta-vaal", game)

    def game_with(name: str, changed: dict[str, Any], strategy: str = "ta-vaal") -> Variant:
        return Variant(name, ranker, (strategy, {**game, **changed}))

    loss: Use = ("learning-loss", {})
    ranking: Use = ("learning-loss", {"loss": "ranking"})
    later: Use = ("learning-loss", {"detach-after": 0.605})
    entropy: Use = ("entropy", {})
    return {
        "TA-VAAL": [
            game_with("default", {}),
            game_with("default, another seed", {})._replace(choosing_seed=ANOTHER),
            game_with("batch statistics while scoring", {"scoring": "train"}),
            game_with("random ranks in the first iteration", {"first-ranks": "random"}),
            game_with("batches in the pool's order", {"shuffle": False}),
            game_with("raw rank to the discriminator", {"discriminator-rank": "raw"}),
            game_with("summed KL", {"kl": "sum"}),
            game_with("two VAE steps per iteration", {"vae-steps": 2}),
            game_with("bfloat16", {"precision": "bfloat16"}),
            game_with("no rank at all: VAAL, one VAE step", {"vae-steps": 1}, "vaal"),
        ],
        "Learning Loss": [
            Variant("default", loss, loss),
            Variant("default, another seed", loss, loss, training_seed=ANOTHER),
            Variant("cross-entropy of the order", ranking, ranking),
            Variant("detached after 0.605 of the epochs", later, later),
        ],
        "entropy": [
            Variant("default", entropy, entropy),
            Variant("default, another seed", entropy, entropy, training_seed=ANOTHER),
            Variant("trained together with a loss predictor", loss, entropy),
        ],
    }


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--images", default="digits", help="pool with one folder per class, or digits")
    arguments.add_argument("--labels", type=int, default=500, help="labeled images")
    arguments.add_argument("--candidates", type=int, default=2000, help="images that are ranked")
    arguments.add_argument("--iterations", type=int, default=300, help="adversarial iterations")
    arguments.add_argument("--seeds", type=int, default=3, help="seeds")
    arguments.add_argument("--strategies", nargs="*", choices=variants(1), default=list(variants(1)))
    given = arguments.parse_args()
    torch.set_num_threads(given.threads)
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for seed in range(given.seeds):
        for strategy, name, correlation, overlap in compare(given, seed):
            found.setdefault((strategy, name), []).append((correlation, overlap))
            print(f"seed {seed}: {strategy}: {name}: {correlation:.2f} {overlap:.2f}", flush=True)
    report(found, given)


def compare(given: Any, seed: int) -> Iterator[tuple[str, str, float, float]]:
    """Rank the candidates with the default and every variant, for one seed."""
    with tempfile.TemporaryDirectory() as folder:
        campaign = create(Path(folder) / "campaign", given.images, oracle="dataset", seed=seed)
        with campaign:
            bench = Bench(campaign, Path(folder), seed, given)
            for strategy in given.strategies:
                default, *others = variants(given.iterations)[strategy]
                expected = bench.order(default)
                for other in others:
                    yield strategy, other.name, *agreement(expected, bench.order(other))


class Bench:
    """A pool, a labeled set and candidates, drawn by a seed."""

    def __init__(self, campaign: Campaign, folder: Path, seed: int, given: Any) -> None:
        some = np.random.default_rng(seed).permutation(campaign.pool.candidates)
        self.campaign, self.folder, self.seed = campaign, folder, seed
        self.labeled = np.sort(some[: given.labels])
        self.candidates = np.sort(some[given.labels : given.labels + given.candidates])
        oracle = campaign.oracle()
        assert oracle is not None
        answers = oracle.label(self.labeled.tolist())
        self.values = [answers[index].value for index in self.labeled.tolist()]
        self.images = campaign.resources.images(campaign.state)
        self.trained: dict[str, TrainedModel] = {}

    def order(self, variant: Variant) -> np.ndarray:
        """Return the candidates, first choice first."""
        trained = self._learned(*variant.trained, self.seed + variant.training_seed)
        name, changed = variant.choosing
        seed = self.seed + variant.choosing_seed
        cycle = Cycle(
            PoolView(self.images, self.labeled, trained.targets, self.candidates),
            number=0,
            seed=seed,
            model=trained.model,
            companion=trained.companion,
            scoring=Scoring(torch.device("cpu")),
        )
        return choose(
            options.build(registry.strategies.get(name), changed), cycle, len(self.candidates), seed=seed
        )

    def _learned(self, name: str, changed: dict[str, Any], seed: int) -> TrainedModel:
        """Train the task model and a strategy's companion, once for each setting."""
        key = json.dumps([name, changed, seed])
        if key not in self.trained:
            job = TrainingJob(
                cycle=0,
                seed=seed,
                labeled=LabeledImages(images=self.images, indices=self.labeled, values=self.values),
                test=None,
                classes=self.campaign.classes,
                strategy=options.build(registry.strategies.get(name), changed),
                checkpoints=self.folder / "checkpoints",
            )
            task = self.campaign.resources.task(self.campaign.state)
            self.trained[key] = train_model(task, job, torch.device("cpu"), Terminal(), Profile())
        return self.trained[key]


def agreement(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """Return Spearman's correlation of two orders of the same images, and the overlap of their top tenth."""
    top = len(first) // 10
    positions = np.argsort(first).astype(np.float64), np.argsort(second).astype(np.float64)
    correlation = rank_correlation(*positions)
    assert correlation is not None
    return correlation, len(np.intersect1d(first[:top], second[:top])) / top


def report(found: dict[tuple[str, str], list[tuple[float, float]]], given: Any) -> None:
    heading = "| strategy | changed | rank correlation | overlap of the top tenth | by seed |"
    lines = [heading, "|---|---|---|---|---|"]
    for (strategy, name), values in found.items():
        correlation, overlap = np.mean(values, axis=0)
        each = ", ".join(f"{c:.2f}/{o:.2f}" for c, o in values)
        lines.append(f"| {strategy} | {name} | {correlation:.2f} | {overlap:.2f} | {each} |")
    source = about(
        given,
        images=given.images,
        labels=given.labels,
        candidates=given.candidates,
        iterations=given.iterations,
        seeds=given.seeds,
    )
    del source["rounds"]
    lines += ["", *(f"- {key}: {value}" for key, value in source.items())]
    print("\n".join(lines))
    if given.out:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.with_suffix(".md").write_text(
            "\n".join(["# What differences do to the picks", "", *lines]) + "\n"
        )
        results = {f"{strategy}: {name}": values for (strategy, name), values in found.items()}
        given.out.with_suffix(".json").write_text(json.dumps({**source, "results": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
