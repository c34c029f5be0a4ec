"""The labeled images that the model is tested on: reading them, and choosing others later."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alkit.campaign.record.events import ClassesAdded, EvaluationSetChosen
from alkit.campaign.resources import TEST_CACHE
from alkit.data.checksums import sums_path
from alkit.data.image_list import listed
from alkit.data.preprocessing import ImageRecord, sampled_headers, scan
from alkit.data.source import Source
from alkit.data.sources import with_pixels
from alkit.data.store import StoreWriter
from alkit.errors import AlkitError, InvalidOption, SourceError
from alkit.interfaces.labels import ImageFacts, Labels, values_of, written_labels
from alkit.plugin.sources import open_source
from alkit.utils.counts import counted
from alkit.utils.progress import Progress

CHANNELS = {1: "grey", 3: "color"}
WHERE_LABELS_BELONG = {
    "mask": "their masks belong in a folder 'masks' beside that of the images",
    "class": "put them into a folder for each class, or name a table with the columns image and label",
}


if TYPE_CHECKING:
    from alkit.campaign.session import CampaignSession


@dataclass(frozen=True, slots=True)
class EvaluationSetRequest:
    """Which images to test on from now on.

    Attributes:
        location: labeled images, as a pool.
        root: where a torchvision data set lies.
    """

    location: str
    _: KW_ONLY
    root: str | None = None


def choose_test_set(session: CampaignSession, request: EvaluationSetRequest) -> dict[str, Any]:
    """Test on other images from now on: see `Campaign.choose_test_set`."""
    with session.lock():
        source = with_pixels(open_source(request.location, root=request.root))
        session.settings.pool.applied(source)
        check_channels(source, session.source, session.settings.image_shape, session.progress)
        labels = _under_present_names(
            session, labels_of_test_images(source, session.label_kind, session.settings.task.name)
        )
        path = session.directory / "cache" / f"{TEST_CACHE}.new"
        path.unlink(missing_ok=True)
        records = read_test_images(
            source,
            path,
            session.settings.image_shape,
            pool=session.state.records,
            progress=session.progress,
        )
        known = session.settings.test is not None
        same = known and _content(*session.ledger.test_images(), session) == _set_of(records, labels)
        name = f"test-{_digest(records)}.u8"
        old = None if session.state.test_set is None else Path(session.state.test_set.cache).name
        os.replace(path, path.with_name(name))
        os.replace(sums_path(path), sums_path(path.with_name(name)))
        added = new_classes(session, labels)
        with session.ledger.transaction():
            if added:
                session.ledger.add_event(ClassesAdded(added=added))
            event = session.ledger.add_event(
                EvaluationSetChosen(
                    location=source.location,
                    root=source.root,
                    images=len(records),
                    cache=f"cache/{name}",
                    moved=same,
                )
            )
            session.ledger.add_test_set(event, records, labels)
        session.refresh()
        if (before := old or TEST_CACHE) != name:
            for file in (path.with_name(before), sums_path(path.with_name(before))):
                file.unlink(missing_ok=True)
        return {"test": source.location, "images": len(records), "same_images": same, "new_classes": added}


def _under_present_names(session: CampaignSession, labels: Mapping[str, str]) -> dict[str, str]:
    """Return labels with the names that classes have now, without those of retired classes."""
    former, retired = session.state.former_classes, set(session.state.retired) - set(session.classes)
    named = {key: former.get(label, label) for key, label in labels.items()}
    return {key: label for key, label in named.items() if label not in retired}


def new_classes(session: CampaignSession, labels: Mapping[str, str]) -> list[str]:
    """Return the names in labels that are not classes of a campaign yet, sorted."""
    return names_in(session.label_kind, labels)


def names_in(labels: Labels, texts: Mapping[str, str]) -> list[str]:
    """Return the names in texts of labels that are no classes yet, in the order in which to add them."""
    if not labels.named:
        return []
    found = {name for text in texts.values() for name in labels.names(labels.parse(text, ImageFacts()))}
    return labels.new_classes(sorted(found - set(labels.classes)))


def _content(
    records: Sequence[ImageRecord], labels: Sequence[str | None], session: CampaignSession
) -> set[tuple[str, str]]:
    named = [session.state.test_label(label) for label in labels]
    return {(r.hash, name) for r, name in zip(records, named, strict=True) if name is not None}


def _set_of(records: Sequence[ImageRecord], labels: Mapping[str, str]) -> set[tuple[str, str]]:
    return {(r.hash, labels[r.key]) for r in records if r.key in labels}


def _digest(records: Sequence[ImageRecord]) -> str:
    return hashlib.sha256(repr([(r.key, r.hash) for r in records]).encode()).hexdigest()[:12]


def check_channels(test: Source, pool: Source, shape: tuple[int, int, int], progress: Progress) -> None:
    """Compare the channels of test images with those of the pool, and with those that the model sees.

    Grey and color images become each other, which is said; other channels have to be the same.

    Args:
        test: the test images.
        pool: those of the campaign, which may be out of reach.
        shape: (C, H, W) that the model sees.
        progress: shows the warning.

    Raises:
        InvalidOption: they are not.
    """
    found, own = _channels(test), _channels(pool)
    if found is None or found in (shape[0], own):
        return
    if shape[0] not in CHANNELS:
        raise InvalidOption(
            f"the test images in {test.location} have {counted(found, 'channel')}, but the model sees "
            f"{shape[0]:,}; test on images with the same channels as the pool"
        )
    theirs = CHANNELS.get(found, f"images of {found:,} channels")
    progress.line(
        f"warning: the test images are {theirs}, but the model sees {CHANNELS[shape[0]]}: they are "
        "converted, so test results may be worse than on images like those of the pool"
    )


def _channels(source: Source) -> int | None:
    """Return the channels of the image with the most of them; None if no image can be read."""
    try:
        return max(header[0] for header in sampled_headers(source, source.keys()))
    except (AlkitError, OSError):  # said where the images are read
        return None


def read_test_images(
    source: Source,
    path: Path,
    shape: tuple[int, int, int],
    *,
    pool: Sequence[ImageRecord],
    progress: Progress,
) -> Sequence[ImageRecord]:
    """Read all test images into a cache; say how many of them are in the pool, too."""
    with StoreWriter(path, shape, pixel_type=source.pixel_type) as store:
        records = scan(source, source.keys(), store=store, progress=progress)
    progress.line(f"test set: {counted(len(records), 'image')}")
    say_leaks(records, pool, progress)
    return records


def say_leaks(
    test: Iterable[ImageRecord], pool: Sequence[ImageRecord], progress: Progress, *, first: int = 0
) -> None:
    """Warn of test images that are among the images of the pool from the first one on."""
    known = listed(pool)
    leaked = sum(any(index >= first for index in known.of_content(record.hash)) for record in test)
    if leaked:
        progress.line(
            f"warning: {counted(leaked, 'test image is an exact copy', 'test images are exact copies')} of "
            "pool images; test results look too good"
        )


def warnings_of(source: Source) -> list[str]:
    """Return what keeps the folders of a source from being classes, such as a stray image."""
    return [note.removeprefix("warning: ") for note in source.notes if "not taken as classes" in note]


def labels_of_test_images(test_source: Source | None, labels: Labels, task: str) -> dict[str, str]:
    """Return the labels of the test images as text; each has to be one of the task.

    Raises:
        SourceError: there are no labels, or one is not a label of the task.
    """
    if test_source is None:
        return {}
    written = written_labels(test_source, labels)
    if not written:
        missing = f"the test images in {test_source.location} have no labels"
        advice = WHERE_LABELS_BELONG.get(labels.kind, "name a table with the columns image and label")
        in_the_way = warnings_of(test_source) if labels.kind == "class" else []
        raise SourceError("; ".join([missing, *(in_the_way or [advice])]))
    try:
        values = values_of(test_source, written, labels, task)
    except SourceError as error:
        raise SourceError(str(error).replace("the images in", "the test images in", 1)) from error
    return {key: labels.text(value) for key, value in values.items()}
