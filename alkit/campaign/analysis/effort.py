"""What labels cost people, training by training: what their makers recorded, and what the labels show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from alkit.campaign.record.events import Trained
from alkit.campaign.record.trainings import history
from alkit.errors import CampaignError
from alkit.interfaces.labels import Labels
from alkit.utils.json_values import AsDict

if TYPE_CHECKING:
    from alkit.campaign.record.ledger import AnswerRow
    from alkit.campaign.session import CampaignSession

COST = "cost"
"""The unit of what was recorded with answers, such as the seconds of Label Studio."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort(AsDict):
    """What all answers until a training had cost.

    Attributes:
        cycle: of the training.
        labels: by people that it had.
        spent: by unit: `cost` as recorded, for labels, corrections, abstentions and the rest; and what the
            latest label of each image shows, such as `boxes`.
        costed: share of the answers with a recorded cost.
        metrics: of the training.
    """

    cycle: int
    labels: int
    spent: Mapping[str, float]
    costed: float
    metrics: Mapping[str, float]


def efforts(session: CampaignSession) -> tuple[Effort, ...]:
    """Return what the labels of each training had cost; nothing where no unit is known."""
    records = history(session.ledger)
    if not records:
        return ()
    events = {(e.data.fingerprint, e.data.cycle): e.id for e in reversed(session.ledger.events(Trained))}
    rows = session.ledger.answers()
    shown = _shown(session, rows)
    if not any(shown) and all(row.answer.cost is None for row in rows):
        return ()
    found, latest, cost, costed, done = [], dict[int, Mapping[str, float]](), 0.0, 0, 0
    for record in records:
        until = events.get((record.trained.fingerprint, record.cycle), 0)
        while done < len(rows) and rows[done].event < until:
            row = rows[done]
            if row.answer.cost is not None:
                cost, costed = cost + row.answer.cost, costed + 1
            latest[row.index] = shown[done]
            done += 1
        total: Counter[str] = Counter()
        for one in latest.values():
            total.update(one)
        spent = ({COST: cost} if costed else {}) | dict(total)
        share = costed / done if done else 0.0
        found.append(
            Effort(
                cycle=record.cycle,
                labels=record.labels,
                spent=spent,
                costed=share,
                metrics=record.metrics,
            )
        )
    return tuple(found)


def _shown(session: CampaignSession, rows: list[AnswerRow]) -> list[Mapping[str, float]]:
    """Return what each answer shows of the work; nothing if labels are all alike, or masks are missing."""
    labels = session.label_kind
    if type(labels).effort is Labels.effort:
        return [{}] * len(rows)
    try:
        return [labels.effort(row.answer.value) if row.answer.kind == "label" else {} for row in rows]
    except CampaignError:
        return [{}] * len(rows)
