"""Taking images out of a campaign, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from alkit.campaign.record.events import PutBack, Removed
from alkit.errors import InvalidAnswers
from alkit.labeling.given_answer import GivenAnswer
from alkit.labeling.references import UnknownImageError

if TYPE_CHECKING:
    from alkit.campaign.session import CampaignSession


def remove(session: CampaignSession, images: Sequence[str | int], reason: str) -> dict[str, Any]:
    """Take images out: see `Campaign.remove`."""
    with session.lock():
        indices = _found(session, images)
        fresh = sorted(set(indices) - session.pool.removed)
        labeled = len(set(fresh) & set(session.pool.labeled.tolist()))
        waiting = len(session.pool.waiting_for(fresh))
        if fresh:
            session.record(Removed(indices=fresh, reason=reason))
        return _report(session, fresh) | {"labeled": labeled, "waiting": waiting}


def put_back(session: CampaignSession, images: Sequence[str | int]) -> dict[str, Any]:
    """Take removed images in again: see `Campaign.put_back`."""
    with session.lock():
        gone = sorted(set(_found(session, images)) & session.pool.removed)
        if gone:
            session.record(PutBack(indices=gone))
        return _report(session, gone)


def removed_images(session: CampaignSession) -> list[dict[str, Any]]:
    """Return the images that are removed, with the reasons, as JSON values."""
    reasons: dict[int, str] = {}
    for event in session.ledger.events(Removed):
        reasons.update(dict.fromkeys(event.data.indices, event.data.reason))
    return [
        {"index": index, "image": session.state.keys[index], "reason": reasons.get(index, "")}
        for index in sorted(session.pool.removed)
    ]


def _found(session: CampaignSession, images: Sequence[str | int]) -> list[int]:
    """Return the indices of images and of all their exact copies.

    Raises:
        InvalidAnswers: there is no such image.
    """
    records, references = session.state.records, session.references()
    hashes: set[str] = set()
    found: set[int] = set()
    for image in images:
        try:
            index = references.find(GivenAnswer.naming(image))
        except UnknownImageError as error:
            raise InvalidAnswers(f"{error}; nothing is changed") from None
        found.add(index)
        hashes.add(records[index].hash)
    return sorted(found.union(*(records.of_content(hash) for hash in hashes)))


def _report(session: CampaignSession, indices: Sequence[int]) -> dict[str, Any]:
    return {
        "images": [{"index": index, "image": session.state.keys[index]} for index in indices],
        "removed": len(session.pool.removed),
    }
