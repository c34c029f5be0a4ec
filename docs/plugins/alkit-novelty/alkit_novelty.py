"""Novelty: images that a small network tells from the labeled ones, mixed with those of high expected loss.

After Gissin and Shalev-Shwartz, Discriminative Active Learning, 2019: an image that can be told from the
labeled images is not covered by them. Here the classifier reads the code of an autoencoder, and both learn
together from labeled and unlabeled images. Novelty means nothing if the two sides cannot be told apart, so
its share of the score is how well they were told apart, averaged over cycles; the rest is a guess of the
loss.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

import alkit

alkit_interface = 1


class Autoencoder(nn.Module):
    """Rebuilds images [B, C, H, W], and guesses from their codes whether they are unlabeled.

    No layer looks across a batch, so an image's novelty does not depend on the other images.
    """

    def __init__(self, shape: tuple[int, int, int], width: int) -> None:
        super().__init__()
        channels, height, width_of_image = shape
        self.encoder = nn.Sequential(
            nn.Conv2d(channels, width, 3, 2, 1), nn.ReLU(), nn.Conv2d(width, 2 * width, 3, 2, 1), nn.ReLU()
        )
        self.decoder = nn.Sequential(
            nn.Conv2d(2 * width, width, 3, 1, 1),
            nn.ReLU(),
            nn.Upsample((height, width_of_image)),
            nn.Conv2d(width, channels, 3, 1, 1),
        )
        self.judge = nn.Linear(2 * width, 1)

    def loss(self, images: Tensor, *, unlabeled: bool) -> Tensor:
        """Return the error of rebuilding plus that of guessing, a scalar."""
        code = self.encoder(images)
        logits = self._judged(code)
        told = functional.binary_cross_entropy_with_logits(logits, torch.full_like(logits, float(unlabeled)))
        return functional.mse_loss(self.decoder(code), images) + told

    def novelty(self, images: Tensor) -> Tensor:
        """Return the probability of being unlabeled, [B]."""
        return self._judged(self.encoder(images)).sigmoid()

    def _judged(self, code: Tensor) -> Tensor:
        logits: Tensor = self.judge(code.mean(dim=(2, 3))).squeeze(1)
        return logits


class Doubt(nn.Module):
    """The companion: guesses from the embedding whether an image's loss is above the median of its batch."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.head = nn.Linear(width, 1)

    def forward(self, embedding: Tensor) -> Tensor:
        """Return logits, [B]."""
        logits: Tensor = self.head(embedding.flatten(1)).squeeze(1)
        return logits

    def extra_loss(self, step: alkit.Step, /) -> Tensor:
        """Return the cross-entropy of the guesses; it does not train the task model."""
        assert step.output.embedding is not None
        losses = step.losses.detach()
        guesses = self(step.output.embedding.detach().float())
        return functional.binary_cross_entropy_with_logits(guesses, (losses > losses.median()).float())


@dataclass(kw_only=True)
class Novelty(alkit.Strategy):
    """Choose the images that look least like labeled ones, mixed with images that seem hard."""

    name = "novelty"
    kind = "novelty"
    needs = frozenset({"embedding", "loss"})
    paper = "after Gissin and Shalev-Shwartz, Discriminative Active Learning, 2019"

    iterations: int = alkit.option(200, "steps of the autoencoder, a batch of each side", minimum=1)
    batch_size: int = alkit.option(32, "images per side in a step", minimum=1)
    learning_rate: float = alkit.option(1e-3, "learning rate of Adam", minimum=0.0)
    width: int = alkit.option(16, "channels of the autoencoder's first layer", minimum=1)
    memory: float = alkit.option(0.5, "weight of earlier cycles in novelty's share", minimum=0.0, maximum=1.0)

    share: float | None = field(init=False, default=None, repr=False, compare=False)

    def companion(self, spec: alkit.TaskSpec) -> alkit.Companion:
        """Return the head that is trained with the task model."""
        assert spec.embedding_dim is not None
        return Doubt(spec.embedding_dim)

    def select(self, cycle: alkit.Cycle, n: int) -> npt.NDArray[np.int64]:
        """Train the autoencoder, and take the n highest of novelty and doubt, mixed by rank."""
        assert isinstance(cycle.companion, Doubt)
        with cycle.measure("novelty"):
            network = self._trained(cycle)
        with cycle.measure("score"), torch.no_grad():
            known, novelty = _judged(network, cycle, cycle.labeled), _judged(network, cycle, cycle.candidates)
            doubt = cycle.companion(cycle.embeddings(cycle.candidates))
        told_apart = max(0.0, float(novelty.mean() - known.mean()))
        self.share = (
            told_apart if self.share is None else self.memory * self.share + (1 - self.memory) * told_apart
        )
        cycle.diagnostics |= {"told_apart": told_apart, "share_of_novelty": self.share}
        return cycle.best(self.share * _ranks(novelty) + (1 - self.share) * _ranks(doubt), n)

    def _trained(self, cycle: alkit.Cycle) -> Autoencoder:
        """Train on both sides; torch's generator, which draws the weights, is seeded around `select`."""
        network = Autoencoder(cycle.image_shape, self.width).to(cycle.device)
        optimizer = torch.optim.Adam(network.parameters(), lr=self.learning_rate)
        labeled = cycle.batches(cycle.labeled, size=self.batch_size, train=True, forever=True)
        unlabeled = cycle.batches(cycle.candidates, size=self.batch_size, train=True, forever=True)
        with cycle.progress.bar(self.iterations, self.name) as bar:
            for _ in range(self.iterations):
                loss = network.loss(next(labeled).images, unlabeled=False)
                loss = loss + network.loss(next(unlabeled).images, unlabeled=True)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                bar.update(1)
        return network.eval()

    def state_dict(self) -> dict[str, Any]:
        """Return novelty's share, once there is one."""
        return {} if self.share is None else {"share": self.share}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore novelty's share."""
        self.share = state.get("share")


def _judged(network: Autoencoder, cycle: alkit.Cycle, indices: npt.NDArray[np.int64]) -> Tensor:
    return torch.cat([network.novelty(batch.images) for batch in cycle.batches(indices)])


def _ranks(values: Tensor) -> Tensor:
    """Return ranks from 0 for the lowest to nearly 1, in float64; equal values are in order."""
    return values.argsort(stable=True).argsort(stable=True).double() / len(values)


@alkit.hookimpl
def alkit_strategies() -> list[type[alkit.Strategy]]:
    """Offer the strategy."""
    return [Novelty]
