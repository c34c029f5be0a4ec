"""Is the random baseline strong? The same network and recipe in plain PyTorch, on the same number of labels.

    python benchmarks/plain.py results/cnn --pool ./cifar10/train --test ./cifar10/test

This trains the protocol's network on randomly drawn labels in its own loop, with its own augmentation and
order, and prints its test accuracy beside that of the suite's random baseline at the same numbers of labels.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).parent))
import common

from alkit.bench import records
from alkit.bench.protocol import read_protocol
from alkit.plugin.sources import open_source

Augment = Callable[[Tensor], Tensor]


def train_plain(
    network: nn.Module,
    images: Tensor,
    targets: Tensor,
    order: Sequence[Sequence[Tensor]],
    *,
    learning_rate: float,
    momentum: float,
    weight_decay: float,
    augment: Augment | None = None,
) -> None:
    """Train with SGD and a one-cycle schedule: up over a quarter of the steps, down by a cosine.

    Args:
        network: changed in place.
        images: [N, C, H, W], normalized.
        targets: [N] int64.
        order: for each epoch the batches, each [B] int64 positions.
        learning_rate: the maximum of the schedule.
        momentum: of SGD.
        weight_decay: of SGD.
        augment: changes a batch.
    """
    optimizer = torch.optim.SGD(
        network.parameters(), lr=learning_rate, momentum=momentum, weight_decay=weight_decay
    )
    network.train()
    for epoch, batches in enumerate(order):
        for number, batch in enumerate(batches):
            done = (epoch + number / len(batches)) / len(order)
            rising = 0.04 + 0.96 * done / 0.25
            falling = 0.5 * (1 + math.cos(math.pi * (done - 0.25) / 0.75))
            optimizer.param_groups[0]["lr"] = learning_rate * (rising if done < 0.25 else falling)
            inputs = images[batch] if augment is None else augment(images[batch])
            loss = functional.cross_entropy(network(inputs), targets[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    network.eval()


def accuracy(network: nn.Module, images: Tensor, targets: Tensor) -> float:
    """Return the share of images whose class is predicted correctly."""
    with torch.inference_mode():
        right = [
            (network(images[start : start + 500]).argmax(1) == targets[start : start + 500]).sum()
            for start in range(0, len(images), 500)
        ]
    return float(torch.stack(right).sum()) / len(images)


def flip_and_shift(images: Tensor) -> Tensor:
    """Randomly flip each image and move it by up to an eighth of its size, reflecting at the border."""
    pad = images.shape[-1] // 8
    padded = functional.pad(images, (pad, pad, pad, pad), mode="reflect")
    rows = []
    for image in padded:
        down, right = np.random.randint(0, 2 * pad + 1, 2)
        part = image[:, down : down + images.shape[-2], right : right + images.shape[-1]]
        rows.append(part.flip(-1) if np.random.rand() < 0.5 else part)
    return torch.stack(rows)


def read(location: str, most: int | None = None) -> tuple[Tensor, Tensor]:
    """Read [N, C, H, W] in [0, 1] and class numbers [N]; with `most`, a random part of that size."""
    source = open_source(location)
    answers = source.answers()
    keys = [key for key in source.keys() if key in answers]  # noqa: SIM118
    if most is not None:
        keys = [keys[index] for index in np.random.permutation(len(keys))[:most]]
    classes = sorted(set(answers.values()))
    pixels = np.stack([source.read(key)[1] for key in keys]).transpose(0, 3, 1, 2)
    targets = torch.tensor([classes.index(answers[key]) for key in keys])
    return torch.from_numpy(pixels.copy()).float() / 255, targets


def main() -> None:
    """Train and print the table."""
    given = common.parser(__doc__)
    given.add_argument("results", type=Path, help="results of a suite with the random baseline")
    given.add_argument("--pool", required=True, help="as in the suite")
    given.add_argument("--test", required=True, help="as in the suite")
    options = given.parse_args()
    torch.set_num_threads(options.threads)
    protocol = read_protocol(options.results / "protocol.toml")
    cycles = [r for r in records.cycles_of(records.read_all(options.results)) if r["strategy"] == "random"]
    recipes = {record["labels"]: record["recipe"] for record in cycles}
    found = plain_figures(protocol.task.options["model"], recipes, options)
    lines = [
        "# Random labels: alkit's baseline and plain PyTorch",
        "",
        "| labels | alkit | plain |",
        "|---|---|---|",
    ]
    for count in sorted(recipes):
        suite = [r["metrics"]["accuracy"] for r in cycles if r["labels"] == count]
        lines.append(f"| {count:,} | {shown(suite)} | {shown(found[count])} |")
    lines += ["", *(f"- {key}: {value}" for key, value in common.about(options).items())]
    print("\n".join(lines))
    if options.out:
        options.out.with_suffix(".md").write_text("\n".join(lines) + "\n")


def plain_figures(
    model: str, recipes: Mapping[int, Mapping[str, float]], options: argparse.Namespace
) -> dict[int, list[float]]:
    """Train each recipe on its number of random labels, `options.rounds` times; return test accuracies."""
    from alkit_plugins.tasks.networks import find

    test_images, test_targets = read(options.test)
    found: dict[int, list[float]] = {count: [] for count in recipes}
    for seed in range(options.rounds):
        torch.manual_seed(1000 + seed)
        np.random.seed(1000 + seed)
        images, targets = read(options.pool, most=max(recipes))
        mean, std = images.mean((0, 2, 3), keepdim=True), images.std((0, 2, 3), keepdim=True)
        images, normalized = (images - mean) / std, (test_images - mean) / std
        for count, recipe in recipes.items():
            classes = int(test_targets.max()) + 1
            network = find(model, images.shape[1], classes, images.shape[2])()
            size = int(recipe["batch_size"])
            order = [torch.randperm(count).split(size) for _ in range(int(recipe["epochs"]))]
            train_plain(
                network,
                images[:count],
                targets[:count],
                order,
                learning_rate=recipe["learning_rate"],
                momentum=recipe["momentum"],
                weight_decay=recipe["weight_decay"],
                augment=flip_and_shift,
            )
            found[count].append(accuracy(network, normalized, test_targets))
            print(f"seed {seed}, {count} labels: {found[count][-1]:.4f}", file=sys.stderr, flush=True)
    return found


def shown(values: Sequence[float]) -> str:
    spread = f" ± {statistics.stdev(values):.4f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.4f}{spread} ({len(values)})"


if __name__ == "__main__":
    main()
