"""The trainings of a campaign: doing one, recording it, and what the records say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .ledger import Ledger


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
