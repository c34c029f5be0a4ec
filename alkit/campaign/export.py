"""What a campaign sends to people who label: its open query, or what is labeled already."""

from __future__ import annotations

import functools
import hashlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from alkit.data.source import MAX_BYTES
from alkit.errors import InvalidAnswers, InvalidOption, SourceError, UnusableImage
from alkit.interfaces.format import Export, Item, Prediction
from alkit.utils.files import read_regular

if TYPE_CHECKING:
    from alkit.campaign.record.query import Query

    from .campaign import Campaign


def open_export(campaign: Campaign) -> Export:
    """Return the images of the open query that nobody has answered yet.

    Raises:
        InvalidAnswers: no query is open.
        SourceError: all its images have changed.
    """
    query = campaign.open_query
    if query is None:
        raise InvalidAnswers("no query is open; make one with 'alkit query' first")
    picks = query.unanswered
    items = [_item(campaign, pick.rank, pick.index, pick.score, None) for pick in picks]
    return _export(campaign, f"{campaign.directory.resolve().name}, query {query.number}", query, items)


def labeled_export(campaign: Campaign) -> Export:
    """Return all labeled images with their labels, in the order of their indices.

    Raises:
        InvalidAnswers: nothing is labeled.
    """
    pool = campaign.pool
    if not len(pool.labeled):
        raise InvalidAnswers("nothing is labeled yet")
    labels = zip(pool.labeled.tolist(), pool.values, strict=True)
    items = [
        _item(campaign, rank, index, None, str(value)) for rank, (index, value) in enumerate(labels, start=1)
    ]
    return _export(campaign, f"{campaign.directory.resolve().name}, labeled", None, items)


def identity_of(campaign: Campaign) -> str:
    """Return 16 digits that identify the campaign, even after it moves."""
    first = campaign.ledger.all_events()[0]
    hashes = [record.hash for record in campaign.state.records[:100]]
    return hashlib.sha256(repr((first.time, campaign.settings.seed, hashes)).encode()).hexdigest()[:16]


def _item(campaign: Campaign, rank: int, index: int, score: float | None, answer: str | None) -> Item:
    record = campaign.state.records[index]
    return Item(
        rank=rank,
        index=index,
        image=record.key,
        hash=record.hash,
        width=record.width,
        height=record.height,
        score=score,
        file=campaign.source.path(record.key),
        answer=answer,
        again=answer is None and campaign.pool.answer_of(index) is not None,
    )


def _export(campaign: Campaign, title: str, query: Query | None, items: Sequence[Item]) -> Export:
    there = [item for item in items if _is_there(campaign, item)]
    if len(there) < len(items):
        campaign.progress.line(
            f"{len(items) - len(there)} images have changed since they were listed and are left out"
        )
    if not there:
        raise SourceError(
            f"all images in '{campaign.settings.pool.location}' have changed since they were listed; "
            f"restore the originals, or {campaign.resources.hint('--pool')}"
        )
    location = Path(campaign.settings.pool.location)
    return Export(
        title=title,
        query=query.number if query else 0,
        cycle=query.cycle if query else campaign.cycle,
        strategy=query.strategy if query else "",
        classes=tuple(campaign.classes),
        items=there,
        location=None if there[0].file is None else location if location.is_dir() else location.parent,
        content=functools.partial(_content, campaign),
        predict=functools.partial(_predicted, query),
    )


def _is_there(campaign: Campaign, item: Item) -> bool:
    try:
        if item.file is None:
            return campaign.source.load(item.image)[0] == item.hash
        content = read_regular(item.file, most=MAX_BYTES)
        return hashlib.sha256(content).hexdigest() == item.hash
    except (OSError, ValueError, SourceError, UnusableImage):
        return False


def _content(campaign: Campaign, item: Item) -> bytes:
    """Return the bytes of the original, or its pixels as a PNG."""
    if item.file is not None:
        return read_regular(item.file, most=MAX_BYTES)
    from PIL import Image  # noqa: PLC0415  # Pillow is slow to import

    pixels = campaign.source.load(item.image)[1]
    encoded = io.BytesIO()
    Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(encoded, format="PNG")
    return encoded.getvalue()


def _predicted(query: Query | None) -> Mapping[int, Prediction]:
    """Return the class that the query's model predicted for each image.

    Raises:
        InvalidOption: nothing was predicted when it was asked.
    """
    predictions = {
        pick.index: Prediction(pick.predicted, round(pick.confidence, 6))
        for pick in (query.picks if query else ())
        if pick.predicted is not None and pick.confidence is not None
    }
    if not predictions:
        raise InvalidOption(
            "there are no predictions: these images were chosen without a model that predicts classes"
        )
    return predictions
