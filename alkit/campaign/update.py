"""New images in the source of a campaign, and lost ones that are back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from alkit.campaign.record.events import Extended

from .resources import POOL_CACHE

if TYPE_CHECKING:
    from alkit.data.preprocessing import ImageRecord

    from .session import CampaignSession


def update(session: CampaignSession) -> dict[str, Any]:
    """Take in the images that are new in the source: see `Campaign.update`."""
    from alkit.data.preprocessing import scan  # noqa: PLC0415  # numpy is slow to import
    from alkit.data.store import StoreWriter  # noqa: PLC0415  # numpy is slow to import

    with session.lock(images=True):
        session.resources.open_source_again()
        present = session.source.keys()
        known = set(session.state.keys)
        found = _take_found_back(session, present)
        fresh = [key for key in present if key not in known]
        missing = sorted(known - set(present))
        added: list[ImageRecord] = []
        if fresh:
            shape = session.resources.images(session.state).shape  # the cache is whole now
            path = session.directory / "cache" / POOL_CACHE
            hashes = {
                r.hash: r.index
                for r in session.state.records
                if session.pool.usable[r.index]  # a lost image has no copies: it was moved
            }
            with StoreWriter(path, shape, count=len(session.state.records)) as store:
                added = scan(
                    session.source,
                    fresh,
                    first=len(session.state.records),
                    known=hashes,
                    store=store,
                    progress=session.progress,
                )
            with session.ledger.transaction():
                session.ledger.add_event(Extended(first=len(session.state.records), images=len(added)))
                session.ledger.add_images(added)
            session.refresh()
        return {
            "added": len(added),
            "found": len(found),
            "unusable": [{"image": r.key, "reason": r.unusable} for r in added if r.unusable],
            "duplicates": sum(r.duplicate_of is not None for r in added),
            "missing": missing,
        }


def _take_found_back(session: CampaignSession, present: Sequence[str]) -> list[int]:
    """Look whether lost images are back in the source as they were; return their indices."""
    keys = set(present)
    wanted = [index for index in session.pool.lost.tolist() if session.state.keys[index] in keys]
    return session.record_found(session.resources.find_images(session.state, wanted))
