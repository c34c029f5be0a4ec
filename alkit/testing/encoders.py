"""The checks of an encoder."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch

from alkit.plugin.encoders import NamedEncoder, open_encoder

from .results import Result, outcome, require, title

if TYPE_CHECKING:
    from torch import Tensor

COUNT = 5
TOLERANCE = 1e-3  # relative to the largest feature: kernels differ with the size of a batch


def takes_images(encoder: NamedEncoder) -> None:
    """Its input has a possible size, and deviations that one can divide by."""
    height, width = encoder.input.size
    require(min(height, width) >= 1, f"images of {height} x {width} pixels are not possible")
    require(
        all(value > 0 for value in encoder.input.std), f"a deviation is not positive: {encoder.input.std}"
    )
    require(0 < encoder.input.crop <= 1, f"crop should be in (0, 1], not {encoder.input.crop}")


def gives_features(encoder: NamedEncoder) -> None:
    """It returns finite features [B, D] of D numbers, which differ between images."""
    features = encoder.embed(torch.device("cpu"))(_images(encoder))
    require(
        features.shape == (COUNT, encoder.dim),
        f"features have the shape {tuple(features.shape)} instead of ({COUNT}, {encoder.dim})",
    )
    require(bool(features.isfinite().all()), "a feature is not finite")
    require(not torch.equal(features[0], features[1]), "two different images have the same features")


def repeats(encoder: NamedEncoder) -> None:
    """An image has the same features each time, alone and among others."""
    embed, images = encoder.embed(torch.device("cpu")), _images(encoder)
    first = embed(images)
    alone = torch.cat([embed(image[None]) for image in images])
    largest = float(first.abs().max().clamp_min(1e-12))
    for name, again in (("again", embed(images)), ("alone", alone)):
        difference = float((first - again).abs().max()) / largest
        require(
            difference <= TOLERANCE,
            f"features differ by {difference:.2g} of the largest when computed {name}",
        )


def identity_stays(encoder: NamedEncoder) -> None:
    """Opened again under the same name, it has the same identity and the same features."""
    again = open_encoder(encoder.name, weights=encoder.plugin.weights, download=encoder.plugin.download)
    require(again.identity == encoder.identity, "the identity differs when the encoder is opened again")
    first, other = (one.embed(torch.device("cpu"))(_images(encoder)) for one in (encoder, again))
    require(
        torch.allclose(first, other, rtol=TOLERANCE, atol=TOLERANCE * float(first.abs().max())),
        "the features differ when the encoder is opened again, although the identity is the same",
    )


def _images(encoder: NamedEncoder) -> Tensor:
    return torch.randn(COUNT, *encoder.input.shape, generator=torch.Generator().manual_seed(0))


CHECKS: tuple[Callable[[NamedEncoder], None], ...] = (
    takes_images,
    gives_features,
    repeats,
    identity_stays,
)


def check_encoder(name: str, *, weights: str = "") -> list[Result]:
    """Run every check.

    Args:
        name: of the encoder, as users type it.
        weights: file with its weights, if they do not come with it.

    Returns:
        One result per check.

    Raises:
        UnknownPlugin: there is no such encoder.
    """
    encoder = open_encoder(name, weights=weights)
    return [outcome(title(check), check, encoder) for check in CHECKS]
