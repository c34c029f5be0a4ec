"""How fast alkit trains a task model with a loss predictor, compared with a plain PyTorch loop.

    python benchmarks/training.py --out benchmarks/results/training

The plain loop is the usual one: a DataLoader over PIL images with torchvision's random crop and flip,
float32, contiguous tensors, a loss module on the four stages of ResNet-18, and one backward pass. alkit's
is its own training loop with the strategy `learning-loss`. Network, batch and images of 3 x 32 x 32 are the
same. Each runs in its own process, alkit's with the memory settings of its commands. Runs are interleaved,
and medians are compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import torch
from common import finished, parser, precisions, report, seconds_apart
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms
from torchvision.models import resnet18

from alkit.data.loader import Loader
from alkit.data.store import ImageStore
from alkit.training.loop import fit
from alkit.training.recipe import Precision, Recipe, TrainingRun
from alkit.utils.malloc import keep_freed_memory
from alkit_plugins.strategies.learned.learning_loss import LearningLoss
from alkit_plugins.tasks.classification import Classification

PIECE = "One epoch over 512 images"
BARS = {PIECE: {"alkit, float32": 1.2, "alkit, bfloat16": 2.4}}  # on a CPU


class PILImages(Dataset[tuple[Tensor, int]]):
    def __init__(self, pixels: np.ndarray, labels: np.ndarray) -> None:
        self.images = [Image.fromarray(image.transpose(1, 2, 0)) for image in pixels]
        self.labels = labels
        self.transform = transforms.Compose(
            [
                transforms.RandomCrop(32, padding=4),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize((0.5,) * 3, (0.25,) * 3),
            ]
        )

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(self.images[index]), int(self.labels[index])


class PlainModel(nn.Module):
    """ResNet-18 for small images with a loss predictor on its stages, written out."""

    def __init__(self) -> None:
        super().__init__()
        net = resnet18(num_classes=10)
        self.stem = nn.Sequential(nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU())
        self.stages = nn.ModuleList([net.layer1, net.layer2, net.layer3, net.layer4])
        self.fc = net.fc
        self.taps = nn.ModuleList([nn.Linear(width, 128) for width in (64, 128, 256, 512)])
        self.last = nn.Linear(512, 1)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        maps, hidden = self.stem(images), []
        for stage, tap in zip(self.stages, self.taps, strict=True):
            maps = stage(maps)
            hidden.append(torch.relu(tap(maps.mean(dim=(2, 3)))))
        return self.fc(maps.mean(dim=(2, 3))), self.last(torch.cat(hidden, 1)).squeeze(1)


class Plain:
    def __init__(self, pixels: np.ndarray, labels: np.ndarray, batch: int, device: torch.device) -> None:
        self.device, self.model = device, PlainModel().to(device).train()
        self.optimizer = torch.optim.SGD(self.model.parameters(), 0.01, momentum=0.9, weight_decay=5e-4)
        self.data = DataLoader(PILImages(pixels, labels), batch, shuffle=True)

    def epoch(self) -> None:
        for images, labels in self.data:
            logits, predicted = self.model(images.to(self.device))
            losses = nn.functional.cross_entropy(logits, labels.to(self.device), reduction="none")
            half = len(losses) // 2
            true = losses.detach()
            sign = 2 * (true[:half] > true[half:].flip(0)).float() - 1
            gap = predicted[:half] - predicted[half:].flip(0)
            loss = losses.mean() + torch.relu(1 - sign * gap).mean()
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()


class Ours:
    def __init__(
        self, pixels: np.ndarray, labels: np.ndarray, batch: int, device: torch.device, precision: Precision
    ) -> None:
        self.model = Classification(model="resnet18")
        self.model.build((3, 32, 32), [str(number) for number in range(10)], device)
        self.companion = LearningLoss().companion(self.model.spec)
        self.indices = np.arange(len(pixels))
        store = ImageStore.from_array(pixels)
        self.loader = Loader(store, device, targets=torch.from_numpy(labels), labeled=self.indices)
        recipe = Recipe(epochs=1, batch_size=batch, learning_rate=0.01, precision=precision)
        self.run = TrainingRun(recipe=recipe, device=device, steps_per_epoch=-(-len(pixels) // batch))

    def batches(self, epoch: int) -> Iterator[object]:
        return self.loader.epoch(
            self.indices, self.run.recipe.batch_size, np.random.default_rng(epoch), augmented=True
        )

    def epoch(self) -> None:
        fit(self.model, self.batches, self.companion, self.run)  # type: ignore[arg-type]


def data(count: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (count, 3, 32, 32), dtype=np.uint8)
    return pixels, rng.integers(0, 10, count)


def plain(count: int, batch: int, threads: int, device: torch.device) -> dict[str, Callable[[], object]]:
    torch.set_num_threads(threads)
    return {PIECE: finished(Plain(*data(count), batch, device).epoch, device)}


def ours(
    count: int, batch: int, threads: int, device: torch.device, precision: Precision
) -> dict[str, Callable[[], object]]:
    torch.set_num_threads(threads)
    keep_freed_memory()  # as alkit's commands do
    return {PIECE: finished(Ours(*data(count), batch, device, precision).epoch, device)}


def main() -> None:
    arguments = parser(__doc__, devices=True)
    arguments.add_argument("--batch", type=int, default=128, help="images per step")
    given = arguments.parse_args()
    count, batch = (8, 4) if given.tiny else (512, given.batch)
    common = (count, batch, given.threads, given.device)
    makers = {
        "plain": partial(plain, *common),
        **{f"alkit, {name}": partial(ours, *common, name) for name in precisions(given.device)},
    }
    taken = seconds_apart(makers, {PIECE: given.rounds}, given.clock)
    bars = BARS if given.device.type == "cpu" else {}
    more = {"images": count, "batch": batch, "device": str(given.device)}
    report("Training ResNet-18 with a loss predictor", taken, "plain", given, bars=bars, **more)


if __name__ == "__main__":
    main()
