"""Arrays in a file as a pool."""

from __future__ import annotations

from pathlib import Path

import alkit
from alkit.data import ArrayFile


class ArrayPool(ArrayFile):
    """Images in an .npy file, or in an .npz file with their labels."""

    name = "arrays"
    suffixes = (".npy", ".npz")

    @classmethod
    def open(cls, location: str, *, root: str | None = None, download: bool = False) -> alkit.Source:
        """Open the file."""
        return cls(Path(location.removeprefix(f"{cls.name}:")).expanduser().absolute())


@alkit.hookimpl
def alkit_sources() -> list[type[alkit.Source]]:
    """Offer the source."""
    return [ArrayPool]
