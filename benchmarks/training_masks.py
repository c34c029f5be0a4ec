"""How fast alkit trains its U-Net on masks, compared with a plain loop over tensors.

    python benchmarks/training_masks.py --out benchmarks/results/speed-training-masks

The plain loop is as short as it can be: images and masks lie in memory as normalized tensors, each step takes
eight of them, flips and shifts them with their masks, and takes a step of SGD. alkit's is its own training
loop, whose masks are PNG files: it reads each of them once, normalizes in each step, and checks the loss and
the weights after each epoch. Network, batch, loss, precision and images of 96 x 128 are the same. Each has
its own process. Runs are interleaved, and medians are compared.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch
from common import finished, parser, report, seconds_apart
from torch import Tensor
from torch.nn import functional

from alkit.data.loader import Loader
from alkit.data.store import ImageStore
from alkit.interfaces import Mask
from alkit.training.loop import fit
from alkit.training.recipe import Recipe, TrainingRun
from alkit.utils.malloc import keep_freed_memory
from alkit_plugins.tasks.segmentation import Segmentation
from alkit_plugins.tasks.unet import UNet

CLASSES, BATCH, RATE, MOMENTUM, DECAY = 11, 8, 0.1, 0.9, 5e-4
AUGMENTED, AS_THEY_ARE = "One epoch, flipped and shifted", "One epoch, images as they are"
BARS = {AUGMENTED: {"alkit": 0.91}, AS_THEY_ARE: {"alkit": 0.91}}  # within 1.1 of the plain loop


def data(count: int, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Draw images [count, 3, H, W] of noise, and masks [count, H, W] of rectangles."""
    rng = np.random.default_rng(0)
    masks = np.kron(
        rng.integers(0, CLASSES, (count, size[0] // 8, size[1] // 8), dtype=np.uint8),
        np.ones((1, 8, 8), dtype=np.uint8),
    )
    return rng.integers(0, 256, (count, 3, *size), dtype=np.uint8), masks


class Plain:
    """The loop that a script would have."""

    def __init__(self, images: np.ndarray, masks: np.ndarray, device: torch.device) -> None:
        pixels = torch.from_numpy(images).float().to(device) / 255
        mean, std = pixels.mean((0, 2, 3), keepdim=True), pixels.std((0, 2, 3), keepdim=True)
        self.images = ((pixels - mean) / std).contiguous(memory_format=torch.channels_last)
        self.masks = torch.from_numpy(masks).long().to(device)
        network = UNet(3, CLASSES).to(device)
        self.network = network.to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
        self.optimizer = torch.optim.SGD(
            self.network.parameters(), RATE, momentum=MOMENTUM, weight_decay=DECAY, fused=True
        )

    def epoch(self, *, augmented: bool) -> None:
        for rows in torch.randperm(len(self.images)).split(BATCH):
            images, masks = self.images[rows], self.masks[rows]
            if augmented:
                images, masks = flipped_and_shifted(images, masks)
            loss = functional.cross_entropy(self.network(images), masks, ignore_index=255)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()


def flipped_and_shifted(images: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
    """Flip each image with its mask or not, and move both by up to an eighth."""
    height, width = images.shape[2:]
    down, right = height // 8, width // 8
    padded = functional.pad(images, (right, right, down, down), mode="reflect")
    framed = functional.pad(masks.unsqueeze(1).float(), (right, right, down, down), mode="reflect")
    tops = torch.randint(0, 2 * down + 1, (len(images),)).tolist()
    lefts = torch.randint(0, 2 * right + 1, (len(images),)).tolist()
    flips = (torch.rand(len(images)) < 0.5).tolist()
    some, others = [], []
    for row, (top, left, flip) in enumerate(zip(tops, lefts, flips, strict=True)):
        part = (..., slice(top, top + height), slice(left, left + width))
        image, mask = padded[row][part], framed[row][part]
        some.append(image.flip(-1) if flip else image)
        others.append(mask.flip(-1) if flip else mask)
    return torch.stack(some), torch.stack(others).squeeze(1).long()


class Ours:
    """alkit's own loop, over masks that are files of a campaign."""

    def __init__(self, images: np.ndarray, masks: np.ndarray, device: torch.device, folder: Path) -> None:
        names = [str(number) for number in range(CLASSES)]
        labels = Mask(classes=names, slots=names, folder=folder)
        values = [labels.of_numbers(mask) for mask in masks]
        labels.keep(values)
        self.model = Segmentation()
        self.model.known_labels = labels
        self.model.build((3, *masks.shape[1:]), names, device)
        self.rows = np.arange(len(images))
        self.loader = Loader(
            ImageStore.from_array(images),
            device,
            targets=self.model.encode(values),
            labeled=self.rows,
            augment=self.model.augment_batch,
        )
        self.device, self.steps = device, -(-len(images) // BATCH)

    def epoch(self, *, augmented: bool) -> None:
        recipe = Recipe(
            epochs=1, batch_size=BATCH, learning_rate=RATE, weight_decay=DECAY, precision="float32"
        )
        run = TrainingRun(recipe=recipe, device=self.device, steps_per_epoch=self.steps)
        fit(self.model, partial(self.batches, augmented), None, run)  # type: ignore[arg-type]

    def batches(self, augmented: bool, epoch: int) -> Iterator[object]:
        return self.loader.epoch(self.rows, BATCH, np.random.default_rng(epoch), augmented=augmented)


def contender(
    name: str, count: int, size: tuple[int, int], threads: int, device: torch.device
) -> dict[str, Callable[[], object]]:
    torch.set_num_threads(threads)
    if name == "plain":
        made: Plain | Ours = Plain(*data(count, size), device)
    else:
        keep_freed_memory()  # as alkit's commands do
        made = Ours(*data(count, size), device, Path(tempfile.mkdtemp(prefix="training-masks-")))
    return {
        AUGMENTED: finished(partial(made.epoch, augmented=True), device),
        AS_THEY_ARE: finished(partial(made.epoch, augmented=False), device),
    }


def main() -> None:
    given = parser(__doc__, devices=True).parse_args()
    count, size = (8, (16, 32)) if given.tiny else (120, (96, 128))
    makers = {
        name: partial(contender, name, count, size, given.threads, given.device)
        for name in ("plain", "alkit")
    }
    taken = seconds_apart(makers, dict.fromkeys(BARS, given.rounds), given.clock)
    report(
        "Training the U-Net on masks",
        taken,
        "plain",
        given,
        bars=BARS if given.device.type == "cpu" and not given.tiny else {},
        images=f"{count} of {size[0]} x {size[1]} pixels",
        batch=BATCH,
    )


if __name__ == "__main__":
    main()
