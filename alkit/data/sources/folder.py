"""A folder of images of any depth; one folder per class defines the classes."""

from __future__ import annotations

import os
from pathlib import Path

from alkit.data.source import DecodedImage
from alkit.errors import SourceError

from .files import SUFFIXES, FileSource

CAMPAIGN = "campaign.toml"
CAMPAIGN_FOLDERS = ("cache", "checkpoints", "queries", "states")
BAD_NAME = "file name is not valid UTF-8; rename it"


class Folder(FileSource):
    """Every image file under a folder, links followed; files with other suffixes are not part of the pool.

    Hidden files and folders are left out, and so are links to an enclosing folder and files that a campaign
    inside this folder has written. A link that leads nowhere is an unusable image. If
    every image lies exactly one folder deep, in two folders or more, the folders are the classes.

    Raises:
        SourceError: there are no images, or a folder cannot be listed.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(str(folder), str(folder))
        self._others = 0
        found = self._listed(str(folder), "", frozenset())
        # A name that no database can hold is shown escaped; it never hides a file that really has that name.
        self._bad = {_printable(key) for key in found if not _storable(key)}.difference(found)
        self._keys = sorted([key for key in found if _storable(key)] + list(self._bad))
        if not self._keys:
            raise SourceError(
                f"'{folder}' holds no images; give a folder with {', '.join(sorted(SUFFIXES))} files"
            )
        if self._others:
            self.notes = (f"files in '{folder}' without an image suffix, skipped: {self._others}",)
        parents = {key.split("/")[0] for key in self._keys if key.count("/") == 1 and key not in self._bad}
        if len(parents) >= 2 and all(key.count("/") == 1 for key in self._keys):
            self.classes = tuple(sorted(parents))

    def keys(self) -> list[str]:
        """Return the paths relative to the folder, sorted."""
        return list(self._keys)

    def read(self, key: str, *, at_least: tuple[int, int] | None = None) -> DecodedImage:
        """Read, hash and decode a file."""
        return (
            DecodedImage("", unusable=BAD_NAME) if key in self._bad else super().read(key, at_least=at_least)
        )

    def answers(self) -> dict[str, str]:
        """Return the folder of each image, if folders are classes."""
        if not self.classes:
            return {}
        return {key: key.split("/")[0] for key in self._keys if key not in self._bad}

    def _listed(self, folder: str, prefix: str, above: frozenset[tuple[int, int]]) -> list[str]:
        """List images under a folder; `above` are the folders that it is in."""
        try:
            status = os.stat(folder)  # noqa: PTH116
            me = (status.st_dev, status.st_ino)
            if me in above:
                return []
            with os.scandir(folder) as listing:
                entries = [entry for entry in listing if not entry.name.startswith(".")]
        except OSError as error:
            raise SourceError(
                f"folder {folder!r} cannot be listed ({error.strerror}); make it readable or move it away"
            ) from error
        if any(entry.name == CAMPAIGN for entry in entries):
            if prefix:
                return []
            entries = [entry for entry in entries if entry.name not in CAMPAIGN_FOLDERS]
        found = []
        for entry in entries:
            if _is_folder(entry):
                found += self._listed(entry.path, f"{prefix}{entry.name}/", above | {me})
            elif _is_file(entry):
                if os.path.splitext(entry.name)[1].lower() in SUFFIXES:  # noqa: PTH122
                    found.append(prefix + entry.name)
                else:
                    self._others += 1
        return found


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _is_file(entry: os.DirEntry[str]) -> bool:
    """Is it a file, or a link that leads nowhere?"""
    try:
        return entry.is_file() or (entry.is_symlink() and not Path(entry.path).exists())
    except OSError:
        return True  # a link to itself: listed, and unusable when it is read


def _storable(key: str) -> bool:
    try:
        key.encode()
    except UnicodeEncodeError:
        return False
    return True


def _printable(key: str) -> str:
    return os.fsencode(key).decode("utf-8", "backslashreplace")
