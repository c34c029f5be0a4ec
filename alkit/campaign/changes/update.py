"""Where the images of a campaign are: new ones, lost ones that are back, renamed ones, a pool that moved."""

from __future__ import annotations

import dataclasses
from collections.abc import Container, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any

from alkit.campaign.record.events import Extended, Happening, Moved
from alkit.campaign.record.names import Matching, match_files, name_to_list, renaming
from alkit.campaign.resources import POOL_CACHE
from alkit.data.positions import Positions
from alkit.errors import SourceError
from alkit.plugin.sources import open_source

if TYPE_CHECKING:
    from alkit.campaign.session import CampaignSession
    from alkit.data.image_list import ImageList, ImageRecord
    from alkit.data.source import Source

READERS = 4


@dataclass(frozen=True, slots=True)
class UpdateRequest:
    """What to look for.

    Attributes:
        pool: where the images are from now on; where they were by default.
        root: where a torchvision data set lies.
        check: compare the content of every file with what was recorded, not only of new ones.
    """

    _: KW_ONLY
    pool: str | None = None
    root: str | None = None
    check: bool = False


def update(session: CampaignSession, request: UpdateRequest) -> dict[str, Any]:
    """Take in the images that are new in the source: see `Campaign.update`."""
    with session.lock(images=True, restore=request.pool is None):
        session.resources.open_source_again()
        source = session.source if request.pool is None else _opened(session, request)
        present = source.keys()
        content = _contents(session, source, present, everything=request.check or request.pool is not None)
        matching = match_files(session.state.records, present, content)
        events = _changes(session, request, source, matching)
        if events:
            with session.ledger.transaction():
                for event in events:
                    session.ledger.add_event(event)
            session.refresh()
            session.resources.open_source_again()
        if request.pool is not None:
            session.set_lost_aside(check=True)
        found = _take_found_back(session, present, set(matching.changed))
        added = _take_in(session, matching.fresh)
        return _report(session, matching, found=len(found), added=added) | {"moved": request.pool is not None}


def _opened(session: CampaignSession, request: UpdateRequest) -> Source:
    source = open_source(str(request.pool), root=request.root)
    return session.settings.pool.applied(source)


def _contents(
    session: CampaignSession, source: Source, present: Sequence[str], *, everything: bool
) -> dict[str, str]:
    """Return hashes of all files, or of new ones and of those whose image may be one of these now."""
    images, content = session.state.records, dict[str, str]()
    fresh = images.names_beyond(present)
    if everything or fresh is None:
        known = set(images.keys)
        wanted = [key for key in present if everything or key not in known]
    else:
        wanted = fresh
    there = present if isinstance(present, Positions) else set(present)
    while wanted:
        found = _hashes(session, source, wanted)
        content |= found
        same = {images[index].key for hash in found.values() for index in images.of_content(hash)}
        wanted = sorted(key for key in same if key in there and key not in content)
    return content


def _hashes(session: CampaignSession, source: Source, keys: Sequence[str]) -> dict[str, str]:
    hashes: dict[str, str] = {}
    with (
        session.progress.bar(len(keys), "check images") as bar,
        ThreadPoolExecutor(READERS, thread_name_prefix="alkit-hash") as readers,
    ):
        for key, hash in zip(keys, readers.map(source.hash_of, keys), strict=True):
            hashes[key] = hash
            bar.update(1)
    return hashes


def _changes(
    session: CampaignSession, request: UpdateRequest, source: Source, matching: Matching
) -> list[Happening]:
    """Return the events of a move and of new names.

    Raises:
        SourceError: less than half of the images are where they should be now.
    """
    events: list[Happening] = []
    if request.pool is not None:
        unusable = {row.index for row in session.state.records.set_aside if row.unusable is not None}
        readable = len(session.state.records) - len(unusable)
        found = readable - len({*matching.missing, *matching.changed} - unusable)
        if 2 * found < readable:
            raise SourceError(
                f"'{source.location}' holds only {found:,} of the {readable:,} images of this campaign "
                "(compared by content); nothing is changed: give the folder in which they are now"
            )
        if (source.location, source.root) != (session.settings.pool.location, session.settings.pool.root):
            events.append(Moved(location=source.location, root=source.root, found=found))
    if matching.renamed:
        events.append(renaming(matching.renamed))
    return events


def _take_found_back(session: CampaignSession, present: Iterable[str], changed: set[int]) -> list[int]:
    """Look whether lost images are back in the source as they were; return their indices."""
    lost = [index for index in session.pool.lost.tolist() if index not in changed]
    keys = set(present) if lost else ()
    wanted = [index for index in lost if session.state.keys[index] in keys]
    return session.record_found(session.resources.find_images(session.state, wanted))


def _take_in(session: CampaignSession, fresh: Sequence[str]) -> list[dict[str, Any]]:
    """Read new images, and record them at the end of the list."""
    from alkit.campaign.changes.evaluation_set import say_leaks  # noqa: PLC0415  # numpy is slow to import
    from alkit.data.preprocessing import scan  # noqa: PLC0415  # numpy is slow to import
    from alkit.data.store import StoreWriter  # noqa: PLC0415  # numpy is slow to import

    if not fresh:
        return []
    first = len(session.state.records)
    shape = session.resources.images(session.state).shape  # the cache is whole now
    usable, removed = session.pool.usable, session.pool.removed
    images = session.state.records

    def known(hash: str) -> int | None:
        same = [index for index in images.of_content(hash) if usable[index] or index in removed]
        return same[-1] if same else None  # a lost image was moved

    cache, kind = session.directory / "cache" / POOL_CACHE, session.source.pixel_type
    with StoreWriter(cache, shape, count=first, pixel_type=kind) as store:
        added = scan(session.source, fresh, first=first, known=known, store=store, progress=session.progress)
    taken = _Taken(session.state.listed)
    listed: list[ImageRecord] = []
    for record in added:
        key = name_to_list(record.key, record.index, taken)
        listed.append(dataclasses.replace(record, key=key))
        taken.more.add(key)
    names = [(r.index, r.key) for r, row in zip(added, listed, strict=True) if row.key != r.key]
    with session.ledger.transaction():
        session.ledger.add_event(Extended(first=first, images=len(added)))
        session.ledger.add_images(listed)
        if names:
            session.ledger.add_event(renaming(dict(names)))
    session.refresh()
    say_leaks(session.ledger.test_images()[0], session.state.records, session.progress, first=first)
    return [{"image": r.key, "reason": r.unusable, "duplicate": r.duplicate_of is not None} for r in added]


class _Taken(Container[str]):
    """The names under which images were listed, and more."""

    def __init__(self, listed: ImageList) -> None:
        self._listed, self.more = listed, set[str]()

    def __contains__(self, key: object) -> bool:
        return key in self.more or (isinstance(key, str) and self._listed.index_of(key) is not None)


def _report(
    session: CampaignSession, matching: Matching, *, found: int, added: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    keys = session.state.keys
    return {
        "pool": session.settings.pool.location,
        "added": len(added),
        "found": found,
        "renamed": [{"index": index, "image": key} for index, key in sorted(matching.renamed.items())],
        "unusable": [
            {"image": row["image"], "reason": row["reason"]} for row in added if row["reason"] is not None
        ],
        "duplicates": sum(row["duplicate"] for row in added),
        "changed": sorted(keys[index] for index in matching.changed),
        "missing": sorted(keys[index] for index in matching.missing),
    }
