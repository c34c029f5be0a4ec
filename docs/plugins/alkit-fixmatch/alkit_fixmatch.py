"""FixMatch: the task model also learns from unlabeled images, whatever strategy chooses: `fixmatch(random)`.

Sohn, Berthelot, Li, Zhang, Carlini, Cubuk, Kurakin, Zhang and Raffel, FixMatch: Simplifying Semi-Supervised
Learning with Consistency and Confidence, NeurIPS 2020. Each step sees `ratio` times as many unlabeled images
as labeled ones. Where the model is sure of the class of a weakly augmented image, it should give that class
to the same image under strong augmentation, RandAugment and Cutout. Here labeled and unlabeled images pass
the network one after the other, not shuffled into one batch, and weights are not averaged over steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.transforms import RandAugment

import alkit
from alkit.errors import UnsupportedTask

BINS = 10  # of magnitudes in RandAugment
GRAY = 127


class Consistency(nn.Module):
    """The companion: it has no weights of its own, and adds the loss of unlabeled images to the task's."""

    uses_unlabeled = True

    def __init__(self, threshold: float, ratio: int, weight: float) -> None:
        super().__init__()
        self.threshold, self.ratio, self.weight = threshold, ratio, weight

    def extra_loss(self, step: alkit.Step, /) -> Tensor:
        """Return the mean loss of unlabeled images; it is zero where the model is not sure of the class.

        Raises:
            UnsupportedTask: images are not 8-bit with 1 or 3 channels, or the task has no network on pixels.
        """
        model, pool = step.model, step.unlabeled
        assert model is not None and pool is not None
        if model.named_encoder() is not None:
            raise UnsupportedTask(
                "fixmatch changes the pixels of images, and an encoder has seen them already"
            )
        if len(pool) == 0:
            return torch.zeros((), device=step.losses.device)
        batch = pool.draw(self.ratio * len(step.losses), step.seed)
        pixels = batch.pixels
        if pixels.dtype != torch.uint8 or pixels.shape[1] not in (1, 3):
            raise UnsupportedTask("fixmatch augments 8-bit images with 1 or 3 channels only")
        generator = torch.Generator().manual_seed(step.seed)
        weak, _ = model.augment_batch(pixels, None, generator)
        again, _ = model.augment_batch(pixels, None, generator)
        with torch.no_grad():
            guess = model.forward(batch.normalized(weak))
        assert guess.probabilities is not None
        sure = guess.probabilities.max(dim=1).values >= self.threshold
        output = model.forward(batch.normalized(strongly(again, generator)))
        losses = model.loss(output, model.targets_of(guess))
        return self.weight * (losses * sure).mean()


def strongly(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Return images [B, C, H, W] uint8 after two random operations of random strength, and Cutout.

    RandAugment draws from torch's own generator, which alkit seeds for each step.
    """
    magnitudes = torch.randint(0, BINS, (len(pixels),), generator=generator).tolist()
    changed = [
        RandAugment(num_ops=2, magnitude=magnitude, num_magnitude_bins=BINS)(image)
        for image, magnitude in zip(pixels, magnitudes, strict=True)
    ]
    return cut_out(torch.stack(changed), generator)


def cut_out(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Make a square of each image gray, whose side is at most half the image's, around a random point."""
    count, _, height, width = pixels.shape

    def drawn(most: int) -> Tensor:
        return torch.randint(0, most, (count, 1), generator=generator).to(pixels.device)

    half = drawn(max(height, width) // 4 + 1)
    rows, columns = torch.arange(height, device=pixels.device), torch.arange(width, device=pixels.device)
    inside = ((rows - drawn(height)).abs() < half).unsqueeze(2) & (
        (columns - drawn(width)).abs() < half
    ).unsqueeze(1)
    return torch.where(inside.unsqueeze(1), GRAY, pixels)


@dataclass(kw_only=True)
class FixMatch(alkit.Combinator):
    """Train on unlabeled images too, and let a strategy choose, as in `fixmatch(margin)`."""

    name = "fixmatch"
    kind = "combinations"
    needs = frozenset({"model", "loss", "probabilities", "targets"})
    needs_labels = True
    paper = "Sohn et al., FixMatch, NeurIPS 2020"

    strategy: str = alkit.nested("random", "strategy that chooses")
    threshold: float = alkit.option(
        0.95, "probability from which the model is sure", minimum=0.0, maximum=1.0
    )
    ratio: int = alkit.option(7, "unlabeled images for each labeled one", minimum=1)
    weight: float = alkit.option(1.0, "of the loss of unlabeled images", minimum=0.0)

    def own_companion(self, spec: alkit.TaskSpec) -> alkit.Companion:
        """Return what trains on unlabeled images.

        Raises:
            UnsupportedTask: the task does not give each image one class.
        """
        if spec.dense or spec.num_classes != spec.num_outputs:
            raise UnsupportedTask(f"fixmatch needs one class an image, and task '{spec.task}' has several")
        return Consistency(self.threshold, self.ratio, self.weight)

    def select(self, cycle: alkit.Cycle, n: int) -> Any:
        """Let the strategy choose."""
        return self.delegate("strategy", cycle, cycle.candidates, n)


@alkit.hookimpl
def alkit_strategies() -> list[type[alkit.Strategy]]:
    """Offer the strategy."""
    return [FixMatch]
