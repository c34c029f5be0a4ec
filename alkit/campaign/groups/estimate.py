"""How many images of a new pool look nearly like another one, estimated from a sample."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .vectors import ImageVectors

if TYPE_CHECKING:
    import numpy.typing as npt

    from .vectors import Known

SAMPLE = 500  # images that are looked at
STRETCH = 10_000  # images in the middle of the list that they are of, and that they are compared with
FEWEST = 100  # images of a pool
ROWS = 1024  # at once


def share_alike(known: Known, distinct: npt.NDArray[np.bool_]) -> float | None:
    """Return the share of images with a near-duplicate; None for a small pool.

    Args:
        known: what there is to compare by.
        distinct: [N] bool, the images that can be used and are no exact copies.
    """
    places = np.flatnonzero(distinct)
    vectors = ImageVectors(known, len(distinct))
    if len(places) < FEWEST or not vectors.known:
        return None
    first = max(0, (len(places) - STRETCH) // 2)
    stretch = places[first : first + STRETCH]
    looked_at = stretch[np.linspace(0, len(stretch) - 1, min(SAMPLE, len(stretch))).astype(np.int64)]
    units = vectors.units(looked_at)
    found = np.zeros(len(looked_at), np.bool_)
    for start in range(0, len(stretch), ROWS):
        block = stretch[start : start + ROWS]
        likeness = units @ vectors.units(block).T
        likeness[looked_at[:, None] == block[None, :]] = -1.0  # an image itself
        found |= (likeness >= vectors.alike).any(axis=1)
    return float(found.mean())
