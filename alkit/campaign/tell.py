"""Answers: taking them from people and from oracles, and taking them back."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alkit.campaign.record.reconcile import IngestReport, reconcile_answers, reconcile_oracle_answers
from alkit.errors import InvalidAnswers
from alkit.plugin import registry

if TYPE_CHECKING:
    from alkit.campaign.record.query import Query
    from alkit.interfaces.oracle import Answer, Oracle
    from alkit.labeling.csv_table import GivenAnswer

    from .session import CampaignSession


def tell(
    session: CampaignSession,
    answers: Sequence[GivenAnswer],
    *,
    strict: bool,
    allow_new_classes: bool,
    said_before: bool,
    dry_run: bool,
    note: Mapping[str, Any] | None,
) -> IngestReport:
    """Take answers that name images by path, index or hash: see `Campaign.tell`."""
    with session.lock():
        receipt = reconcile_answers(
            answers,
            records=session.state.records,
            pool=session.pool,
            task=registry.tasks.get(session.settings.task.name),
            classes=session.classes,
            allow_new_classes=allow_new_classes,
            location=Path(session.settings.pool.location),
            previous=session.state.answers_to,
            said_before=said_before,
        )
        if strict and receipt.rejected:
            return IngestReport(rejected=receipt.rejected, still_open=len(session.pool.pending))
        if not dry_run:
            _keep(session, receipt, note or {})
        return dataclasses.replace(receipt, still_open=len(session.pool.pending))


def take_back(session: CampaignSession, index: int, annotator: str, *, after: int) -> Answer:
    """Take back an annotator's latest answer to an image: see `Campaign.take_back`."""
    with session.lock():
        row = session.state.latest(index, annotator, after=after)
        if row is None:
            raise InvalidAnswers(f"there is no answer of '{annotator}' to image {index} to take back")
        session.record("retracted", {"index": session.pool.canonical_index(index), "answer": row.id})
        return row.answer


def consult_about_open(session: CampaignSession, oracle: Oracle) -> IngestReport:
    """Let an oracle answer what is open: see `Campaign.consult`."""
    with session.lock():
        query = session.open_query
        if query is None:
            raise InvalidAnswers("no query is open; ask with 'alkit query' first")
        return dataclasses.replace(consult(session, oracle, query), still_open=len(session.pool.pending))


def consult(session: CampaignSession, oracle: Oracle, query: Query) -> IngestReport:
    """Let an oracle answer what a query waits for."""
    asked = [pick.index for pick in query.unanswered]
    receipt = reconcile_oracle_answers(
        oracle.label(asked),
        asked,
        oracle,
        task=registry.tasks.get(session.settings.task.name),
        classes=session.classes,
    )
    for _, reason in receipt.rejected:
        session.progress.line(f"oracle '{oracle.name}': {reason}")
    _keep(session, receipt, {"oracle": oracle.name})
    return receipt


def consult_or_pass(session: CampaignSession, oracle: Oracle, query: Query) -> None:
    """Let an oracle answer in a run; what it leaves out is not waited for, and not asked again.

    Raises:
        InvalidAnswers: it has answered nothing yet, and nothing now.
    """
    receipt = consult(session, oracle, query)
    if not receipt.kept and not any(
        event.data.get("oracle") == oracle.name for event in session.ledger.events("answered")
    ):
        raise InvalidAnswers(
            f"oracle '{oracle.name}' answers none of the {len(query.unanswered):,} images of query "
            f"{query.number}, which stays open; see that its options fit this pool"
        )
    rest = session.open_query
    if rest is not None:
        session.progress.line(
            f"oracle '{oracle.name}' leaves out {len(rest.unanswered):,} of {len(rest.picks):,} images; "
            "they are not asked again"
        )
        data = {
            "query": rest.number,
            "oracle": oracle.name,
            "indices": [pick.index for pick in rest.unanswered],
        }
        session.record("passed", data)


def _keep(session: CampaignSession, receipt: IngestReport, note: Mapping[str, Any]) -> None:
    if not receipt.kept:
        return
    with session.ledger.transaction():
        if receipt.new_classes:
            session.ledger.add_event("classes", {"added": list(receipt.new_classes)})
        event = session.ledger.add_event("answered", {"answers": len(receipt.kept), **note})
        session.ledger.add_answers(event, receipt.kept)
    session.refresh()
