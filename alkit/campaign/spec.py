"""The choices made when a campaign is created."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from alkit.composition.factory import ResolvedStrategy
    from alkit.data.pixel_types import PixelType

    from .campaign import Campaign

DEFAULT_TASK = "classification"
DEFAULT_STRATEGY = "uherding"
MOST_COMPARED = 10_000
"""Candidates that it compares, all with all; of more, so many at random."""
STRATEGY_FOR_SEVERAL = "badge"  # classes an image, as in sets, boxes and masks
STRATEGY_FOR_NUMBERS = "coreset"  # there are no probabilities
STRATEGY_WITHOUT_PIXELS = "typiclust"  # for vectors alone, which bring no probabilities


@dataclass(frozen=True, slots=True)
class CampaignSpec:
    """All choices for a new campaign; only the pool is required.

    Attributes:
        pool: images, see `alkit.open_source`.
        root: where a torchvision data set lies.
        download: allow torchvision to download it.
        labels: CSV file of labels that are known, or None.
        columns: columns of `labels` by meaning (`image`, `label`, ...), where their names do not say it.
        classes: class names; those of `labels`, of the test images and of an oracle's data set are added.
        test: labeled images to evaluate the model on, as `pool`; a data set's own test images by default.
        task: the task model's plugin name.
        task_options: its options.
        strategy: what queries use when no strategy is named; by default `uherding`; `badge` for several
            classes an image; `coreset` for numbers; `typiclust` for a pool of vectors.
        strategy_options: its options.
        oracle: answers automatically; by default a demonstration set's own labels, otherwise nobody.
        oracle_options: its options.
        image_size: (height, width) to resize to; chosen from the images by default.
        channels: 1 (grey), 3 (color), or as many as the images have, as by default.
        value_range: what becomes black and white where values are not 8-bit; from the images by default.
        pixel_type: `uint8`, `uint16` or `float32`, in which images are kept and the model gets them; by
            default the one that loses nothing.
        seed: of all randomness.
        aggregate: how the answers of several annotators become one; see `Campaign.aggregate_by`.
    """

    pool: str
    _: KW_ONLY
    root: str | None = None
    download: bool = False
    labels: str | Path | None = None
    columns: Mapping[str, str] | None = None
    classes: Sequence[str] = ()
    test: str | None = None
    task: str = DEFAULT_TASK
    task_options: Mapping[str, Any] = field(default_factory=dict)
    strategy: str | ResolvedStrategy | None = None
    strategy_options: Mapping[str, Any] = field(default_factory=dict)
    oracle: str | None = None
    oracle_options: Mapping[str, Any] = field(default_factory=dict)
    image_size: tuple[int, int] | None = None
    channels: int | None = None
    value_range: tuple[float, float] | None = None
    pixel_type: PixelType | None = None
    seed: int = 0
    aggregate: str = "last"


NOT_FOR_GOOD = frozenset(
    {"pool", "root", "download", "labels", "columns", "strategy", "strategy_options", "aggregate"}
)
DECIDED = tuple(f.name for f in dataclasses.fields(CampaignSpec) if f.name not in NOT_FOR_GOOD)
"""Fields that never change after creation, so a repeated command must not contradict them."""


def spec_of(campaign: Campaign) -> CampaignSpec:
    """Return the choices made when a campaign was created; forgotten ones have their default."""
    settings = campaign.settings
    oracle = settings.oracle
    return CampaignSpec(
        settings.pool.location,
        classes=list(campaign.classes),
        test=None if settings.test is None else settings.test.location,
        task=settings.task.name,
        task_options=settings.task.options,
        strategy=settings.strategy.name,
        strategy_options=settings.strategy.options,
        oracle=None if oracle is None else oracle.name,
        oracle_options=oracle.options if oracle else {},
        image_size=settings.image_shape[1:],
        channels=settings.image_shape[0],
        value_range=settings.pool.value_range,
        pixel_type=settings.pool.pixel_type,
        seed=settings.seed,
    )
