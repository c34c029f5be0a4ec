"""Images beside an export: copies or symbolic links, so that no tool can change an original."""

from __future__ import annotations

from pathlib import Path

from ..files import write_atomically
from .formats import Export, Item


def place(export: Export, item: Item, path: Path, *, link: bool) -> None:
    """Put an image where a labeling tool finds it.

    A hard link would be the original itself under another name, and what is drawn into it would be lost for
    good; so it is a copy, or a symbolic link to the original if wanted and if there is a file.
    """
    if link and item.file is not None:
        path.symlink_to(item.file.absolute())
    else:
        write_atomically(path, export.content(item))
