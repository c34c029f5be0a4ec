"""New images in the source of a campaign, and lost ones that are back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .resources import POOL_CACHE

if TYPE_CHECKING:
    from alkit.data.preprocessing import ImageRecord

    from .session import Opened


def update(opened: Opened) -> dict[str, Any]:
    """Take in the images that are new in the source: see `Campaign.update`."""
    from alkit.data.preprocessing import scan
    from alkit.data.store import StoreWriter

    with opened.lock():
        opened.workbench.open_source_again()
        present = opened.source.keys()
        known = set(opened.state.keys)
        found = _take_found_back(opened, present)
        fresh = [key for key in present if key not in known]
        missing = sorted(known - set(present))
        added: list[ImageRecord] = []
        if fresh:
            shape = opened.workbench.images(opened.state).shape  # the cache is whole now
            path = opened.directory / "cache" / POOL_CACHE
            hashes = {
                r.hash: r.index
                for r in opened.state.records
                if opened.pool.usable[r.index]  # what is lost has no copies: it was moved
            }
            with StoreWriter(path, shape, count=len(opened.state.records)) as store:
                added = scan(
                    opened.source,
                    fresh,
                    first=len(opened.state.records),
                    known=hashes,
                    store=store,
                    progress=opened.progress,
                )
            with opened.ledger.transaction():
                opened.ledger.add_event(
                    "extended", {"first": len(opened.state.records), "images": len(added)}
                )
                opened.ledger.add_images(added)
            opened.refresh()
        return {
            "added": len(added),
            "found": len(found),
            "unusable": [{"image": r.key, "reason": r.unusable} for r in added if r.unusable],
            "duplicates": sum(r.duplicate_of is not None for r in added),
            "missing": missing,
        }


def _take_found_back(opened: Opened, present: Sequence[str]) -> list[int]:
    """Look whether lost images are back in the source as they were; return their indices."""
    keys = set(present)
    wanted = [index for index in opened.pool.lost.tolist() if opened.state.keys[index] in keys]
    return opened.record_found(opened.workbench.find_images(opened.state, wanted))
