"""One training of a campaign, and its record."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from alkit.campaign.record.trainings import CycleRecord
from alkit.errors import TrainingError
from alkit.options import values_of

if TYPE_CHECKING:
    from alkit.campaign.record.ledger import Event
    from alkit.data.labeled_images import LabeledImages
    from alkit.engine.train import Learned
    from alkit.interfaces.strategy import Strategy
    from alkit.utils.profiling import Measures

    from .session import Opened


def train(opened: Opened, strategy: Strategy | None, measures: Measures) -> tuple[Learned, CycleRecord]:
    """Train on all labels, or take what was trained on the same; record it."""
    from alkit.engine.train import Lesson, learn

    past = opened.ledger.events("trained")
    lesson = Lesson(
        cycle=opened.cycle,
        seed=opened.settings.seed,
        labeled=_labeled(opened),
        test=opened.workbench.test_images(opened.ledger),
        classes=opened.classes,
        strategy=strategy,
        checkpoints=opened.directory / "checkpoints",
        previous=_earlier_checkpoint(opened, past),
    )
    learned = learn(
        opened.workbench.task(opened.classes), lesson, opened.workbench.device, opened.progress, measures
    )
    companion = strategy.name if strategy is not None and learned.companion is not None else None
    data = {
        "cycle": opened.cycle,
        "labels": len(lesson.labeled.indices),
        "metrics": {name: round(value, 6) for name, value in learned.metrics.items()},
        "companion": companion,
        "checkpoint": learned.checkpoint.relative_to(opened.directory).as_posix(),
        "fingerprint": learned.fingerprint,
        "device": str(opened.workbench.device),
        "options": values_of(learned.model),
        "measures": measures.as_dict(),
        **learned.record,
    }
    if not any(event.data["fingerprint"] == learned.fingerprint for event in past):
        opened.record("trained", data)
    record = CycleRecord(
        cycle=data.pop("cycle"),
        labels=data.pop("labels"),
        metrics=data.pop("metrics"),
        reused=learned.reused,
        record=data,
    )
    return learned, record


def _labeled(opened: Opened) -> LabeledImages:
    """Return what there is to train on.

    Raises:
        TrainingError: nothing is labeled.
    """
    from alkit.data.labeled_images import LabeledImages

    indices = opened.pool.labeled
    if len(indices) == 0:
        raise TrainingError("nothing is labeled yet; begin with 'alkit query' and 'alkit ingest'")
    return LabeledImages(
        images=opened.workbench.images(opened.state), indices=indices, values=opened.pool.values
    )


def _earlier_checkpoint(opened: Opened, past: Sequence[Event]) -> Path | None:
    earlier = [event.data for event in past if event.data["cycle"] < opened.cycle]
    return opened.directory / earlier[-1]["checkpoint"] if earlier else None
