"""Shards: how several processes share work that is numbered."""

from __future__ import annotations


def share_of(numbers: range, shard: int, of: int) -> range:
    """Return the numbers of one of several shards: neighbors, as even as can be.

    Args:
        numbers: of all the work.
        shard: from 1.
        of: how many shards there are.
    """
    return numbers[(shard - 1) * len(numbers) // of : shard * len(numbers) // of]
