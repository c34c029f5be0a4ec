"""Groups of images that look nearly the same: each image follows a leader, and no leader another.

An image joins the leader that it is most like, if it is like enough, or else leads a group of its own. So all
images of a group are like its leader, and a long burst that changes slowly falls into several groups.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from alkit._typing import Indices
    from alkit.utils.progress import Progress

    from .vectors import ImageVectors

    Floats = npt.NDArray[np.float32]

ROWS = 1024  # images at once
LATEST = 20_000  # leaders before an image that it is compared with: near-duplicates mostly lie together


class Followers(NamedTuple):
    """Images that follow a leader, ascending, their leaders, and how much they are alike, [n] each."""

    indices: Indices
    leaders: Indices
    likeness: Floats


def find_followers(vectors: ImageVectors, order: Indices, progress: Progress) -> Followers:
    """Find the images that look nearly like another one.

    Args:
        vectors: of the pool.
        order: [m] positions of the images to compare; the earlier ones lead.
        progress: shows how far it is.
    """
    leaders = np.empty(0, np.int64)
    units: Floats = np.empty((0, 0), np.float32)
    found: list[tuple[int, int, float]] = []
    with progress.bar(len(order), "compare images") as bar:
        for start in range(0, len(order), ROWS):
            block = order[start : start + ROWS]
            own = vectors.units(block)
            fresh = np.arange(len(block))
            if len(leaders):
                likeness = own @ units.T
                best = likeness.argmax(axis=1)
                value = likeness[fresh, best]
                joins = value >= vectors.alike
                found += zip(
                    block[joins].tolist(), leaders[best[joins]].tolist(), value[joins].tolist(), strict=True
                )
                fresh = np.flatnonzero(~joins)
            first = _leading(own[fresh], vectors.alike)
            found += [(int(block[fresh[i]]), int(block[fresh[k]]), value) for i, k, value in first.followers]
            new = fresh[first.leaders]
            leaders = np.concatenate([leaders, block[new]])[-LATEST:]
            units = np.concatenate([units.reshape(-1, own.shape[1]), own[new]])[-LATEST:]
            bar.update(len(block))
    found.sort()
    columns = list(zip(*found, strict=True)) or [(), (), ()]
    return Followers(
        np.array(columns[0], np.int64), np.array(columns[1], np.int64), np.array(columns[2], np.float32)
    )


class _Leading(NamedTuple):
    leaders: list[int]
    followers: list[tuple[int, int, float]]


def _leading(units: Floats, alike: float) -> _Leading:
    """Go through some images in order, each compared with those that lead so far."""
    likeness = units @ units.T
    leaders: list[int] = []
    followers: list[tuple[int, int, float]] = []
    for row in range(len(units)):
        if leaders:
            among = likeness[row, leaders]
            best = int(among.argmax())
            if among[best] >= alike:
                followers.append((row, leaders[best], float(among[best])))
                continue
        leaders.append(row)
    return _Leading(leaders, followers)
