"""What a campaign sends to people who label: its open query, or what is labeled already."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from alkit.data.source import MAX_BYTES
from alkit.errors import InvalidAnswers, InvalidOption, SourceError, UnusableImage
from alkit.interfaces.format import Export, Item, Prediction
from alkit.interfaces.labels import Labels, Mask
from alkit.utils.counts import counted
from alkit.utils.files import read_regular

from .notes import notes_by_image

if TYPE_CHECKING:
    from alkit._typing import Pixels
    from alkit.campaign.record.query import Query
    from alkit.data.preprocessing import ImageRecord
    from alkit.data.source import Source

    from .campaign import Campaign


NOT_SHOWN = (".npy",)
"""Suffixes of files for which labeling tools get a picture."""


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
    items = [_item(campaign, pick.rank, pick.index, pick.score) for pick in picks]
    return _export(campaign, f"{campaign.directory.absolute().name}, query {query.number}", query, items)


def query_items(campaign: Campaign, query: Query) -> list[Item]:
    """Return the images of a query, answered or not."""
    return [_item(campaign, pick.rank, pick.index, pick.score) for pick in query.picks]


def labeled_export(campaign: Campaign) -> Export:
    """Return all labeled images with their labels, in the order of their indices.

    Raises:
        InvalidAnswers: nothing is labeled.
    """
    pool = campaign.pool
    if not len(pool.labeled):
        raise InvalidAnswers("nothing is labeled yet")
    labels = zip(pool.labeled.tolist(), pool.values, strict=True)
    keys, copied = campaign.state.keys, pool.copied
    items = [
        dataclasses.replace(
            _labeled(
                campaign.state.records[index],
                campaign.source,
                rank,
                campaign.label_text(value),
            ),
            copied_from=keys[copied[index]] if index in copied else "",
        )
        for rank, (index, value) in enumerate(labels, start=1)
    ]
    return _export(campaign, f"{campaign.directory.absolute().name}, labeled", None, items)


def labeled_splits(campaign: Campaign, *, test_share: float | None = None) -> dict[str, Export]:
    """Return all labeled images in the splits `train` and `test`.

    Args:
        campaign: that has test images, unless a share is given.
        test_share: of the labeled images that are held out. The content of an image decides where it
            belongs, so it stays there when labels are added.

    Raises:
        InvalidAnswers: nothing is labeled.
        InvalidOption: there is nothing to test on, or twice.
    """
    labeled = labeled_export(campaign)
    choice = campaign.settings.test
    if test_share is None:
        if choice is None:
            raise InvalidOption(
                "the campaign has no test images; hold labeled images out with --test-share 0.2, or leave "
                "out --splits"
            )
        return {"train": labeled, "test": _test_export(campaign, choice.open())}
    if choice is not None:
        raise InvalidOption("the campaign has test images of its own; leave out --test-share")
    if not 0 < test_share < 1:
        raise InvalidOption(f"the share of the test images should be between 0 and 1, not {test_share:g}")
    held_out = [item for item in labeled.items if _draw(item) < test_share and not item.copied_from]
    if not 0 < len(held_out) < len(labeled.items):
        raise InvalidOption(
            f"a share of {test_share:g} of {len(labeled.items):,} labeled images leaves a split empty; "
            "choose another, or label more images"
        )
    tested = {item.image for item in held_out}  # near-duplicates of these are not trained on
    kept = [item for item in labeled.items if not {item.image, item.copied_from} & tested]
    return {
        "train": dataclasses.replace(labeled, items=kept),
        "test": dataclasses.replace(labeled, items=held_out),
    }


def _test_export(campaign: Campaign, source: Source) -> Export:
    records, labels = campaign.ledger.test_images()
    known = [(record, label) for record in records if (label := labels[record.index]) is not None]
    items = [
        _labeled(record, source, rank, label)
        for rank, (record, label) in enumerate(
            ((record, label) for record, label in known if record.unusable is None), start=1
        )
    ]
    return _export(campaign, f"{campaign.directory.absolute().name}, test", None, items, source)


def _mask(labels: Mask, item: Item) -> Pixels:
    return labels.numbered(item.answer)


def _draw(item: Item) -> float:
    """Return a number in [0, 1) that depends on nothing but the content of an image."""
    return int(hashlib.sha256(f"split {item.hash}".encode()).hexdigest()[:12], 16) / 16**12


def identity_of(campaign: Campaign) -> str:
    """Return 16 digits that identify the campaign, even after it moves."""
    first = campaign.ledger.all_events()[0]
    hashes = [record.hash for record in campaign.state.records[:100]]
    return hashlib.sha256(repr((first.time, campaign.settings.seed, hashes)).encode()).hexdigest()[:16]


def _item(campaign: Campaign, rank: int, index: int, score: float | None) -> Item:
    item = _labeled(campaign.state.records[index], campaign.source, rank, None)
    return dataclasses.replace(item, score=score, again=campaign.pool.answer_of(index) is not None)


def _labeled(record: ImageRecord, source: Source, rank: int, answer: str | None) -> Item:
    return Item(
        rank=rank,
        index=record.index,
        image=record.key,
        hash=record.hash,
        width=record.width,
        height=record.height,
        file=_file(source, record),
        answer=answer,
    )


def _file(source: Source, record: ImageRecord) -> Path | None:
    """Return the file of an image if other programs can show it."""
    path = source.path(record.key)
    return None if path is None or path.suffix.lower() in NOT_SHOWN else path


def _export(
    campaign: Campaign,
    title: str,
    query: Query | None,
    items: Sequence[Item],
    source: Source | None = None,
) -> Export:
    """Return an export of the images that are still as they were listed; by default, of the pool's."""
    source = campaign.source if source is None else source
    notes = notes_by_image(campaign) if source is campaign.source else {}
    items = [dataclasses.replace(item, note=notes.get(item.index, "")) for item in items]
    there = [item for item in items if _is_there(source, item)]
    if len(there) < len(items):
        gone = counted(len(items) - len(there), "image has", "images have")
        campaign.progress.line(f"left out: {gone} changed since the pool was listed")
    if not there:
        raise SourceError(
            f"all images in '{source.location}' have changed since they were listed; "
            f"restore the originals, or {campaign.resources.hint('--pool')}"
        )
    location = Path(source.location)
    labels = None if campaign.settings.labels == "class" else campaign.label_kind
    return Export(
        title=title,
        query=0 if query is None else query.number,
        cycle=campaign.cycle if query is None else query.cycle,
        strategy="" if query is None else query.strategy,
        classes=tuple(campaign.classes),
        items=there,
        location=None if there[0].file is None else location if location.is_dir() else location.parent,
        content=functools.partial(_content, source),
        predict=functools.partial(_predicted, campaign, query, labels, there),
        mask=functools.partial(_mask, labels) if isinstance(labels, Mask) else None,
        labels=labels,
    )


def _is_there(source: Source, item: Item) -> bool:
    try:
        if item.file is None:
            return source.hash_of(item.image) == item.hash
        content = read_regular(item.file, most=MAX_BYTES)
        return hashlib.sha256(content).hexdigest() == item.hash
    except (OSError, ValueError, SourceError, UnusableImage):
        return False


def _content(source: Source, item: Item) -> bytes:
    """Return the bytes of the original, or a picture of it as a PNG."""
    if item.file is not None:
        return read_regular(item.file, most=MAX_BYTES)
    from PIL import Image  # noqa: PLC0415  # Pillow is slow to import

    pixels = source.picture(item.image)[1]
    encoded = io.BytesIO()
    Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(encoded, format="PNG")
    return encoded.getvalue()


def _predicted(
    campaign: Campaign, query: Query | None, labels: Labels | None, items: Sequence[Item]
) -> Mapping[int, Prediction]:
    """Return what the model predicts for each image: for classes, what it said when it was asked.

    Raises:
        InvalidOption: nothing was predicted when it was asked, or there is no model.
    """
    if labels is not None:
        from .model.suggestions import suggestions  # noqa: PLC0415  # numpy is slow to import

        return suggestions(campaign, labels, items)
    predictions = {
        pick.index: Prediction(pick.predicted, round(pick.confidence, 6))
        for pick in (() if query is None else query.picks)
        if pick.predicted is not None and pick.confidence is not None
    }
    if not predictions:
        raise InvalidOption(
            "there are no predictions: these images were chosen without a model that predicts classes"
        )
    return predictions
