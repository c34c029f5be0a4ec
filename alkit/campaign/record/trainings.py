"""The trainings of a campaign, as its ledger tells them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from alkit.reporting.wording import metric_name

from .events import EvaluationSetChosen, Ran, Trained

if TYPE_CHECKING:
    from .ledger import Ledger


@dataclass(frozen=True, slots=True)
class CycleRecord:
    """One training, as recorded.

    Attributes:
        trained: the event.
        reused: the same training had been done before.
    """

    trained: Trained
    reused: bool = False

    @property
    def cycle(self) -> int:
        """Queries before it."""
        return self.trained.cycle

    @property
    def labels(self) -> int:
        """Labels that people gave."""
        return self.trained.by_people

    @property
    def copied(self) -> int:
        """Images with a copy of another's label, besides these."""
        return self.trained.copied or 0

    @property
    def metrics(self) -> Mapping[str, float]:
        """On the test images, empty without any."""
        return self.trained.metrics

    @property
    def record(self) -> dict[str, Any]:
        """Everything else that was recorded: recipe, losses, measures, checkpoint."""
        told = ("cycle", "labels", "copied", "metrics")
        return {key: value for key, value in self.trained.to_json().items() if key not in told}

    def __repr__(self) -> str:
        metrics = "".join(f", {metric_name(name)} {value:.3f}" for name, value in self.metrics.items())
        return f"<CycleRecord of cycle {self.cycle}: {self.trained.in_words}{metrics}>"

    def as_dict(self) -> dict[str, Any]:
        """Return the record as JSON values."""
        return self.trained.to_json()


def history(ledger: Ledger) -> list[CycleRecord]:
    """Return the trainings so far, one per cycle: that of a run, or else the latest.

    Trainings that were tested on other images than the present test set are without metrics, which would not
    compare.
    """
    trained: dict[str, CycleRecord] = {}
    latest: dict[int, CycleRecord] = {}
    with ledger.undamaged():
        changes = [event.id for event in ledger.events(EvaluationSetChosen) if not event.data.moved]
        for event in ledger.events(Trained):
            data = event.data if event.id > max(changes, default=0) else replace(event.data, metrics={})
            trained[data.fingerprint] = latest[data.cycle] = CycleRecord(data)
        for ran in ledger.events(Ran):
            latest[ran.data.cycle] = trained[ran.data.fingerprint]
    return [latest[cycle] for cycle in sorted(latest)]
