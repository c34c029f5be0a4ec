"""TA-VAAL: VAAL with networks that also see how hard the task model finds an image.

Kim, Park, Kim and Chun, Task-Aware Variational Adversarial Active Learning, CVPR 2021. As in Learning Loss, a
ranker is trained with the task model, here with the ranking loss; a sigmoid maps its output to (0, 1), and
the decoder and the discriminator receive it. The published code differs: the discriminator receives the raw
output, the first iteration uses random ranks, batches come in the pool's order, and scoring runs in training
mode; `preset=published` does the same. Task model and ranker do not change while the adversary trains, so
each image is ranked once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import torch

import alkit
from alkit import option
from alkit_plugins.components.adversary import AdversarialBatch
from alkit_plugins.components.loss_prediction import LossPredictor

from .vaal import PAPER_CHANNELS, VAAL, Plan, RankCondition

if TYPE_CHECKING:
    from torch import Tensor

    from alkit import Companion, Cycle, Indices, TaskSpec


@dataclass(kw_only=True)
class TAVAAL(VAAL):
    """Choose the images that look least like labeled ones to an adversary that also sees predicted losses."""

    name = "ta-vaal"
    kind = "adversarial"
    needs = frozenset({"features", "loss"})
    paper = "Kim, Park, Kim and Chun, Task-Aware Variational Adversarial Active Learning, CVPR 2021"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "published": {
            "first_ranks": "random",
            "discriminator_rank": "raw",
            "shuffle": False,
            "scoring": "train",
            "epochs": 100,
            "channels": PAPER_CHANNELS,
            "latent": 32,
            "precision": "float32",
            "detach_after": 0.605,
            "subset": 10_000,
        }
    }

    vae_steps: int = option(1, "VAE steps per iteration, each on new batches", minimum=1)
    hidden: int = option(128, "width of the ranker's linear layer on each tap", minimum=1)
    weight: float = option(1.0, "weight of the ranker's loss, relative to the task's loss", minimum=0.0)
    dense_weight: float = option(
        0.1,
        "the weight in its place for tasks that predict every pixel, or any number of classes",
        minimum=0.0,
    )
    detach_after: float = option(
        0.6,
        "share of the epochs after which the ranker no longer trains the task model",
        minimum=0.0,
        maximum=1.0,
    )
    discriminator_rank: Literal["sigmoid", "raw"] = option("sigmoid", "the rank that the discriminator sees")
    condition: Literal["ranks", "none"] = option(
        "ranks", "what VAAL's networks see of the task; none: the ranker is trained but not used"
    )
    first_ranks: Literal["predicted", "random"] = option("predicted", "ranks in the first iteration")

    def companion(self, spec: TaskSpec) -> Companion:
        """Return the ranker for the task's taps."""
        return LossPredictor.for_task(
            spec,
            self.hidden,
            loss="ranking",
            weight=self.dense_weight if spec.averages else self.weight,
            detach_after=self.detach_after,
        )

    def ranks(self, cycle: Cycle, indices: Indices) -> RankCondition | None:
        """Rank every image that takes part, once; return None if the networks see no ranks."""
        if self.condition == "none":
            return None
        found = self.ranked(cycle, indices).cpu()
        raw = found.new_zeros(int(indices.max()) + 1)
        raw[torch.from_numpy(indices)] = found
        squashed = raw.sigmoid()
        return RankCondition(raw if self.discriminator_rank == "raw" else squashed, squashed)

    def ranked(self, cycle: Cycle, indices: Indices) -> Tensor:
        """Return the ranker's output for some images, [n]."""
        ranker = cycle.companion
        assert isinstance(ranker, torch.nn.Module)
        return cycle.collect(indices, lambda output: ranker(output.features))

    def sides(
        self, cycle: Cycle, name: str, indices: Indices, ranks: RankCondition | None, plan: Plan
    ) -> Iterator[AdversarialBatch]:
        """Yield batches of one side without end; the first can have random ranks."""
        sides = super().sides(cycle, name, indices, ranks, plan)
        if ranks is not None and self.first_ranks == "random":
            first = next(sides)
            random = torch.rand(len(first.images), generator=cycle.generator("adversary", "ranks", name))
            random = random.to(first.images)
            yield replace(first, rank=random, condition=random)
        yield from sides


@alkit.hookimpl
def alkit_strategies() -> list[type[alkit.Strategy]]:
    """Offer the strategy."""
    return [TAVAAL]
