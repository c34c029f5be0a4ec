"""Images in an export: copies, so that no tool can change an original, or symbolic links on request."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from alkit.utils.files import temporary_name, write_atomically

if TYPE_CHECKING:
    from alkit.interfaces.format import Export, Item


def place(export: Export, item: Item, path: Path, *, link: bool) -> None:
    """Put an image where a labeling tool finds it.

    A link saves the space and shows where it leads, but a tool that writes into the file writes into the
    original: links are for tools that only read. A hard link would be the original without showing it.

    Args:
        export: the export.
        item: the image.
        path: where to.
        link: a symbolic link to the original instead of a copy, if there is a file.
    """
    if link and item.file is not None:
        path.symlink_to(item.file.absolute())
    else:
        write_atomically(path, export.content(item))


@contextlib.contextmanager
def whole(folder: Path) -> Iterator[Path]:
    """Yield a folder to fill; it gets its final name at the end and is removed if anything fails."""
    temporary = temporary_name(folder)
    try:
        temporary.mkdir()
        yield temporary
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
