"""VAAL: a VAE and a discriminator learn what labeled images look like; the least similar ones are chosen.

Sinha, Ebrahimi and Darrell, Variational Adversarial Active Learning, ICCV 2019. By default the KL divergence
is a mean, since the published sum makes the codes of all images nearly equal; networks score in eval mode, so
that an image's score does not depend on the other images in its batch; and the networks are narrower on CPUs.
`preset=published` undoes all three. Images are not augmented on either side: the discriminator would learn to
recognize the augmentation of one side, and scoring uses plain images.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F

import alkit
from alkit import option, seeding
from alkit.errors import TrainingDiverged, TrainingError
from alkit.training import Precision, has_fast_bfloat16, threads_for
from alkit_plugins.components import candidates
from alkit_plugins.components.adversary import AdversarialBatch, Adversary
from alkit_plugins.components.diagnosis import diagnose, rank_correlation
from alkit_plugins.components.vae import VAE, Discriminator, Reduction, fitting_side, stack_depth

if TYPE_CHECKING:
    from torch import Tensor

    from alkit import Batch, Cycle, Indices


PAPER_CHANNELS = (128, 256, 512, 1024)


class RankCondition(NamedTuple):
    """A ranker's output for the images of a pool, by position; [N] each."""

    discriminator: Tensor
    decoder: Tensor


class Plan(NamedTuple):
    """The settings that the options lead to for a pool and a device."""

    side: int
    channels: tuple[int, ...]
    latent: int
    precision: Literal["float32", "bfloat16"]
    iterations: int


@dataclass(kw_only=True)
class VAAL(alkit.Strategy):
    """Choose the images that look least like labeled ones to an adversary (a VAE and a discriminator)."""

    name = "vaal"
    kind = "adversarial"
    paper = "Sinha, Ebrahimi and Darrell, Variational Adversarial Active Learning, ICCV 2019"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "published": {
            "kl": "sum",
            "scoring": "train",
            "epochs": 100,
            "channels": PAPER_CHANNELS,
            "latent": 32,
            "precision": "float32",
        }
    }

    epochs: int | None = option(
        None, "passes over labeled and candidate images; auto: depends on the device", minimum=1
    )
    iterations: int | None = option(None, "adversarial iterations, in place of epochs", minimum=1)
    batch_size: int = option(128, "images per side in an iteration", minimum=2)
    vae_steps: int = option(2, "VAE steps per iteration, each on new batches", minimum=1)
    learning_rate: float = option(5e-4, "learning rate of both Adam optimizers", minimum=0.0)
    image_size: int | None = option(
        None, "pixels per side of the images that the adversary sees; auto: up to 64", minimum=7
    )
    channels: tuple[int, ...] | None = option(
        None, "channels of the encoder's maps, each half as large; auto: depends on the device"
    )
    latent: int | None = option(None, "size of the code; auto: 32, or 64 above 64 pixels", minimum=1)
    discriminator_hidden: int = option(512, "width of the discriminator's hidden layers", minimum=1)
    beta: float = option(1.0, "weight of the KL divergence", minimum=0.0)
    kl: Reduction = option("mean", "reduction of the KL divergence; sum makes codes nearly equal")
    adversarial_weight: float = option(1.0, "weight of the adversarial loss in the VAE's loss", minimum=0.0)
    shuffle: bool = option(True, "draw batches at random, not in the pool's order")
    scoring: Literal["eval", "train"] = option(
        "eval", "statistics of batch norm: running ones (eval), or those of each batch (train)"
    )
    precision: Precision = option(
        "auto", "precision of the VAE's layers; auto: bfloat16 if the device supports it"
    )
    subset: int | None = option(None, candidates.SUBSET_HELP, minimum=1)

    def __post_init__(self) -> None:
        """Reject channels that do not make an encoder, before anything is trained."""
        if self.channels is not None and (len(self.channels) < 2 or min(self.channels) < 1):
            raise ValueError("channels should be two or more positive numbers, separated by commas")

    def select(self, cycle: Cycle, n: int) -> Indices:
        """Train the adversary, and take the n candidates with the highest probability of being unlabeled.

        Raises:
            TrainingError: no image is labeled yet.
            TrainingDiverged: a loss is not finite.
        """
        if len(cycle.labeled) == 0:
            raise TrainingError(
                f"{self.name} compares images with labeled ones, but no image is labeled; label a few at "
                "random first"
            )
        positions = candidates.draw(cycle, self.subset, n)
        asked = cycle.candidates[positions]
        with cycle.measure("score"):
            ranks = self.ranks(cycle, np.concatenate([cycle.labeled, asked]))
        with cycle.measure("adversary"):
            adversary, plan = self._trained(cycle, asked, ranks)
        with cycle.measure("score"):
            logits = self._judged(cycle, adversary, asked, ranks, plan.side)
        # Rank by logits: probabilities near one would tie.
        picks = candidates.best(cycle, positions, -logits, n)
        ranked = torch.tensor([cycle.scores[index] for index in picks.tolist()], dtype=torch.float64)
        cycle.record_scores(picks, torch.sigmoid(ranked).numpy())
        return picks

    def ranks(self, cycle: Cycle, indices: Indices) -> RankCondition | None:
        """Return the condition of the networks, by position in the pool; VAAL has none."""
        return None

    def networks(self, cycle: Cycle, plan: Plan, *, conditioned: bool) -> tuple[VAE, Discriminator]:
        """Make the networks, with weights drawn from the cycle's seed."""
        shape = (cycle.image_shape[0], plan.side, plan.side)
        with seeding.fence(cycle.generator("adversary", "weights").initial_seed()):
            vae = VAE(shape, plan.channels, plan.latent, conditioned=conditioned)
            discriminator = Discriminator(plan.latent, self.discriminator_hidden, conditioned=conditioned)
        return vae.to(cycle.device), discriminator.to(cycle.device)

    def sides(
        self, cycle: Cycle, name: str, indices: Indices, ranks: RankCondition | None, plan: Plan
    ) -> Iterator[AdversarialBatch]:
        """Yield batches of one side without end, each with noise."""
        noise = cycle.generator("adversary", "noise", name)
        if self.shuffle:
            batches = cycle.batches(indices, size=self.batch_size, train=True, forever=True)
        else:
            batches = self._in_order(cycle, indices)
        for batch in batches:
            drawn = torch.randn(len(batch), plan.latent, generator=noise)
            yield _side(batch, drawn, ranks, plan.side)

    def _in_order(self, cycle: Cycle, indices: Indices) -> Iterator[Batch]:
        for _ in itertools.count():
            yield from cycle.batches(indices, size=self.batch_size)

    def plan(self, cycle: Cycle, images: int) -> Plan:
        """Decide what the options leave open, for this number of labeled and candidate images."""
        on_cpu = cycle.device.type == "cpu"
        side = self.image_size or min(max(cycle.image_shape[1:]), 64)
        channels = self.channels
        if channels is None:
            depth = stack_depth(side)
            narrowest = 32 if on_cpu else 128
            channels = tuple(narrowest << level for level in range(min(depth, 4)))
            channels = tuple(narrowest >> level for level in range(depth - 4, 0, -1)) + channels
        if self.precision == "auto":
            fast = side > 16 and has_fast_bfloat16(cycle.device)  # tiny images do not benefit
            precision: Literal["float32", "bfloat16"] = "bfloat16" if fast else "float32"
        else:
            precision = self.precision
        epochs = self.epochs or 100
        iterations = self.iterations or max(100, images * epochs // self.batch_size)
        if self.iterations is None and self.epochs is None:
            iterations = min(iterations, 300 if on_cpu else 10_000)
        return Plan(
            side=fitting_side(side, len(channels)),
            channels=channels,
            latent=self.latent or (64 if side > 64 else 32),
            precision=precision,
            iterations=iterations,
        )

    def _trained(self, cycle: Cycle, asked: Indices, ranks: RankCondition | None) -> tuple[Adversary, Plan]:
        plan = self.plan(cycle, len(cycle.labeled) + len(asked))
        widths = "-".join(str(count) for count in plan.channels)
        cycle.diagnostics["adversary"] = {
            **plan._asdict(),
            "channels": list(plan.channels),
            "seen": len(asked),
        }
        cycle.progress.line(
            f"{self.name}: {plan.iterations} adversarial iterations on {len(cycle.labeled)} labeled and "
            f"{len(asked)} unlabeled images of {plan.side} pixels, VAE {widths}, latent {plan.latent}, "
            f"{plan.precision}"
        )
        vae, discriminator = self.networks(cycle, plan, conditioned=ranks is not None)
        adversary = Adversary(
            vae,
            discriminator,
            learning_rate=self.learning_rate,
            beta=self.beta,
            kl=self.kl,
            weight=self.adversarial_weight,
            precision=plan.precision,
        )
        with threads_for(plan.side, cycle.device), cycle.progress.bar(plan.iterations, "adversary") as bar:
            adversary.train(
                self.sides(cycle, "labeled", cycle.labeled, ranks, plan),
                self.sides(cycle, "unlabeled", asked, ranks, plan),
                plan.iterations,
                vae_steps=self.vae_steps,
                bar=bar,
            )
        return adversary, plan

    def _judged(
        self, cycle: Cycle, adversary: Adversary, asked: Indices, ranks: RankCondition | None, side: int
    ) -> Tensor:
        """Return the logits [m] of the candidates, and record how meaningful they are."""
        picked = None
        if self.scoring == "train":
            picked = self._logits(cycle, adversary, asked, ranks, side, self.batch_size)[0]
        adversary.vae.eval()
        adversary.discriminator.eval()
        logits, means = self._logits(cycle, adversary, asked, ranks, side, cycle.batch_size)
        known, known_means = self._logits(cycle, adversary, cycle.labeled, ranks, side, cycle.batch_size)
        if picked is None:
            picked = logits
        if not torch.isfinite(picked).all():
            raise TrainingDiverged(
                f"the networks of {self.name} return scores that are not finite; lower learning-rate, or use "
                "precision=float32"
            )
        spread = torch.cat([means, known_means]).std(dim=0, correction=0).mean().item()
        numbers, warnings = diagnose(known.numpy(), logits.numpy(), spread)
        if ranks is not None:
            order = ranks.discriminator[torch.from_numpy(asked)].double().numpy()
            correlation = rank_correlation(-picked.numpy(), order)
            numbers["score_rank_correlation"] = None if correlation is None else round(correlation, 4)
        self._record(cycle, numbers, warnings)
        return picked

    def _logits(
        self,
        cycle: Cycle,
        adversary: Adversary,
        indices: Indices,
        ranks: RankCondition | None,
        side: int,
        size: int,
    ) -> tuple[Tensor, Tensor]:
        """Return logits [n] float64 and means [n, latent] on the CPU, in the networks' current mode."""
        logits = torch.empty(len(indices), dtype=torch.float64)
        means = torch.empty(len(indices), adversary.vae.latent)
        start = 0
        with cycle.progress.bar(len(indices), "score") as bar:
            for batch in cycle.batches(indices, size=size):
                seen = _side(batch, torch.empty(0), ranks, side)
                found = adversary.logits(seen.images, seen.rank)
                stop = start + len(batch)
                logits[start:stop], means[start:stop] = found[0], found[1]
                bar.update(len(batch))
                start = stop
        return logits, means

    def _record(self, cycle: Cycle, numbers: dict[str, Any], warnings: list[str]) -> None:
        cycle.diagnostics.update(numbers)
        cycle.diagnostics.setdefault("warnings", []).extend(warnings)
        shown = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in numbers.items())
        cycle.progress.line(f"{self.name}: {shown}")
        for sentence in warnings:
            cycle.progress.line(f"{self.name}: {sentence}")


def _side(batch: Batch, noise: Tensor, ranks: RankCondition | None, side: int) -> AdversarialBatch:
    images = batch.images
    if images.shape[2:] != (side, side):
        images = F.interpolate(images, size=(side, side), mode="bilinear", antialias=True)
    images = images.contiguous(memory_format=torch.channels_last)
    if ranks is None:
        return AdversarialBatch(images, noise.to(images))
    rows = torch.from_numpy(batch.indices)
    rank, condition = ranks.discriminator[rows].to(images), ranks.decoder[rows].to(images)
    return AdversarialBatch(images, noise.to(images), rank, condition)


@alkit.hookimpl
def alkit_strategies() -> list[type[alkit.Strategy]]:
    """Offer the strategy."""
    return [VAAL]
