"""File names that identify an image, so that labeling tools return the identity."""

from __future__ import annotations

import re

DIGITS = 16  # of the content hash: enough that no other image of a pool has them
MARK = re.compile(rf"alkit-(\d{{1,9}})-([0-9a-f]{{{DIGITS}}})(?![0-9a-f])")


def marked(rank: int, index: int, hash: str, suffix: str) -> str:
    """Return a name that sorts by rank and tells index and hash: `00001-alkit-42-3f9ab2c4d5e6f708.jpg`."""
    return f"{rank:05d}-alkit-{index}-{hash[:DIGITS]}{suffix}"


def find_mark(name: str) -> tuple[str, str] | None:
    """Return index and beginning of the hash from a name that a tool may have added to, or None.

    Folders in front do not count, and nothing is looked up on the disk.
    """
    last = name.replace("\\", "/").rpartition("/")[2]
    found = MARK.search(last)
    return (found[1], found[2]) if found else None
