"""The trainings of a campaign: doing one, recording it, and what the records say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import TrainingError
from .options import values_of

if TYPE_CHECKING:
    from .learning import LabeledImages, Learned
    from .ledger import Event, Ledger
    from .measure import Measures
    from .opened import Opened
    from .strategy import Strategy


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleRecord:
    """One training, as recorded.

    Attributes:
        cycle: queries before it.
        labels: labeled images.
        metrics: on the test images, empty without any.
        reused: the same training had been done before.
        record: recipe, losses, measures, checkpoint.
    """

    cycle: int
    labels: int
    metrics: Mapping[str, float]
    reused: bool
    record: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """Return the record as JSON values."""
        return {"cycle": self.cycle, "labels": self.labels, "metrics": dict(self.metrics), **self.record}


def history(ledger: Ledger) -> list[CycleRecord]:
    """Return the trainings so far, one a cycle: that of a run, or else the latest."""
    trained: dict[str, CycleRecord] = {}
    latest: dict[int, CycleRecord] = {}
    for event in ledger.events("trained"):
        data = dict(event.data)
        record = CycleRecord(
            cycle=data.pop("cycle"),
            labels=data.pop("labels"),
            metrics=data.pop("metrics"),
            reused=False,
            record=data,
        )
        trained[data["fingerprint"]] = latest[record.cycle] = record
    for event in ledger.events("ran"):
        latest[event.data["cycle"]] = trained[event.data["fingerprint"]]
    return [latest[cycle] for cycle in sorted(latest)]


def train(opened: Opened, strategy: Strategy | None, measures: Measures) -> tuple[Learned, CycleRecord]:
    """Train on all labels, or take what was trained on the same; record it."""
    from .learning import Lesson, learn

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
    from .learning import LabeledImages

    indices = opened.pool.labeled
    if len(indices) == 0:
        raise TrainingError("nothing is labeled yet; begin with 'alkit query' and 'alkit ingest'")
    return LabeledImages(
        images=opened.workbench.images(opened.state), indices=indices, values=opened.pool.values
    )


def _earlier_checkpoint(opened: Opened, past: Sequence[Event]) -> Path | None:
    earlier = [event.data for event in past if event.data["cycle"] < opened.cycle]
    return opened.directory / earlier[-1]["checkpoint"] if earlier else None
