"""Answers: taking them from people and from oracles, and taking them back."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alkit.campaign.record.reconcile import Receipt, sort_answers, sort_oracle_answers
from alkit.errors import InvalidAnswers
from alkit.plugin import registry

if TYPE_CHECKING:
    from alkit.campaign.record.query import Query
    from alkit.interfaces.oracle import Answer, Oracle
    from alkit.labeling.csv_table import GivenAnswer

    from .session import Opened


def tell(
    opened: Opened,
    answers: Sequence[GivenAnswer],
    *,
    strict: bool,
    allow_new_classes: bool,
    said_before: bool,
    dry_run: bool,
    note: Mapping[str, Any] | None,
) -> Receipt:
    """Take answers that name images by path, index or hash: see `Campaign.tell`."""
    with opened.lock():
        receipt = sort_answers(
            answers,
            records=opened.state.records,
            pool=opened.pool,
            task=registry.tasks.get(opened.settings.task.name),
            classes=opened.classes,
            allow_new_classes=allow_new_classes,
            location=Path(opened.settings.pool.location),
            previous=opened.state.answers_to,
            said_before=said_before,
        )
        if strict and receipt.rejected:
            return Receipt(rejected=receipt.rejected, still_open=len(opened.pool.pending))
        if not dry_run:
            _keep(opened, receipt, note or {})
        return dataclasses.replace(receipt, still_open=len(opened.pool.pending))


def take_back(opened: Opened, index: int, annotator: str, *, after: int) -> Answer:
    """Take back an annotator's latest answer to an image: see `Campaign.take_back`."""
    with opened.lock():
        row = opened.state.latest(index, annotator, after=after)
        if row is None:
            raise InvalidAnswers(f"there is no answer of '{annotator}' to image {index} to take back")
        opened.record("retracted", {"index": opened.pool.place_of(index), "answer": row.id})
        return row.answer


def consult_about_open(opened: Opened, oracle: Oracle) -> Receipt:
    """Let an oracle answer what is open: see `Campaign.consult`."""
    with opened.lock():
        query = opened.open_query
        if query is None:
            raise InvalidAnswers("no query is open; ask with 'alkit query' first")
        return dataclasses.replace(consult(opened, oracle, query), still_open=len(opened.pool.pending))


def consult(opened: Opened, oracle: Oracle, query: Query) -> Receipt:
    """Let an oracle answer what a query waits for."""
    asked = [pick.index for pick in query.unanswered]
    receipt = sort_oracle_answers(
        oracle.label(asked),
        asked,
        oracle,
        task=registry.tasks.get(opened.settings.task.name),
        classes=opened.classes,
    )
    for _, reason in receipt.rejected:
        opened.progress.line(f"oracle '{oracle.name}': {reason}")
    _keep(opened, receipt, {"oracle": oracle.name})
    return receipt


def consult_or_pass(opened: Opened, oracle: Oracle, query: Query) -> None:
    """Let an oracle answer in a run; what it leaves out is not waited for, and not asked again.

    Raises:
        InvalidAnswers: it has answered nothing yet, and nothing now.
    """
    receipt = consult(opened, oracle, query)
    if not receipt.kept and not any(
        event.data.get("oracle") == oracle.name for event in opened.ledger.events("answered")
    ):
        raise InvalidAnswers(
            f"oracle '{oracle.name}' answers none of the {len(query.unanswered):,} images of query "
            f"{query.number}, which stays open; see that its options fit this pool"
        )
    rest = opened.open_query
    if rest is not None:
        opened.progress.line(
            f"oracle '{oracle.name}' leaves out {len(rest.unanswered):,} of {len(rest.picks):,} images; "
            "they are not asked again"
        )
        data = {
            "query": rest.number,
            "oracle": oracle.name,
            "indices": [pick.index for pick in rest.unanswered],
        }
        opened.record("passed", data)


def _keep(opened: Opened, receipt: Receipt, note: Mapping[str, Any]) -> None:
    if not receipt.kept:
        return
    with opened.ledger.transaction():
        if receipt.new_classes:
            opened.ledger.add_event("classes", {"added": list(receipt.new_classes)})
        event = opened.ledger.add_event("answered", {"answers": len(receipt.kept), **note})
        opened.ledger.add_answers(event, receipt.kept)
    opened.refresh()
