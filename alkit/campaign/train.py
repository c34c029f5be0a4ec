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
    from alkit.engine.train import TrainedModel
    from alkit.interfaces.strategy import Strategy
    from alkit.utils.profiling import Profile

    from .session import CampaignSession


def train(
    session: CampaignSession, strategy: Strategy | None, profile: Profile
) -> tuple[TrainedModel, CycleRecord]:
    """Train on all labels, or take what was trained on the same; record it."""
    from alkit.engine.train import TrainingJob, train_model

    past = session.ledger.events("trained")
    job = TrainingJob(
        cycle=session.cycle,
        seed=session.settings.seed,
        labeled=_labeled(session),
        test=session.resources.test_images(session.ledger),
        classes=session.classes,
        strategy=strategy,
        checkpoints=session.directory / "checkpoints",
        previous=_earlier_checkpoint(session, past),
    )
    trained = train_model(
        session.resources.task(session.classes), job, session.resources.device, session.progress, profile
    )
    companion = strategy.name if strategy is not None and trained.companion is not None else None
    data = {
        "cycle": session.cycle,
        "labels": len(job.labeled.indices),
        "metrics": {name: round(value, 6) for name, value in trained.metrics.items()},
        "companion": companion,
        "checkpoint": trained.checkpoint.relative_to(session.directory).as_posix(),
        "fingerprint": trained.fingerprint,
        "device": str(session.resources.device),
        "options": values_of(trained.model),
        "measures": profile.as_dict(),
        **trained.record,
    }
    if not any(event.data["fingerprint"] == trained.fingerprint for event in past):
        session.record("trained", data)
    record = CycleRecord(
        cycle=data.pop("cycle"),
        labels=data.pop("labels"),
        metrics=data.pop("metrics"),
        reused=trained.reused,
        record=data,
    )
    return trained, record


def _labeled(session: CampaignSession) -> LabeledImages:
    """Return what there is to train on.

    Raises:
        TrainingError: nothing is labeled.
    """
    from alkit.data.labeled_images import LabeledImages

    indices = session.pool.labeled
    if len(indices) == 0:
        raise TrainingError("nothing is labeled yet; begin with 'alkit query' and 'alkit ingest'")
    return LabeledImages(
        images=session.resources.images(session.state), indices=indices, values=session.pool.values
    )


def _earlier_checkpoint(session: CampaignSession, past: Sequence[Event]) -> Path | None:
    earlier = [event.data for event in past if event.data["cycle"] < session.cycle]
    return session.directory / earlier[-1]["checkpoint"] if earlier else None
