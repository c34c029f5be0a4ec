"""A classifier that first learns from all images of the pool by how they are rotated, once a campaign.

Gidaris, Singh and Komodakis, Unsupervised Representation Learning by Predicting Image Rotations, ICLR 2018:
each image is shown in its four rotations by 90 degrees, and the network learns to tell them apart. Its
convolutions are where every training on labels starts. The network is small, as an example should be.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

import alkit
from alkit import seeding
from alkit.training import PoolImages, Recipe, TrainingRun


@dataclass(kw_only=True)
class Rotation(alkit.TaskModel):
    """One class per image, with a network that has learned to tell rotations of all images."""

    name = "rotation"
    metrics = (alkit.Metric("accuracy", is_share=True),)

    width: int = alkit.option(16, "channels of the first layer", minimum=1)
    rounds: int = alkit.option(10, "passes over the whole pool without labels; 0: none", minimum=0)

    def build(self, image_shape: tuple[int, int, int], classes: Sequence[str], device: torch.device) -> None:
        """Make the network."""
        self.image_shape, self.classes, self.device = image_shape, tuple(classes), device
        provides = frozenset({"model", "loss", "probabilities", "embedding", "targets"})
        outputs, dim = max(len(classes), 2), 2 * self.width
        self.spec = alkit.TaskSpec(
            self.name, image_shape, outputs, provides, embedding_dim=dim, pretrained=self.pretrains
        )
        self.reset(0)

    def reset(self, seed: int) -> None:
        """Draw new weights."""
        with seeding.fence(seed):
            body = nn.Sequential(
                *(nn.Conv2d(self.image_shape[0], self.width, 3, 2, 1), nn.ReLU()),
                *(nn.Conv2d(self.width, 2 * self.width, 3, 2, 1), nn.ReLU()),
            )
            head = nn.Linear(2 * self.width, self.spec.num_outputs)
            self.network = nn.ModuleDict({"body": body, "head": head}).to(self.device)

    @property
    def pretrains(self) -> bool:
        """Say that it learns from all images first."""
        return self.rounds > 0

    def pretrain(self, pool: PoolImages, run: TrainingRun) -> Mapping[str, Tensor]:
        """Learn to tell rotations, and return the weights of the convolutions."""
        body = self.network["body"]
        judge = nn.Linear(2 * self.width, 4).to(run.device)
        optimizer = torch.optim.Adam([*body.parameters(), *judge.parameters()], lr=3e-3)
        with run.progress.bar(self.rounds, run.label) as bar:
            for number in range(self.rounds):
                for batch in pool.epoch(number, 64):
                    images, turns = rotated(batch.images)
                    loss = functional.cross_entropy(judge(body(images).mean(dim=(2, 3))), turns)
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
                bar.update(1)
                run.history.append(float(loss.detach()))
        return {f"body.{name}": tensor for name, tensor in body.state_dict().items()}

    def forward(self, images: Tensor) -> alkit.Output:
        """Return logits, probabilities and embedding."""
        embedding = self.network["body"](images).mean(dim=(2, 3))
        logits = self.network["head"](embedding)
        return alkit.Output(logits, logits.float().softmax(dim=1), embedding)

    def encode(self, values: Sequence[Any]) -> Tensor:
        """Turn class names into numbers."""
        return torch.tensor([self.classes.index(value) for value in values])

    def loss(self, output: alkit.Output, targets: Any) -> Tensor:
        """Return the cross-entropy, [B]."""
        return functional.cross_entropy(output.prediction.float(), targets, reduction="none")

    def recipe(self, labeled: int) -> Recipe:
        """Take small steps from where the pretraining ended."""
        return Recipe(learning_rate=0.02, augment=False)

    def evaluate(self, batches: Iterable[alkit.Batch]) -> dict[str, float]:
        """Return the accuracy."""
        self.network.eval()
        with torch.inference_mode():
            hits = [self.forward(batch.images).prediction.argmax(dim=1) == batch.targets for batch in batches]
        return {"accuracy": float(torch.cat(hits).float().mean())}


def rotated(images: Tensor) -> tuple[Tensor, Tensor]:
    """Return images [B, C, S, S] in their four rotations, [4 B, C, S, S], and by how many quarters, [4 B].

    An image that is not square is scaled to a square first.
    """
    if images.shape[2] != images.shape[3]:
        images = functional.interpolate(images, size=(max(images.shape[2:]),) * 2)
    turned = [torch.rot90(images, turns, (2, 3)) for turns in range(4)]
    return torch.cat(turned), torch.arange(4, device=images.device).repeat_interleave(len(images))


@alkit.hookimpl
def alkit_tasks() -> list[type[alkit.TaskModel]]:
    """Offer the task."""
    return [Rotation]
