"""Notes on images: what annotators want to be remembered besides their answers."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from alkit.campaign.record.events import Noted
from alkit.errors import InvalidAnswers
from alkit.utils.counts import counted
from alkit.utils.json_values import AsDict

if TYPE_CHECKING:
    from .session import CampaignSession


MOST_CHARACTERS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Note(AsDict):
    """An annotator's note on an image.

    Attributes:
        index: position in the pool.
        image: its key.
        text: the note.
        annotator: who wrote it.
        time: when, in ISO 8601, UTC.
    """

    index: int
    image: str
    text: str
    annotator: str
    time: str


def add_note(session: CampaignSession, index: int, text: str, annotator: str) -> None:
    """Record a note on an image: see `Campaign.note`."""
    text = _checked(text)
    with session.lock():
        if not 0 <= index < session.pool.size:
            raise InvalidAnswers(
                f"there is no image {index}; the pool has {counted(session.pool.size, 'image')}"
            )
        index = session.pool.canonical_index(index)
        if _latest(session).get((index, annotator), ("", ""))[0] != text:
            session.record(Noted(index=index, text=text, annotator=annotator))


def notes(session: CampaignSession) -> list[Note]:
    """Return the notes, in the order of the images: see `Campaign.notes`."""
    keys = session.state.keys
    return [
        Note(index=index, image=keys[index], text=text, annotator=annotator, time=time)
        for (index, annotator), (text, time) in sorted(_latest(session).items())
        if text
    ]


def notes_by_image(session: CampaignSession) -> dict[int, str]:
    """Return the notes on each image as one text; of several annotators, each note has its author."""
    texts: dict[int, list[Note]] = {}
    for note in notes(session):
        texts.setdefault(note.index, []).append(note)
    return {
        index: those[0].text
        if len(those) == 1
        else "; ".join(f"{note.annotator or '(no name)'}: {note.text}" for note in those)
        for index, those in texts.items()
    }


def _latest(session: CampaignSession) -> Mapping[tuple[int, str], tuple[str, str]]:
    """Return the latest text, which may be empty, and its time, by image and annotator."""
    return {
        (session.pool.canonical_index(event.data.index), event.data.annotator): (event.data.text, event.time)
        for event in session.ledger.events(Noted)
        if 0 <= event.data.index < session.pool.size
    }


def _checked(text: str) -> str:
    text = text.strip()
    if len(text) > MOST_CHARACTERS:
        raise InvalidAnswers(f"a note has at most {MOST_CHARACTERS:,} characters, not {len(text):,}")
    if any(unicodedata.category(character) in ("Cs", "Cc") and character != "\n" for character in text):
        raise InvalidAnswers("a note is text; this one contains control characters")
    return text
