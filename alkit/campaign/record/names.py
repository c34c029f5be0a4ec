"""Names of images, which may change: an image is known by its content, and keeps its index."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from alkit.data.image_list import listed as listing

from .events import Renamed
from .images import RenamedImages

if TYPE_CHECKING:
    from alkit.data.image_list import ImageList
    from alkit.data.preprocessing import ImageRecord


@dataclass(frozen=True, slots=True)
class Matching:
    """Images of a campaign and files of a source, brought together by content.

    Attributes:
        renamed: new names by index.
        changed: images whose file has other content now, and which are nowhere else.
        missing: images that are nowhere.
        fresh: files that are not images of the campaign, in the source's order.
    """

    renamed: dict[int, str]
    changed: list[int]
    missing: list[int]
    fresh: list[str]


def match_files(
    records: Sequence[ImageRecord], present: Sequence[str], content: Mapping[str, str]
) -> Matching:
    """Find each image among the files of a source.

    A file of an image's own name whose content is not known counts as that image, and so does one of an image
    that never had a hash. Of several files with the same content, an image gets the one of its own base name,
    or else the first.

    Args:
        records: the images.
        present: names of all files.
        content: hashes of files; at least those of all files whose name no image has.
    """
    images = listing(records)
    if (fresh := _fresh_only(images, present, content)) is not None:
        return Matching({}, [], [], fresh)
    there = set(present)
    lost = [r for r in records if not _is_still(r, there, content)]
    kept = {r.key for r in records} - {r.key for r in lost}
    free: dict[str, list[str]] = defaultdict(list)
    for key in present:
        if key in content and key not in kept and content[key]:
            free[content[key]].append(key)
    renamed: dict[int, str] = {}
    for record in lost:
        if record.hash and (files := free.get(record.hash)):
            base = PurePosixPath(record.key).name
            key = next((key for key in files if PurePosixPath(key).name == base), files[0])
            files.remove(key)
            renamed[record.index] = key
    taken = kept | set(renamed.values())
    rest = [r for r in lost if r.index not in renamed]
    changed = {r.index: r.key for r in rest if r.key in there and r.key not in taken}
    taken.update(changed.values())
    return Matching(
        renamed=renamed,
        changed=list(changed),
        missing=[r.index for r in rest if r.index not in changed],
        fresh=[key for key in present if key not in taken],
    )


def _fresh_only(images: ImageList, present: Sequence[str], content: Mapping[str, str]) -> list[str] | None:
    """Return the files that are not images, if all images are where they were; None if that is not so.

    No image is looked at then: there may be millions.
    """
    fresh = images.names_beyond(present)
    if fresh is None:
        return None
    known = [
        (images[index].hash, content[key]) for key in content if (index := images.index_of(key)) is not None
    ]
    return None if any(hash and hash != found for hash, found in known) else fresh


def _is_still(record: ImageRecord, present: Set[str], content: Mapping[str, str]) -> bool:
    return record.key in present and (not record.hash or content.get(record.key, record.hash) == record.hash)


def renaming(names: Mapping[int, str]) -> Renamed:
    """Return the event that gives images new names, by their indices."""
    return Renamed(indices=sorted(names), names=[names[index] for index in sorted(names)])


def renamed_records(listed: Sequence[ImageRecord], events: Iterable[Renamed]) -> ImageList:
    """Return images under the names that they have now."""
    names: dict[int, str] = {}
    for event in events:
        names.update(zip(event.indices, event.names, strict=False))
    images = listing(listed)
    return RenamedImages(images, names) if names else images


def former_names(listed: Sequence[ImageRecord], events: Sequence[Renamed]) -> dict[str, int]:
    """Return the index of the image that had a name last and has it no more."""
    if not events:
        return {}
    names: dict[int, str] = {}
    former: dict[str, int] = {}
    for event in events:
        for index, key in zip(event.indices, event.names, strict=False):
            former[names[index] if index in names else listed[index].key] = index
            names[index] = key
    return {key: index for key, index in former.items() if names[index] != key}


def name_to_list(key: str, index: int, taken: Container[str]) -> str:
    """Return the name under which a new image is listed: its own, unless an image was listed under it before.

    The list holds every name once. Then an event `renamed` gives the image its own name.
    """
    while key in taken:
        key = f"{key}#{index}"
    return key
