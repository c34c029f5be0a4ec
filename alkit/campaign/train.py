"""The current round of a campaign, its training, and the record of the training."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from alkit.campaign.record.events import ClassesMerged, ClassRestored, ClassRetired, Trained, from_json
from alkit.campaign.record.trainings import CycleRecord
from alkit.data.labeled_images import LabeledImages
from alkit.data.sources import VECTORS
from alkit.errors import NotTrained, TrainingError
from alkit.options import values_of
from alkit.training.launch import current
from alkit.utils.profiling import Profile

from .training_ref import group_of

if TYPE_CHECKING:
    from alkit.campaign.record.ledger import Event
    from alkit.data.store import ImageStore
    from alkit.engine.round import Round
    from alkit.engine.train import TrainedModel
    from alkit.interfaces.strategy import Strategy
    from alkit.training.group import TrainingGroup

    from .session import CampaignSession


def train(
    session: CampaignSession, strategy: Strategy | None, profile: Profile
) -> tuple[TrainedModel, CycleRecord]:
    """Train on all labels, or reuse an identical training; record it.

    Raises:
        TrainingError: nothing is labeled, or training failed.
    """
    past = session.ledger.events(Trained)
    trained = _trained(session, strategy, profile, past)
    companion = strategy.name if strategy is not None and trained.companion is not None else None
    recorded = from_json(
        Trained.kind,
        {
            "cycle": session.cycle,
            "labels": len(session.pool.labeled),
            "copied": len(session.pool.copied) or None,
            "metrics": {name: round(value, 6) for name, value in trained.metrics.items()},
            "companion": companion,
            "checkpoint": session.relative(trained.checkpoint),
            "fingerprint": trained.fingerprint,
            "device": str(session.resources.device),
            "options": values_of(trained.model),
            "measures": profile.as_dict(),
            **trained.record,
        },
    )
    assert isinstance(recorded, Trained)
    known = {(event.data.cycle, event.data.fingerprint) for event in past}
    if (session.cycle, trained.fingerprint) not in known:
        session.record(recorded)
    return trained, CycleRecord(recorded, reused=trained.reused)


def load_trained(session: CampaignSession, strategy: Strategy | None) -> TrainedModel:
    """Return what `train` has made of the same labels, and record nothing.

    Raises:
        NotTrained: it has not been called yet.
    """
    past = session.ledger.events(Trained)
    return _trained(session, strategy, Profile(), past, load_only=True)


def _trained(
    session: CampaignSession,
    strategy: Strategy | None,
    profile: Profile,
    past: Sequence[Event[Trained]],
    *,
    load_only: bool = False,
    group: TrainingGroup | None = None,
) -> TrainedModel:
    if session.settings.pool.location.startswith(VECTORS):
        raise TrainingError(
            "the pool holds vectors without pixels, so there is nothing to train on; choose with a "
            "strategy that needs embeddings only, or bring --predictions of your own model"
        )
    if len(session.pool.labeled) == 0:
        raise TrainingError("nothing is labeled yet; begin with 'alkit query' and 'alkit ingest'")
    round_ = round_of(session, strategy, profile)
    test = session.resources.test_images(session.ledger, session.state)

    def trained_as(cycle: int, *, load_only: bool, group: TrainingGroup | None = None) -> TrainedModel:
        return dataclasses.replace(round_, number=cycle).train(
            session.resources.task(session.state),
            classes=session.classes,
            test=test,
            checkpoints=None if group is not None and group.rank > 0 else session.directory / "checkpoints",
            previous=_earlier_checkpoint(session, past, cycle),
            load_only=load_only,
            group=group,
        )

    if group is not None and group.rank > 0:
        return trained_as(session.cycle, load_only=False, group=group)

    for cycle in _cycles_with_as_many_labels(session, past):
        with contextlib.suppress(NotTrained):
            return trained_as(cycle, load_only=True)
    if not load_only and (launch := current()) is not None:
        group = group_of(session, strategy, launch)
    return trained_as(session.cycle, load_only=load_only, group=group)


def take_part(session: CampaignSession, strategy: Strategy | None, group: TrainingGroup) -> None:
    """Train with the process that `train` was called in, and record nothing.

    Raises:
        TrainingError: this process would train something else.
    """
    _trained(session, strategy, Profile(), session.ledger.events(Trained), group=group)


def _cycles_with_as_many_labels(session: CampaignSession, past: Sequence[Event[Trained]]) -> list[int]:
    """Return earlier cycles whose model may be that of the labels of now, the latest first.

    They come after a query that was withdrawn, or that nobody has answered. A model is named by the cycle in
    which it was trained.
    """
    labels = len(session.pool.labeled)
    files = [event.data.checkpoint or "" for event in past if event.data.labels == labels]
    numbers = [file.rpartition("/")[2].partition("-")[0] for file in reversed(files)]
    cycles = dict.fromkeys(int(number) for number in numbers if number.isdigit())
    return [cycle for cycle in cycles if cycle < session.cycle]


def round_of(
    session: CampaignSession,
    strategy: Strategy | None,
    profile: Profile,
    *,
    images: ImageStore | None = None,
) -> Round:
    """Return the round of active learning that a campaign is in.

    Args:
        session: the campaign.
        strategy: chooses; None trains a plain model.
        profile: collects seconds and memory.
        images: of the pool; by default as the campaign keeps them, with features if it has an encoder.
    """
    from alkit.engine.round import Round  # noqa: PLC0415  # torch takes seconds to import

    pool = session.pool
    return Round(
        number=session.cycle,
        seed=session.settings.seed,
        labeled=LabeledImages(
            images=session.resources.encoded_images(session.state) if images is None else images,
            indices=pool.labeled,
            values=session.fitted_values(session.state),
        ),
        strategy=strategy,
        device=session.resources.device,
        progress=session.progress,
        profile=profile,
        most_threads=session.settings.threads,
    )


def _earlier_checkpoint(session: CampaignSession, past: Sequence[Event[Trained]], cycle: int) -> Path | None:
    # A network whose outputs meant other classes cannot start the next training.
    changes = session.ledger.all_events(ClassesMerged, ClassRetired, ClassRestored)
    since = changes[-1].id if changes else 0
    earlier = [e.data.checkpoint for e in past if e.data.cycle < cycle and e.id > since]
    return session.directory / earlier[-1] if earlier and earlier[-1] is not None else None
