"""Image files named one by one: in a text file, or in a list of paths."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from alkit.errors import SourceError
from alkit.utils.files import read_regular

from .files import FileSource

MOST_BYTES = 2**30  # of a list


class Listed(FileSource):
    """The files named by paths, in this order; a key is the path as given.

    A file that is missing is an unusable image, not an error.

    Args:
        paths: absolute, or relative to `base`.
        base: a folder; the current one by default.
        location: what the list is called in messages.

    Raises:
        SourceError: the list is empty.
    """

    def __init__(
        self, paths: Sequence[str | Path], *, base: str | Path = ".", location: str = "the list"
    ) -> None:
        super().__init__(location, os.path.abspath(base))  # noqa: PTH100
        self._keys = [os.fspath(path) for path in paths]
        if not self._keys:
            raise SourceError(f"'{location}' names no images; write one path per line")

    def keys(self) -> list[str]:
        """Return the paths as given."""
        return list(self._keys)


def read_list(file: Path) -> Listed:
    """Return the images that a text file names, one path per line, relative to the file's folder.

    Raises:
        SourceError: it cannot be read, is not UTF-8, or names no images.
    """
    try:
        text = read_regular(file, most=MOST_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError(f"list '{file}' is not UTF-8 text ({error}); save it as UTF-8") from error
    except OSError as error:
        raise SourceError(f"list '{file}' cannot be read: {error.strerror}") from error
    return Listed(lines_of(text), base=file.absolute().parent, location=str(file.absolute()))


def lines_of(text: str) -> list[str]:
    """Return the lines of a list that are not blank."""
    return [line for line in text.splitlines() if line.strip()]
