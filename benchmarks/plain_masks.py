"""Is the random baseline of segmentation strong? The same network in a plain PyTorch script on as many masks.

    python benchmarks/plain_masks.py results/segmentation --pool camvid/train --test camvid/test

This reads images and masks with Pillow, trains the protocol's network on randomly drawn images in its own
loop and order, and prints its mean IoU on the test images beside that of the suite's random baseline at the
same numbers of labels. One column has the suite's recipe; the other has AdamW with flips and shifts in its
place. Both folders hold `images` and `masks`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from plain import shown
from torch import Tensor, nn
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).parent))
import common

import alkit
from alkit.bench import records
from alkit.bench.protocol import read_protocol
from alkit_plugins.tasks.encoder_maps import EncoderMaps, MapDecoder, OnEncoder
from alkit_plugins.tasks.segmentation_networks import find

Recipe = Mapping[str, Any]
ADAM_RATE = 2e-3


def read(folder: Path, size: tuple[int, int], void: int) -> tuple[Tensor, Tensor]:
    """Read images [N, 3, H, W] in [0, 1] and masks [N, H, W] with -1 as void."""
    images, masks = [], []
    for path in sorted((folder / "images").iterdir()):
        with Image.open(path) as image:
            images.append(np.asarray(image.convert("RGB").resize(size[::-1], Image.Resampling.BILINEAR)))
        with Image.open(folder / "masks" / f"{path.stem}.png") as mask:
            masks.append(np.asarray(mask.resize(size[::-1], Image.Resampling.NEAREST)))
    targets = torch.from_numpy(np.stack(masks)).long()
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2) / 255, targets.masked_fill(
        targets == void, -1
    )


def flip_and_shift(images: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
    """Flip each image with its mask or not, and move both by up to an eighth, with void at the border."""
    height, width = images.shape[2:]
    down, right = height // 8, width // 8
    padded = functional.pad(images, (right, right, down, down), mode="reflect")
    framed = functional.pad(masks, (right, right, down, down), value=-1)
    pairs = []
    for image, mask in zip(padded, framed, strict=True):
        top, left = np.random.randint(0, 2 * down + 1), np.random.randint(0, 2 * right + 1)
        part = (
            image[:, top : top + height, left : left + width],
            mask[top : top + height, left : left + width],
        )
        pairs.append(tuple(one.flip(-1) for one in part) if np.random.rand() < 0.5 else part)
    return torch.stack([image for image, _ in pairs]), torch.stack([mask for _, mask in pairs])


class Frozen(OnEncoder):
    """The network of the protocol, whose encoder does not change: not even its running statistics."""

    def train(self, mode: bool = True) -> Frozen:
        """Train the decoder alone."""
        super().train(mode)
        self.maps.eval()
        return self


def network_of(task: Mapping[str, Any], classes: int, size: tuple[int, int]) -> nn.Module:
    """Make the network that the options of the task name."""
    if name := task.get("encoder"):
        maps = EncoderMaps(alkit.open_encoder(name), (3, *size))
        return Frozen(maps, MapDecoder([count for count, _, _ in maps.shapes], classes))
    return find(task.get("model", "unet"), 3, classes, max(size))()


def train(network: nn.Module, images: Tensor, masks: Tensor, recipe: Recipe, *, adam: bool) -> None:
    """Train with SGD, or with AdamW and augmentation, and torch's one-cycle schedule."""
    size, epochs = int(recipe["batch_size"]), int(recipe["epochs"])
    rate, decay = (ADAM_RATE, 1e-2) if adam else (recipe["learning_rate"], recipe["weight_decay"])
    optimizer: torch.optim.Optimizer = (
        torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=decay)
        if adam
        else torch.optim.SGD(network.parameters(), lr=rate, momentum=recipe["momentum"], weight_decay=decay)
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, rate, total_steps=epochs * -(-len(images) // size), pct_start=0.25, cycle_momentum=False
    )
    network.train()
    for _ in range(epochs):
        for batch in torch.randperm(len(images)).split(size):
            inputs, targets = images[batch], masks[batch]
            if adam or recipe["augment"]:
                inputs, targets = flip_and_shift(inputs, targets)
            loss = functional.cross_entropy(network(inputs), targets, ignore_index=-1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    network.eval()


def mean_iou(network: nn.Module, images: Tensor, masks: Tensor, classes: int) -> float:
    """Return the mean over classes of intersection over union, of all pixels of all images together."""
    hit, union = torch.zeros(classes), torch.zeros(classes)
    with torch.inference_mode():
        for start in range(0, len(images), 32):
            predicted, wanted = network(images[start : start + 32]).argmax(1), masks[start : start + 32]
            predicted, wanted = predicted[wanted >= 0], wanted[wanted >= 0]
            for number in range(classes):
                first, second = predicted == number, wanted == number
                hit[number] += (first & second).sum()
                union[number] += (first | second).sum()
    return float((hit / union)[union > 0].mean())


def plain_figures(
    task: Mapping[str, Any], recipes: Mapping[int, Recipe], options: argparse.Namespace, *, adam: bool
) -> dict[int, list[float]]:
    """Train each recipe on its number of random images, `options.rounds` times; return mean IoUs."""
    size = tuple(options.size)
    pool, test = (read(folder, size, task["void"]) for folder in (options.pool, options.test))
    classes = int(test[1].max()) + 1
    found: dict[int, list[float]] = {count: [] for count in recipes}
    for seed in range(options.rounds):
        torch.manual_seed(1000 + seed)
        np.random.seed(1000 + seed)
        order = torch.randperm(len(pool[0]))
        mean, std = pool[0].mean((0, 2, 3), keepdim=True), pool[0].std((0, 2, 3), keepdim=True)
        for count, recipe in recipes.items():
            network = network_of(task, classes, size)
            rows = order[:count]
            train(network, (pool[0][rows] - mean) / std, pool[1][rows], recipe, adam=adam)
            found[count].append(mean_iou(network, (test[0] - mean) / std, test[1], classes))
            name = "AdamW" if adam else "SGD"
            print(f"{name}, seed {seed}, {count} labels: {found[count][-1]:.4f}", file=sys.stderr, flush=True)
    return found


def main() -> None:
    """Train and print the table."""
    given = common.parser(__doc__)
    given.add_argument("results", type=Path, help="results of a suite with the random baseline")
    given.add_argument("--pool", type=Path, required=True, help="folder of images and masks")
    given.add_argument("--test", type=Path, required=True, help="folder of images and masks")
    given.add_argument("--size", type=int, nargs=2, default=(96, 128), help="height and width")
    given.add_argument("--labels", type=int, nargs="*", help="only these numbers of labels")
    options = given.parse_args()
    torch.set_num_threads(options.threads)
    protocol = read_protocol(options.results / "protocol.toml")
    cycles = [r for r in records.cycles_of(records.read_all(options.results)) if r["strategy"] == "random"]
    recipes = {
        record["labels"]: record["recipe"]
        for record in cycles
        if not options.labels or record["labels"] in options.labels
    }
    columns = [plain_figures(protocol.task.options, recipes, options, adam=adam) for adam in (False, True)]
    lines = [
        "# Random masks: alkit's baseline and plain PyTorch",
        "",
        "| labels | alkit | plain, SGD | plain, AdamW, augmented |",
        "|---|---|---|---|",
    ]
    for count in sorted(recipes):
        suite = [r["metrics"]["mean_iou"] for r in cycles if r["labels"] == count]
        lines.append(
            f"| {count:,} | {' | '.join(shown(one) for one in (suite, *(c[count] for c in columns)))} |"
        )
    lines += ["", *(f"- {key}: {value}" for key, value in common.about(options).items())]
    print("\n".join(lines))
    if options.out:
        options.out.with_suffix(".md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
