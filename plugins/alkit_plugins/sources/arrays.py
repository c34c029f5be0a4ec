"""Arrays in a file as a pool."""

from __future__ import annotations

from pathlib import Path

import alkit
from alkit.data import ArrayFile, Vectors, holds_vectors


class ArrayPool(ArrayFile):
    """Images in an .npy file, or in an .npz file with their labels."""

    name = "arrays"
    suffixes = (".npy", ".npz")

    @classmethod
    def open(cls, location: str, *, root: str | None = None, download: bool = False) -> alkit.Source:
        """Open the file; one that holds vectors is a pool of vectors, unless the location says `arrays:`."""
        path = Path(location.removeprefix(f"{cls.name}:")).expanduser().absolute()
        if not location.startswith(f"{cls.name}:") and holds_vectors(path):
            return Vectors(path)
        return cls(path)


@alkit.hookimpl
def alkit_sources() -> list[type[alkit.Source]]:
    """Offer the source."""
    return [ArrayPool]
