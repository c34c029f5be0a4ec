"""Taking back the answers of a whole file, or all answers to an image: they stay in the history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from alkit.campaign.record.events import Answered, Retracted
from alkit.errors import InvalidAnswers
from alkit.labeling.given_answer import GivenAnswer
from alkit.labeling.references import UnknownImageError
from alkit.utils.json_values import AsDict

if TYPE_CHECKING:
    from alkit.campaign.record.ledger import AnswerRow, Event
    from alkit.campaign.session import CampaignSession
    from alkit.interfaces.oracle import Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoReport(AsDict):
    """What was taken back.

    Attributes:
        what: the file or the image, for people.
        answers: how many answers.
        images: how many images they were about.
        unlabeled: how many of these images have no label now.
        dry_run: nothing was changed.
    """

    json_keys: ClassVar[tuple[str, ...]] = ("what", "answers", "images", "unlabeled", "dry_run")

    what: str
    answers: int
    images: int
    unlabeled: int
    dry_run: bool = False


def undo_file(session: CampaignSession, file: str | None, *, dry_run: bool = False) -> UndoReport:
    """Take back what the last ingest of a file took in, or the last ingest of any file.

    Done again, it takes back the ingest before. Classes that came with the answers stay.

    Raises:
        InvalidAnswers: no file with answers that still count was ingested.
    """
    with session.lock():
        rows = _rows_by_event(session)
        events = [event for event in session.ledger.events(Answered) if event.data.file and event.id in rows]
        named = [event for event in events if file is None or _same(event.data.file, file)]
        if not named:
            raise InvalidAnswers(_nothing(file, events))
        event = named[-1]
        return _retract(session, f"{event.data.file}, ingested {event.time}", rows[event.id], dry_run)


def undo_page(session: CampaignSession, index: int, annotator: str, *, after: int = 0) -> dict[int, Answer]:
    """Take back an annotator's latest answer to an image, and those given to other images in the same step.

    Args:
        session: the campaign.
        index: position in the pool.
        annotator: who gave the answers.
        after: number of an event that the answer has to come after.

    Returns:
        The answers that were taken back, by image.

    Raises:
        InvalidAnswers: there is no such answer.
        CampaignLocked: another process is working on the campaign.
    """
    with session.lock():
        latest = session.state.latest(index, annotator, after=after)
        if latest is None:
            raise InvalidAnswers(f"there is no answer by '{annotator}' to image {index} to take back")
        step = next(event for event in session.state.events if event.id == latest.event)
        on_page = isinstance(step.data, Answered) and step.data.page
        rows = [row for row in _rows_by_event(session)[latest.event] if on_page or row.id == latest.id]
        rows = [row for row in rows if _is_latest(session, row, annotator)]
        _retract(session, "", rows, dry_run=False)
        return {session.pool.canonical_index(row.index): row.answer for row in rows}


def undo_image(session: CampaignSession, image: str, annotator: str, *, dry_run: bool = False) -> UndoReport:
    """Take back all answers to an image, or those of one annotator.

    Raises:
        InvalidAnswers: there is no such image, or no such answer.
    """
    with session.lock():
        try:
            index = session.references().find(GivenAnswer.naming(image))
        except UnknownImageError as error:
            raise InvalidAnswers(str(error)) from None
        place = session.pool.canonical_index(session.pool.original(index))
        rows = [
            row
            for those in _rows_by_event(session).values()
            for row in those
            if session.pool.canonical_index(row.index) == place
            and (not annotator or row.answer.annotator == annotator)
        ]
        if not rows:
            by = f" by '{annotator}'" * bool(annotator)
            raise InvalidAnswers(f"there is no answer{by} to '{image}' to take back")
        return _retract(session, session.state.keys[place], rows, dry_run)


def _retract(session: CampaignSession, what: str, rows: Sequence[AnswerRow], dry_run: bool) -> UndoReport:
    images = {session.pool.canonical_index(row.index) for row in rows}
    ids = {row.id for row in rows}
    left = [row for those in _rows_by_event(session).values() for row in those if row.id not in ids]
    labeled = {session.pool.canonical_index(row.index) for row in left if row.answer.kind == "label"}
    if not dry_run:
        with session.ledger.transaction():
            for row in rows:
                place = session.pool.canonical_index(row.index)
                session.ledger.add_event(Retracted(index=place, answer=row.id))
        session.refresh()
    return UndoReport(
        what=what,
        answers=len(rows),
        images=len(images),
        unlabeled=len(images - labeled),
        dry_run=dry_run,
    )


def _is_latest(session: CampaignSession, row: AnswerRow, annotator: str) -> bool:
    latest = session.state.latest(row.index, annotator)
    return latest is not None and latest.id == row.id


def _rows_by_event(session: CampaignSession) -> dict[int, list[AnswerRow]]:
    """Return the answers that count, by the event that took them in."""
    rows: dict[int, list[AnswerRow]] = {}
    for row in session.state.answers:
        if row.id not in session.state.retracted:
            rows.setdefault(row.event, []).append(row)
    return rows


def _same(recorded: str, file: str) -> bool:
    return recorded == file or recorded.endswith(f"/{file}")


def _nothing(file: str | None, events: Sequence[Event[Answered]]) -> str:
    if file is None:
        return "no file with answers that still count was ingested; there is nothing to take back"
    known = ", ".join(dict.fromkeys(event.data.file for event in events)) or "none"
    return f"'{file}' has no ingested answers that still count; the files that have: {known}"
