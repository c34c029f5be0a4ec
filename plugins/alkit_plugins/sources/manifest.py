"""A CSV manifest as a pool."""

from __future__ import annotations

from pathlib import Path

import alkit
from alkit.data import Manifest


class ManifestPool(Manifest):
    """A CSV file with a row per image: its path, its label if known, and whatever else."""

    name = "csv"
    suffixes = (".csv",)

    @classmethod
    def open(cls, location: str, *, root: str | None = None, download: bool = False) -> alkit.Source:
        """Open the file."""
        return cls(Path(location.removeprefix(f"{cls.name}:")).expanduser().absolute())


@alkit.hookimpl
def alkit_sources() -> list[type[alkit.Source]]:
    """Offer the source."""
    return [ManifestPool]
