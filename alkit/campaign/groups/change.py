"""Finding groups of near-duplicates, copying the labels of their leaders, and taking that back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from alkit.campaign.record.events import CopiesDropped, Grouped, LabelsCopied, Ungrouped
from alkit.data.sources import VECTORS
from alkit.data.sources.vectors import Vectors
from alkit.errors import InvalidOption, UsageError
from alkit.utils import seeding
from alkit.utils.counts import counted

from .leaders import find_followers
from .standing import KINDS, GroupReport, Standing, standing_of
from .vectors import FEATURES_ALIKE, PIXELS_ALIKE, ImageVectors, Known

if TYPE_CHECKING:
    from alkit.campaign.session import CampaignSession

LEVELS = {"features": (FEATURES_ALIKE, 0.90, 0.95), "pixels": (PIXELS_ALIKE, 0.98, 0.99)}
"""Likenesses that the audit decides between; the lowest is that from which images are near-duplicates."""
NONE = "no near-duplicates are grouped; find them with 'alkit groups find'"


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRequest:
    """How near-duplicates become one question.

    Attributes:
        audit: share of the followers that is drawn at random, to check copied labels.
        limit: largest share of wrong ones among copied labels, at 95 % confidence.
    """

    audit: float = 0.1
    limit: float = 0.05


def find_groups(session: CampaignSession, request: GroupRequest) -> GroupReport:
    """Find groups of near-duplicates: see `Campaign.find_groups`."""
    for name, value in (("audit", request.audit), ("limit", request.limit)):
        if not 0 < value < 1:
            raise InvalidOption(f"the {name} should be a share above 0 and below 1, not {value:g}")
    if session.settings.labels not in KINDS:
        raise UsageError(
            f"labels of kind '{session.settings.labels}' are not copied from image to image; groups are for "
            "classes"
        )
    with session.lock(images=True):
        vectors = _vectors(session)
        pool, state = session.pool, session.state
        own = np.setdiff1d(pool.labeled, np.array(list(pool.copied), np.int64))
        order = np.concatenate([own, np.setdiff1d(np.flatnonzero(pool.usable), own)])
        found = find_followers(vectors, order, session.progress)
        answered = np.concatenate([own, pool.no_label])  # these follow nobody
        free = np.isin(found.indices, answered, invert=True)
        indices = found.indices[free]
        rng = seeding.numpy_generator(session.settings.seed, "groups", len(state.events))
        audit = rng.choice(indices, size=math.ceil(request.audit * len(indices)), replace=False)
        session.record(
            Grouped(
                indices=indices.tolist(),
                leaders=found.leaders[free].tolist(),
                likeness=[round(float(value), 4) for value in found.likeness[free]],
                audit=np.sort(audit).tolist(),
                by=vectors.by,
                levels=LEVELS[vectors.by],
                limit=request.limit,
            )
        )
        return _grouped(session).report()


def copy_labels(session: CampaignSession, limit: float | None = None) -> GroupReport:
    """Give followers the labels of their leaders: see `Campaign.copy_labels`."""
    with session.lock():
        standing = _grouped(session)
        limit = standing.groups.limit if limit is None else limit
        level = standing.chosen(limit)
        if level is None:
            raise UsageError(_refusal(standing, limit))
        indices, sources = standing.copies(level.likeness)
        session.record(
            LabelsCopied(
                indices=indices.tolist(),
                sources=sources.tolist(),
                level=level.likeness,
                bound=round(level.bound, 6),
            )
        )
        return _grouped(session).report()


def _refusal(standing: Standing, limit: float) -> str:
    """Say why no label is copied, and what would help."""
    best = min(standing.levels, key=lambda level: level.bound)
    clean = math.ceil(math.log(0.05 / len(standing.levels)) / math.log(1 - limit))
    if best.audited < clean:
        return (
            f"no label is copied: {counted(best.audited, 'audited image has', 'audited images have')} an "
            f"answer, and even if all agree with their leaders, it takes {clean:,} to show that at most "
            f"{limit:.1%} of copies are wrong; answer more queries, find groups again with a larger "
            "--audit, or allow more with --limit"
        )
    return (
        f"no label is copied: up to {best.bound:.1%} of copies may be wrong ({best.wrong:,} of "
        f"{best.audited:,} audited images differ from their leader), and the limit is {limit:.1%}; answer "
        "more queries, or allow more with --limit"
    )


def drop_copies(session: CampaignSession) -> int:
    """Drop all copied labels: see `Campaign.drop_copies`."""
    with session.lock():
        count = len(session.pool.copied)
        if count:
            session.record(CopiesDropped())
        return count


def ungroup(session: CampaignSession) -> int:
    """End groups and drop copied labels: see `Campaign.ungroup`."""
    with session.lock():
        count = len(session.pool.copied)
        if session.state.groups is not None:
            session.record(Ungrouped())
        return count


def _grouped(session: CampaignSession) -> Standing:
    standing = standing_of(session.state)
    if standing is None:
        raise UsageError(NONE)
    return standing


def _vectors(session: CampaignSession) -> ImageVectors:
    """Return what images are compared by; features of the encoder are computed if they are missing."""
    settings, rows = session.settings, None
    if settings.pool.location.startswith(VECTORS):
        source = session.source
        assert isinstance(source, Vectors)
        rows = source.rows.values
    elif session.resources.encoder is not None:
        session.resources.encoded_images(session.state)
    known = Known(session.directory / "cache", settings.image_shape, settings.pool.pixel_type, rows)
    vectors = ImageVectors(known, len(session.state.records))
    if not vectors.known:
        raise UsageError("there are neither features nor small copies to compare images by")
    return vectors
