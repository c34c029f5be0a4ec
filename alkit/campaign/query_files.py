"""What people get of a query: its list to fill in, and its contact sheet."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from alkit.campaign.record.query import Pick, Query
from alkit.errors import CampaignError, SourceError, UnusableImage
from alkit.labeling.contact_sheet import write_contact_sheet
from alkit.labeling.csv_table import COLUMNS, write_table
from alkit.utils.counts import counted

if TYPE_CHECKING:
    from alkit._typing import Pixels
    from alkit.interfaces.labels import Labels

    from .session import CampaignSession

COLOR = 3
MOST_SENTENCES = 3


def csv_path(directory: Path, query: Query) -> Path:
    """Return where a query's list is."""
    return directory / "queries" / f"{query.number:03d}.csv"


def sheet_path(directory: Path, query: Query) -> Path:
    """Return where a query's contact sheet is."""
    return directory / "queries" / f"{query.number:03d}.png"


def write_for_people(session: CampaignSession, query: Query) -> None:
    """Write list and contact sheet where they are missing; a list may have been filled in by now."""
    (session.directory / "queries").mkdir(exist_ok=True)
    if not csv_path(session.directory, query).exists():
        write_csv(query, csv_path(session.directory, query))
    if not sheet_path(session.directory, query).exists():
        try:
            _ = session.source
        except SourceError as error:
            session.progress.line(f"the contact sheet shows images as the campaign keeps them: {error}")
        title = f"query {query.number}: {counted(len(query.picks), 'image')} chosen by {query.strategy}"
        read, path = functools.partial(_pixels, session), sheet_path(session.directory, query)
        for sentence in write_contact_sheet(title, query.shown, read, path)[:MOST_SENTENCES]:
            session.progress.line(f"contact sheet: {sentence}")


def drawn(
    session: CampaignSession, index: int, value: Any, pixels: Pixels, *, labels: Labels | None = None
) -> Pixels:
    """Draw the value of a label over its image [H, W, 1 or 3], if that shows anything.

    Args:
        session: the campaign.
        index: of the image.
        value: of the label.
        pixels: of the image.
        labels: what draws the value, if the campaign has no file of it.
    """
    if session.settings.labels == "class":
        return pixels
    color = pixels if pixels.shape[2] == COLOR else np.repeat(pixels[:, :, :1], COLOR, axis=2)
    labels, record = labels or session.label_kind, session.state.records[index]
    try:
        here = labels.resized(value, (record.width, record.height), (color.shape[1], color.shape[0]))
        found = labels.draw(here, color)
    except CampaignError:  # a file is missing; the image is there
        return pixels
    return pixels if found is None else found


def _pixels(session: CampaignSession, pick: Pick) -> Pixels:
    """Return an image as it is, or as the cache has it; with its label, if that can be drawn."""
    try:
        pixels = session.source.picture(pick.image)[1]
    except (SourceError, UnusableImage):
        images = session.resources.images(session.state)
        pixels = images.picture(pick.index, session.settings.pool.value_range)
    answer = session.pool.answer_of(pick.index)
    if answer is None or answer.kind != "label":
        return pixels
    return drawn(session, pick.index, answer.value, pixels)


def write_csv(query: Query, path: Path) -> None:
    """Write a query for people; the last column is theirs to fill in."""
    write_table(path, COLUMNS, _rows(query))


def _rows(query: Query) -> list[tuple[Any, ...]]:
    return [
        (
            pick.rank,
            pick.index,
            pick.image,
            "" if pick.score is None else f"{pick.score:.6g}",
            query.strategy,
            query.cycle,
            pick.answer or "",
        )
        for pick in query.shown
    ]
