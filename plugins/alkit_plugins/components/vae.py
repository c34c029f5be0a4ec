"""The two networks of VAAL and TA-VAAL, a convolutional VAE and a discriminator, and the VAE's loss.

Sinha, Ebrahimi and Darrell, Variational Adversarial Active Learning, ICCV 2019; Kim et al., Task-Aware
Variational Adversarial Active Learning, CVPR 2021. The layers and the names of parameters are those of the
published code. Three layers are computed in a different order of operations, with the same result: see
`_Patches` and `VAE.entry`.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor


Reduction = Literal["mean", "sum"]

SMALLEST = 7
"""Smallest side in pixels that two halving convolutions can rebuild exactly; each further one doubles it."""


def stack_depth(side: int) -> int:
    """Return the number of halving convolutions for an image: 2 at 8 pixels, 4 at 28 and 32, 5 at 64."""
    depth = 2
    while side >= SMALLEST << (depth - 1):
        depth += 1
    return depth


def fitting_side(side: int, depth: int) -> int:
    """Return the smallest side, at least `side`, that `depth` convolutions can rebuild exactly."""
    unit = 1 << (depth - 2)
    return max(SMALLEST * unit, -(-side // unit) * unit)


class Latent(NamedTuple):
    """The encoder's output: means and log-variances, [B, latent] each."""

    mu: Tensor
    logvar: Tensor


class _Patches(nn.Conv2d):
    """A convolution that is computed as one matrix product over patches, for small maps on CPUs.

    For these, the gradients of oneDNN are several times slower than a matrix product of the same size.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Convolve [B, C, H, W]."""
        if input.is_cuda or max(input.shape[2:]) > 4:
            return super().forward(input)
        size, step = self.kernel_size[0], self.stride[0]
        padded = F.pad(input.permute(0, 2, 3, 1), (0, 0, 1, 1, 1, 1))
        rows = (padded.shape[1] - size) // step + 1
        columns = (padded.shape[2] - size) // step + 1
        patches = torch.stack(
            [
                padded[:, step * i : step * i + size, step * j : step * j + size].flatten(1)
                for i in range(rows)
                for j in range(columns)
            ],
            dim=1,
        )
        mapped = F.linear(patches, self.weight.permute(0, 2, 3, 1).flatten(1))
        return mapped.view(len(input), rows, columns, -1).permute(0, 3, 1, 2)


class VAE(nn.Module):
    """A convolutional variational autoencoder for square images.

    The encoder halves the image once per channel count (4x4 convolution, stride 2, batch norm, ReLU); two
    linear layers compute mean and log-variance. In the decoder, a linear layer makes a map, transposed
    convolutions undo all but the first halving, and a 1x1 convolution ends it. If the map before the last
    halving has an odd side (7, for images of 28), that convolution and its counterpart have 3x3 kernels.

    Args:
        image_shape: (C, S, S).
        channels: channels of the encoder's maps; two or more.
        latent: size of the code.
        conditioned: whether the decoder receives one more number per image, in addition to the code.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        channels: Sequence[int] = (128, 256, 512, 1024),
        latent: int = 32,
        *,
        conditioned: bool = False,
    ) -> None:
        super().__init__()
        colours, side, width = image_shape
        depth = len(channels)
        if depth < 2:
            raise ValueError("a VAE needs at least two channel counts")
        if side != width or side != fitting_side(side, depth):
            raise ValueError(f"{depth} convolutions do not fit images of {side} x {width} pixels")
        self.latent, self.conditioned = latent, conditioned
        before_last = side >> (depth - 2)
        kernel = 3 if before_last % 2 else 4
        encoder: list[nn.Module] = []
        size, previous = side, colours
        for number, count in enumerate(channels, 1):
            last = number == depth
            cls, k = (_Patches, kernel) if last else (nn.Conv2d, 4)
            encoder += [
                cls(previous, count, k, 2, 1, bias=False),
                nn.BatchNorm2d(count),
                nn.ReLU(inplace=True),
            ]
            size, previous = (size + 2 - k) // 2 + 1, count
        self.encoder = nn.Sequential(*encoder)
        flat = channels[-1] * size * size
        self.fc_mu, self.fc_logvar = nn.Linear(flat, latent), nn.Linear(flat, latent)

        start = (before_last + 1) // 2
        decoder: list[nn.Module] = [
            nn.Linear(latent + conditioned, channels[-1] * start * start),
            nn.Unflatten(1, (channels[-1], start, start)),
        ]
        narrowing = list(reversed(channels))
        for number, (wide, narrow) in enumerate(itertools.pairwise(narrowing)):
            k = kernel if number == 0 else 4
            decoder += [
                nn.ConvTranspose2d(wide, narrow, k, 2, 1, bias=False),
                nn.BatchNorm2d(narrow),
                nn.ReLU(inplace=True),
            ]
        decoder.append(nn.ConvTranspose2d(channels[0], colours, 1))
        self.decoder = nn.Sequential(*decoder)
        _kaiming(self.encoder)
        _kaiming(self.decoder)

    def encode(self, images: Tensor) -> Latent:
        """Return the means and log-variances of images [B, C, S, S]."""
        hidden = self.encoder(images).flatten(1)
        return Latent(self.fc_mu(hidden), self.fc_logvar(hidden))

    def means(self, images: Tensor) -> Tensor:
        """Return only the means, [B, latent]."""
        return self.fc_mu(self.encoder(images).flatten(1))

    def entry(self) -> Tensor:
        """Push the decoder's linear layer, column by column, through its first transposed convolution.

        There is nothing between the two layers, so their product on a code is a combination of these maps
        [latent + conditioned + 1, C, H, W], the last of which belongs to the bias. One entry serves all codes
        of a step, and costs as much as that number of images.
        """
        linear, unflatten, convolution = self.decoder[0], self.decoder[1], self.decoder[2]
        assert isinstance(linear, nn.Linear) and isinstance(convolution, nn.ConvTranspose2d)
        columns = torch.cat([linear.weight.t(), linear.bias.unsqueeze(0)])
        maps = unflatten(columns).contiguous(memory_format=torch.channels_last)
        return convolution(maps)

    def decode(self, codes: Tensor, condition: Tensor | None, entry: Tensor) -> Tensor:
        """Rebuild images from codes [B, latent] and conditions [B], given this step's `entry`."""
        parts = [codes] if condition is None else [codes, condition.unsqueeze(1)]
        weights = torch.cat([*parts, codes.new_ones(len(codes), 1)], dim=1)
        count, channels, height, width = entry.shape
        flat = entry.permute(0, 2, 3, 1).reshape(count, -1)
        hidden = (weights @ flat).view(-1, height, width, channels).permute(0, 3, 1, 2)
        return self.decoder[3:](hidden)

    def forward(
        self, images: Tensor, noise: Tensor, condition: Tensor | None = None
    ) -> tuple[Tensor, Latent]:
        """Rebuild images from sampled codes mu + noise * sigma; return them and the latent."""
        latent = self.encode(images)
        return self.decode(sample(latent, noise), condition, self.entry()), latent


def sample(latent: Latent, noise: Tensor) -> Tensor:
    """Draw codes [B, latent] with the given standard normal noise."""
    return latent.mu + noise * (0.5 * latent.logvar).exp()


class Discriminator(nn.Module):
    """Tells codes of labeled images from codes of unlabeled ones by a logit; higher means "labeled".

    Args:
        latent: size of the code.
        hidden: width of the two hidden layers.
        conditioned: whether it receives one more number per image.
    """

    def __init__(self, latent: int = 32, hidden: int = 512, *, conditioned: bool = False) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(latent + conditioned, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, 1),
        )
        _kaiming(self.net)

    def forward(self, codes: Tensor, condition: Tensor | None = None) -> Tensor:
        """Return logits [B] of codes [B, latent] and conditions [B]."""
        if condition is not None:
            codes = torch.cat([codes, condition.unsqueeze(1)], dim=1)
        return self.net(codes).squeeze(1)


def _kaiming(layers: nn.Sequential) -> None:
    """Draw weights as the published code does.

    Convolutions and linear layers of the stacks have weights from Kaiming's normal distribution and biases of
    0. Transposed convolutions and the two layers of the code keep torch's own initialization, since the
    published initialization skips them.
    """
    for layer in layers:
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def vae_loss(
    images: Tensor, rebuilt: Tensor, latent: Latent, *, beta: float = 1.0, kl: Reduction = "mean"
) -> Tensor:
    """Return the mean squared error over all elements plus beta times the divergence from the prior.

    Args:
        images: [B, C, S, S].
        rebuilt: the same shape.
        latent: the encoder's output for the images.
        beta: weight of the divergence.
        kl: `mean` over batch and latent (TA-VAAL); `sum` over both (VAAL), which grows with the batch and
            outweighs the error so much that the code says little about the image.
    """
    mu, logvar = latent
    terms = -0.5 * (1.0 + logvar - mu.square() - logvar.exp())
    divergence = terms.mean() if kl == "mean" else terms.sum()
    return F.mse_loss(rebuilt, images) + beta * divergence
