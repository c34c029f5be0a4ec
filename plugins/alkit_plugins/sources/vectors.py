"""Vectors without pixels as a pool."""

from __future__ import annotations

from pathlib import Path

import alkit
from alkit.data import Vectors


class VectorPool(Vectors):
    """Embeddings alone, in any file that `alkit query --embeddings` takes; nothing is trained on them."""

    name = "vectors"

    @classmethod
    def open(cls, location: str, *, root: str | None = None, download: bool = False) -> alkit.Source:
        """Open the file."""
        return cls(Path(location.removeprefix(f"{cls.name}:")))


@alkit.hookimpl
def alkit_sources() -> list[type[alkit.Source]]:
    """Offer the source."""
    return [VectorPool]
