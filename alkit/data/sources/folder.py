"""A folder of images of any depth; one folder per class defines the classes."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from alkit.data.source import DecodedImage
from alkit.errors import SourceError
from alkit.utils.counts import counted

from .files import OTHER_SUFFIXES, SUFFIXES, FileSource, holds_image
from .layout import Layout, read_layout
from .raw_values import ARRAY_SUFFIX, is_image_array
from .signatures import begins_as_image

CAMPAIGN = "campaign.toml"
CAMPAIGN_FOLDERS = ("cache", "checkpoints", "queries", "states")
BAD_NAME = "file name is not valid UTF-8; rename it"
HEIF_SUFFIXES = (".heic", ".heif", ".hif")
LOOKED_AT = 20  # files of a suffix that is left out


class Folder(FileSource):
    """Every image file under a folder, links followed.

    Files are known by their suffix; those of a suffix that only some programs give to images (`.jfif`,
    `.heic`) belong to the pool if they hold an image that can be opened. `facts` says what is left out.

    Hidden files and folders are left out, and so are links to an enclosing folder and files that a campaign
    inside this folder has written. A link that leads nowhere is an unusable image. If
    every image lies exactly one folder deep, in two folders or more, the folders are the classes. Where there
    are no images but arrays (`.npy`) of two or three axes, these are the images.

    Raises:
        SourceError: there are no images, or a folder cannot be listed.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(str(folder), str(folder))
        self._left_out, self._special = Counter[str](), list[str]()
        self._hidden_images: dict[str, str] = {}
        self._arrays: list[str] = []
        found = self._listed(str(folder), "", frozenset())
        if not found and self._arrays:  # beside images, arrays are rather embeddings than images
            found = self._arrays
            self._left_out.pop(ARRAY_SUFFIX, None)
        # A name that no database can hold is shown escaped; it never hides a file that really has that name.
        self._bad = {_printable(key) for key in found if not _storable(key)}.difference(found)
        self._keys = sorted([key for key in found if _storable(key)] + list(self._bad))
        if not self._keys:
            raise SourceError(
                f"'{folder}' holds no images; give a folder with {', '.join(sorted(SUFFIXES))} files"
                + ("" if not self._left_out else f" (it holds {by_suffix(self._left_out)})")
                + "".join(f"; {note.removeprefix('warning: ')}" for note in self._hidden_notes())
            )
        layout = read_layout([key for key in self._keys if key not in self._bad])
        self.classes = layout.classes if all(key.count("/") == 1 for key in self._bad) else ()
        self.facts = {
            "left_out": dict(self._left_out.most_common()),
            "look_like_images": dict(sorted(self._hidden_images.items())),
            "special": sorted(self._special),
            "outside_class_folders": list(layout.strays),
        }
        self.notes = tuple(self._notes(layout))

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
            elif not _is_file(entry):
                self._special.append(_printable(prefix + entry.name))
            elif self._is_image(entry):
                found.append(prefix + entry.name)
            else:
                if _suffix(entry.name) == ARRAY_SUFFIX and is_image_array(entry.path):
                    self._arrays.append(prefix + entry.name)
                self._leave_out(entry, prefix)
        return found

    def _is_image(self, entry: os.DirEntry[str]) -> bool:
        """Tell images by suffix, and look inside files whose suffix only some programs give to images."""
        suffix = _suffix(entry.name)
        return suffix in SUFFIXES or (suffix in OTHER_SUFFIXES and holds_image(entry.path))

    def _leave_out(self, entry: os.DirEntry[str], prefix: str) -> None:
        """Count a file that is left out, and look whether the first ones of its suffix may be images."""
        suffix = _printable(_suffix(entry.name))
        self._left_out[suffix] += 1
        look = suffix not in self._hidden_images and self._left_out[suffix] <= LOOKED_AT
        if look and begins_as_image(entry.path):
            self._hidden_images[suffix] = _printable(prefix + entry.name)

    def _hidden_notes(self) -> Iterator[str]:
        for suffix, example in sorted(self._hidden_images.items()):
            named = f"{suffix} files" if suffix else "files without a suffix"
            what = (
                "install pillow-heif to take them in"
                if suffix in HEIF_SUFFIXES
                else "to take them in, give them the suffix of what they are"
            )
            yield f"warning: {named} such as {example!r} look like images; {what}"

    def _notes(self, layout: Layout) -> Iterator[str]:
        if self._left_out:
            yield f"left out by their suffix: {by_suffix(self._left_out)}"
        yield from self._hidden_notes()
        if self._special:
            yield (
                f"left out because they are pipes, sockets or devices: {len(self._special):,}, "
                f"such as {min(self._special)!r}"
            )
        if self._bad:
            yield (
                f"{counted(len(self._bad), 'file name is', 'file names are')} not valid UTF-8; rename "
                "the files"
            )
        yield from layout.notes


def by_suffix(suffixes: Mapping[str, int]) -> str:
    """Write how many files there are of each suffix, the most first."""
    rows = sorted(suffixes.items(), key=lambda row: (-row[1], row[0]))
    named = [f"{count:,} {suffix or 'without a suffix'}" for suffix, count in rows[:8]]
    rest = sum(count for _, count in rows[8:])
    return ", ".join([*named, *([counted(rest, "other")] if rest else [])])


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()  # noqa: PTH122


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
