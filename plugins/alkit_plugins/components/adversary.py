"""The game between a VAE, which makes all codes look labeled, and a discriminator, which tells them apart.

Shared by VAAL and TA-VAAL: single steps on given batches, ranks and noise, and the loop over them. The losses
are those of the papers, computed from logits.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
import torch.nn.functional as F

from alkit.errors import TrainingDiverged
from alkit.training import without_compiler

from .vae import VAE, Discriminator, Latent, Reduction, sample, vae_loss

if TYPE_CHECKING:
    from torch import Tensor, nn

    from alkit.training import Bar


@dataclass(frozen=True, slots=True)
class AdversarialBatch:
    """One side of a step: a batch of labeled images or of unlabeled images.

    Attributes:
        images: [B, C, S, S], normalized, not augmented.
        noise: [B, latent], standard normal.
        rank: [B] for the discriminator, or None (VAAL).
        condition: [B] for the decoder, or None (VAAL).
    """

    images: Tensor
    noise: Tensor
    rank: Tensor | None = None
    condition: Tensor | None = None


Losses = dict[str, "Tensor"]


class Adversary:
    """A VAE and a discriminator in training.

    Args:
        vae: moved to channels-last memory.
        discriminator: on the same device.
        learning_rate: learning rate of both Adam optimizers.
        beta: weight of the KL divergence.
        kl: reduction of the KL divergence.
        weight: weight of the adversarial loss, relative to the VAE's own loss.
        precision: precision of the VAE's layers; weights, losses and the discriminator are not affected.
    """

    def __init__(
        self,
        vae: VAE,
        discriminator: Discriminator,
        *,
        learning_rate: float = 5e-4,
        beta: float = 1.0,
        kl: Reduction = "mean",
        weight: float = 1.0,
        precision: Literal["float32", "bfloat16"] = "float32",
    ) -> None:
        self.vae = vae.to(memory_format=torch.channels_last)
        self.discriminator = discriminator
        self.beta, self.kl, self.weight = beta, kl, weight
        self._bfloat16 = precision == "bfloat16"
        self._vae_optimizer = _adam(vae, learning_rate)
        self._discriminator_optimizer = _adam(discriminator, learning_rate)

    def _autocast(self, images: Tensor) -> AbstractContextManager[object]:
        return torch.autocast(images.device.type, torch.bfloat16, enabled=self._bfloat16)

    def vae_step(self, labeled: AdversarialBatch, unlabeled: AdversarialBatch) -> Losses:
        """Improve the VAE: rebuild both batches, and make both look labeled.

        Each side has its own batch statistics.

        Returns:
            Scalars `vae_labeled`, `vae_unlabeled`, `adversarial_labeled`, `adversarial_unlabeled`, `vae`.
        """
        with self._autocast(labeled.images):
            entry = self.vae.entry()
            first = self._rebuild(labeled, entry)
            second = self._rebuild(unlabeled, entry)
        losses = {}
        self.discriminator.requires_grad_(False)
        for name, side, (rebuilt, latent) in (
            ("labeled", labeled, first),
            ("unlabeled", unlabeled, second),
        ):
            losses[f"vae_{name}"] = vae_loss(side.images, rebuilt, latent, beta=self.beta, kl=self.kl)
            losses[f"adversarial_{name}"] = F.softplus(-self.discriminator(latent.mu, side.rank)).mean()
        self.discriminator.requires_grad_(True)
        adversarial = losses["adversarial_labeled"] + losses["adversarial_unlabeled"]
        losses["vae"] = losses["vae_labeled"] + losses["vae_unlabeled"] + self.weight * adversarial
        _minimize(self._vae_optimizer, losses["vae"])
        return _detached(losses)

    def _rebuild(self, side: AdversarialBatch, entry: Tensor) -> tuple[Tensor, Latent]:
        dtype = side.images.dtype
        latent = Latent(*(part.to(dtype) for part in self.vae.encode(side.images)))
        rebuilt = self.vae.decode(sample(latent, side.noise), side.condition, entry)
        return rebuilt.to(dtype), latent

    def discriminator_step(self, labeled: AdversarialBatch, unlabeled: AdversarialBatch) -> Losses:
        """Improve the discriminator on the means of the codes; only the encoder runs, in training mode.

        Returns:
            Scalars `discriminator_labeled`, `discriminator_unlabeled`, `discriminator`.
        """
        labeled_logits = self.discriminator(self.means(labeled.images), labeled.rank)
        unlabeled_logits = self.discriminator(self.means(unlabeled.images), unlabeled.rank)
        losses = {
            "discriminator_labeled": F.softplus(-labeled_logits).mean(),
            "discriminator_unlabeled": F.softplus(unlabeled_logits).mean(),
        }
        losses["discriminator"] = losses["discriminator_labeled"] + losses["discriminator_unlabeled"]
        _minimize(self._discriminator_optimizer, losses["discriminator"])
        return _detached(losses)

    def means(self, images: Tensor) -> Tensor:
        """Return the means [B, latent] of images, without gradient, in the networks' current mode."""
        with torch.no_grad(), self._autocast(images):
            return self.vae.means(images).to(images.dtype)

    def logits(self, images: Tensor, rank: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the discriminator's logits [B], higher means "labeled", and the means that it saw."""
        mu = self.means(images)
        with torch.no_grad():
            return self.discriminator(mu, rank), mu

    def train(
        self,
        labeled: Iterator[AdversarialBatch],
        unlabeled: Iterator[AdversarialBatch],
        iterations: int,
        *,
        vae_steps: int = 1,
        bar: Bar | None = None,
    ) -> None:
        """Take `vae_steps` VAE steps, each on new batches, and one discriminator step on the last of them.

        Raises:
            TrainingDiverged: a loss is not finite.
        """
        self.vae.train()
        self.discriminator.train()
        for iteration in range(iterations):
            for _ in range(vae_steps):
                sides = next(labeled), next(unlabeled)
                losses = self.vae_step(*sides)
            losses |= self.discriminator_step(*sides)
            if iteration % 20 == 19 or iteration == iterations - 1:  # checking more often slows down a GPU
                for name in ("vae", "discriminator"):
                    if not torch.isfinite(losses[name]):
                        raise TrainingDiverged(
                            f"the loss of the adversary's {name.replace('vae', 'VAE')} became "
                            f"{losses[name].item()} by iteration {iteration + 1}; "
                            "lower learning-rate or beta, or use precision=float32"
                        )
            if bar is not None:
                bar.update(1)


def _adam(network: nn.Module, learning_rate: float) -> torch.optim.Adam:
    adam = without_compiler(torch.optim.Adam)
    try:
        return adam(network.parameters(), lr=learning_rate, fused=True)
    except RuntimeError:  # this version of torch has no fused Adam for the device
        return adam(network.parameters(), lr=learning_rate)


def _minimize(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def _detached(losses: Losses) -> Losses:
    return {name: loss.detach() for name, loss in losses.items()}
