"""What each difference between the paper and the published code does to TA-VAAL's picks.

    python benchmarks/faithfulness.py --images cifar10/train --out benchmarks/results/faithfulness

One task model with its ranker is trained on a labeled set. Then TA-VAAL ranks the same candidates by default
and with one option changed at a time, from the same seed. Reported per seed and as a mean: Spearman's
correlation of the two orders, and the overlap of their top tenth. The first row is the yardstick: the default
against itself with another seed of the adversary.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from alkit_plugins.diagnosis import rank_correlation
from common import about, parser

from alkit import options, plugins
from alkit.creation import create
from alkit.cycle import Cycle
from alkit.learning import LabeledImages, Lesson, learn
from alkit.measure import Measures
from alkit.progress import Terminal
from alkit.selection import choose

VARIANTS: list[tuple[str, str, dict[str, Any]]] = [
    ("batch statistics while scoring", "ta-vaal", {"scoring": "train"}),
    ("random ranks in the first iteration", "ta-vaal", {"first-ranks": "random"}),
    ("batches in the pool's order", "ta-vaal", {"shuffle": False}),
    ("raw rank to the discriminator", "ta-vaal", {"discriminator-rank": "raw"}),
    ("summed KL", "ta-vaal", {"kl": "sum"}),
    ("two VAE steps an iteration", "ta-vaal", {"vae-steps": 2}),
    ("bfloat16", "ta-vaal", {"precision": "bfloat16"}),
    ("no rank at all: VAAL, one VAE step", "vaal", {"vae-steps": 1}),
]


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--images", default="digits", help="pool with a folder a class, or digits")
    arguments.add_argument("--labels", type=int, default=500, help="labeled images")
    arguments.add_argument("--candidates", type=int, default=2000, help="images that are ranked")
    arguments.add_argument("--iterations", type=int, default=300, help="adversarial iterations")
    arguments.add_argument("--seeds", type=int, default=3, help="seeds")
    given = arguments.parse_args()
    torch.set_num_threads(given.threads)
    found: dict[str, list[tuple[float, float]]] = {}
    for seed in range(given.seeds):
        for name, correlation, overlap in compare(given, seed):
            found.setdefault(name, []).append((correlation, overlap))
            print(f"seed {seed}: {name}: {correlation:.2f} {overlap:.2f}", flush=True)
    report(found, given)


def compare(given: Any, seed: int) -> list[tuple[str, float, float]]:
    """Rank the candidates by default and by every variant, with one seed."""
    with tempfile.TemporaryDirectory() as folder:
        campaign = create(Path(folder) / "campaign", given.images, oracle="dataset", seed=seed)
        with campaign:
            some = np.random.default_rng(seed).permutation(campaign.pool.candidates)
            labeled = np.sort(some[: given.labels])
            candidates = np.sort(some[given.labels : given.labels + given.candidates])
            oracle = campaign.oracle()
            assert oracle is not None
            answers = oracle.label(labeled.tolist())
            values = [answers[index].value for index in labeled.tolist()]
            images = campaign.workbench.images(campaign.state)
            device = torch.device("cpu")
            base = {"iterations": given.iterations, "precision": "float32"}
            strategy = options.build(plugins.strategies.get("ta-vaal"), base)
            lesson = Lesson(
                cycle=0,
                seed=seed,
                labeled=LabeledImages(images=images, indices=labeled, values=values),
                test=None,
                classes=campaign.classes,
                strategy=strategy,
                checkpoints=Path(folder) / "checkpoints",
            )
            task = campaign.workbench.task(campaign.classes)
            learned = learn(task, lesson, device, Terminal(), Measures())

            def order(name: str, changed: dict[str, Any], cycle_seed: int) -> np.ndarray:
                cycle = Cycle(
                    number=0,
                    model=learned.model,
                    companion=learned.companion,
                    images=images,
                    labeled=labeled,
                    targets=learned.targets,
                    candidates=candidates,
                    seed=cycle_seed,
                    device=device,
                )
                variant = options.build(plugins.strategies.get(name), {**base, **changed})
                return choose(variant, cycle, len(candidates), seed=cycle_seed)

            default = order("ta-vaal", {}, seed)
            results = [("default, another seed", *agreement(default, order("ta-vaal", {}, seed + 1000)))]
            for label, name, changed in VARIANTS:
                results.append((label, *agreement(default, order(name, changed, seed))))
            return results


def agreement(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """Return Spearman's correlation of two orders of the same images, and the overlap of their top tenth."""
    top = len(first) // 10
    positions = np.argsort(first).astype(np.float64), np.argsort(second).astype(np.float64)
    correlation = rank_correlation(*positions)
    assert correlation is not None
    return correlation, len(np.intersect1d(first[:top], second[:top])) / top


def report(found: dict[str, list[tuple[float, float]]], given: Any) -> None:
    lines = ["| changed | rank correlation | overlap of the top tenth | by seed |", "|---|---|---|---|"]
    for name, values in found.items():
        correlation, overlap = np.mean(values, axis=0)
        each = ", ".join(f"{c:.2f}/{o:.2f}" for c, o in values)
        lines.append(f"| {name} | {correlation:.2f} | {overlap:.2f} | {each} |")
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
            "\n".join(["# What differences do to TA-VAAL's picks", "", *lines]) + "\n"
        )
        given.out.with_suffix(".json").write_text(json.dumps({**source, "results": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
