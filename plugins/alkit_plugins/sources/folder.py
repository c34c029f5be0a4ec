"""A folder of images as a pool."""

from __future__ import annotations

from pathlib import Path

import alkit
from alkit.data import Folder


class FolderPool(Folder):
    """A folder of images of any depth; one folder per class defines the classes."""

    name = "folder"

    @classmethod
    def open(cls, location: str, *, root: str | None = None, download: bool = False) -> alkit.Source:
        """Open the folder."""
        return cls(Path(location.removeprefix(f"{cls.name}:")).expanduser().absolute())


@alkit.hookimpl
def alkit_sources() -> list[type[alkit.Source]]:
    """Offer the source."""
    return [FolderPool]
