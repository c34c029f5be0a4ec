"""How fast TA-VAAL's adversary is, compared with a textbook version: one training iteration, and scoring.

    python benchmarks/adversary.py --out benchmarks/results/adversary

The textbook version asks the task model for the ranks of both batches in every iteration, runs the whole VAE
where only the encoder matters, and uses float32 and contiguous tensors. Sizes are the paper's: batches of
128 + 128 images of 3 x 32 x 32, encoder 128-256-512-1024, latent 32, ResNet-18. Each version runs in its own
process, alkit's with the memory settings of its commands. Runs are interleaved, and medians are compared.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal

import torch
import torchvision
from common import finished, parser, precisions, report, seconds_apart
from torch import Tensor, nn

from alkit.utils.malloc import keep_freed_memory
from alkit_plugins.components.adversary import AdversarialBatch, Adversary
from alkit_plugins.components.loss_prediction import LossPredictor
from alkit_plugins.components.vae import VAE, Discriminator

CHANNELS, LATENT = (128, 256, 512, 1024), 32
ITERATION, SCORING = "One iteration of TA-VAAL", "Scoring one batch, ranks known"
BARS = {  # on a CPU
    ITERATION: {"alkit, float32": 2.2, "alkit, bfloat16": 4},
    SCORING: {"alkit, float32": 10, "alkit, bfloat16": 18},
}


class Ranker(nn.Module):
    """ResNet-18 for small images with a loss predictor on its four stages."""

    def __init__(self) -> None:
        super().__init__()
        net = torchvision.models.resnet18(num_classes=10)
        self.stem = nn.Sequential(nn.Conv2d(3, 64, 3, 1, 1, bias=False), net.bn1, nn.ReLU())
        self.stages = nn.ModuleList([net.layer1, net.layer2, net.layer3, net.layer4])
        self.predictor = LossPredictor((64, 128, 256, 512))

    def forward(self, images: Tensor) -> Tensor:
        maps, features = self.stem(images), []
        for stage in self.stages:
            maps = stage(maps)
            features.append(maps)
        return self.predictor(features)


class TextbookVAE(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        encoder, decoder, before = [], [], 3
        for count in CHANNELS:
            encoder += [nn.Conv2d(before, count, 4, 2, 1, bias=False), nn.BatchNorm2d(count), nn.ReLU(True)]
            before = count
        for count in reversed(CHANNELS[:-1]):
            decoder += [
                nn.ConvTranspose2d(before, count, 4, 2, 1, bias=False),
                nn.BatchNorm2d(count),
                nn.ReLU(True),
            ]
            before = count
        self.encoder = nn.Sequential(*encoder, nn.Flatten())
        self.mu, self.logvar = nn.Linear(4 * CHANNELS[-1], LATENT), nn.Linear(4 * CHANNELS[-1], LATENT)
        self.decoder = nn.Sequential(
            nn.Linear(LATENT + 1, 16 * CHANNELS[-1]),
            nn.Unflatten(1, (CHANNELS[-1], 4, 4)),
            *decoder,
            nn.ConvTranspose2d(before, 3, 1),
        )

    def forward(self, rank: Tensor, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        hidden = self.encoder(images)
        mu, logvar = self.mu(hidden), self.logvar(hidden)
        code = mu + torch.randn_like(mu) * (0.5 * logvar).exp()
        return self.decoder(torch.cat([code, rank], 1)), mu, logvar


class Textbook:
    """Plain TA-VAAL."""

    def __init__(self, ranker: Ranker, device: torch.device) -> None:
        self.ranker, self.vae = ranker, TextbookVAE().to(device)
        self.judge = nn.Sequential(
            *(nn.Linear(LATENT + 1, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 1)),
            nn.Sigmoid(),
        ).to(device)
        self.vae_optimizer = torch.optim.Adam(self.vae.parameters(), lr=5e-4)
        self.judge_optimizer = torch.optim.Adam(self.judge.parameters(), lr=5e-4)

    def ranks(self, images: Tensor) -> Tensor:
        with torch.no_grad():
            return self.ranker(images).sigmoid().unsqueeze(1)

    def says(self, mu: Tensor, rank: Tensor, labeled: bool) -> Tensor:
        answer = self.judge(torch.cat([mu, rank], 1))
        return nn.functional.binary_cross_entropy(answer, torch.full_like(answer, float(labeled)))

    def iterate(self, labeled: Tensor, unlabeled: Tensor) -> None:
        sides = [(images, self.ranks(images)) for images in (labeled, unlabeled)]
        loss = torch.zeros((), device=labeled.device)
        for images, rank in sides:
            rebuilt, mu, logvar = self.vae(rank, images)
            divergence = -0.5 * torch.mean(1 + logvar - mu.pow(2) - logvar.exp())
            loss = loss + nn.functional.mse_loss(rebuilt, images) + divergence + self.says(mu, rank, True)
        self.vae_optimizer.zero_grad()
        loss.backward()
        self.vae_optimizer.step()
        loss = torch.zeros((), device=labeled.device)
        for (images, rank), is_labeled in zip(sides, (True, False), strict=True):
            with torch.no_grad():
                mu = self.vae(rank, images)[1]
            loss = loss + self.says(mu, rank, is_labeled)
        self.judge_optimizer.zero_grad()
        loss.backward()
        self.judge_optimizer.step()

    def score(self, images: Tensor) -> Tensor:
        rank = self.ranks(images)
        with torch.no_grad():
            return self.judge(torch.cat([self.vae(rank, images)[1], rank], 1))


class Reworked:
    """alkit's version: the ranks are known, because they are computed once per cycle."""

    def __init__(self, precision: Literal["float32", "bfloat16"], device: torch.device) -> None:
        vae = VAE((3, 32, 32), CHANNELS, LATENT, conditioned=True).to(device)
        judge = Discriminator(LATENT, conditioned=True).to(device)
        self.adversary = Adversary(vae, judge, precision=precision)

    def iterate(self, labeled: Tensor, unlabeled: Tensor) -> None:
        self.adversary.vae.train()
        sides = []
        for images in (labeled, unlabeled):
            rank = torch.full((len(images),), 0.5, device=images.device)
            noise = torch.randn(len(images), LATENT).to(images.device)
            sides.append(
                AdversarialBatch(images.contiguous(memory_format=torch.channels_last), noise, rank, rank)
            )
        self.adversary.vae_step(*sides)
        self.adversary.discriminator_step(*sides)

    def score(self, images: Tensor) -> Tensor:
        self.adversary.vae.eval()
        rank = torch.full((len(images),), 0.5, device=images.device)
        return self.adversary.logits(images.contiguous(memory_format=torch.channels_last), rank)[0]


def work(one: Textbook | Reworked, batch: int, device: torch.device) -> dict[str, Callable[[], object]]:
    """Return an iteration and the scoring of a batch."""
    labeled, unlabeled = (torch.randn(batch, 3, 32, 32).to(device) for _ in range(2))
    return {
        ITERATION: finished(lambda: one.iterate(labeled, unlabeled), device),
        SCORING: finished(lambda: one.score(unlabeled), device),
    }


def textbook(batch: int, threads: int, device: torch.device) -> dict[str, Callable[[], object]]:
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    return work(Textbook(Ranker().to(device).eval(), device), batch, device)


def reworked(
    batch: int, threads: int, device: torch.device, precision: Literal["float32", "bfloat16"]
) -> dict[str, Callable[[], object]]:
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    keep_freed_memory()  # as alkit's commands do
    return work(Reworked(precision, device), batch, device)


def main() -> None:
    arguments = parser(__doc__, devices=True)
    arguments.add_argument("--batch", type=int, default=128, help="images per side")
    given = arguments.parse_args()
    batch = 2 if given.tiny else given.batch
    common = (batch, given.threads, given.device)
    makers = {
        "textbook": partial(textbook, *common),
        **{f"alkit, {name}": partial(reworked, *common, name) for name in precisions(given.device)},
    }
    taken = seconds_apart(makers, {ITERATION: given.rounds, SCORING: given.rounds * 3}, given.clock)
    bars = BARS if given.device.type == "cpu" else {}
    report(
        "The adversary's speed", taken, "textbook", given, bars=bars, batch=batch, device=str(given.device)
    )


if __name__ == "__main__":
    main()
