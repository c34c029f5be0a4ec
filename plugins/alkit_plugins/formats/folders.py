"""Folders: one per class, as for ImageNet; to label, move a file from `_unlabeled` into a class's folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal
from urllib.parse import unquote

import alkit
from alkit.errors import InvalidAnswers
from alkit.interfaces import Export, Format, Reply
from alkit.labeling import ABSTAIN, UNUSABLE, GivenAnswer, find_mark, place, whole

UNLABELED = "_unlabeled"
RESERVED = {f"_{ABSTAIN}": ABSTAIN, f"_{UNUSABLE}": UNUSABLE}
ESCAPED = frozenset('%/\\:*?"<>|')


@dataclass(kw_only=True)
class Folders(Format):
    """One folder per class, plus `_unlabeled`, `_abstain` and `_unusable`; file names identify the images.

    Characters that are not allowed in folder names, and `.` or `_` at the start, are written as in a URL: a
    slash is `%2F`.
    """

    name: ClassVar[str] = "folders"
    extensions: ClassVar[tuple[str, ...]] = ("",)
    unit: ClassVar[str] = "file"

    images: Literal["copy", "link"] = alkit.option(
        "copy", "copies of the images, or symbolic links (a tool that writes to a link changes the original)"
    )

    def recognizes(self, path: Path) -> bool:
        """Accept a folder that contains a folder `_unlabeled`."""
        return (path / UNLABELED).is_dir()

    def write(self, export: Export, path: Path) -> Sequence[Path]:
        """Make the folders, with the images in them."""
        words = {UNLABELED: None, **RESERVED}
        names = {word: name for name, word in words.items() if word not in export.classes}
        names |= {name: _escaped(name) for name in export.classes}
        with whole(path) as folder:
            for name in names.values():
                (folder / name).mkdir()
            for item in export.items:
                place(export, item, folder / names[item.answer] / item.name, link=self.images == "link")
        return [path]

    def read(self, path: Path) -> Reply:
        """Read which folder each file is in; names identify files, and no file is opened."""
        found: dict[tuple[str, str], list[str]] = {}
        reply = Reply()
        number = 0
        try:
            folders = sorted(entry.name for entry in os.scandir(path) if entry.is_dir(follow_symlinks=False))
            for folder in folders:
                for name in sorted(os.listdir(path / folder)):  # noqa: PTH208  # names, of links too
                    if name.startswith(".") or name.lower() in ("thumbs.db", "desktop.ini"):
                        continue
                    number += 1
                    mark = find_mark(name)
                    if mark is not None:
                        found.setdefault(mark, []).append(folder)
                    elif folder != UNLABELED:
                        where = f"{folder}/{name}"
                        reply.reject(number, f"'{where}' is not a file written by alkit")
        except OSError as error:
            raise InvalidAnswers(f"{path} cannot be listed: {error.strerror or error}") from error
        blank = 0
        for number, ((index, hash), places) in enumerate(found.items(), start=1):
            if places == [UNLABELED]:
                blank += 1
            elif len(places) > 1:
                reply.reject(number, f"image {index} is in {' and '.join(places)}; keep only one")
            else:
                label = RESERVED.get(places[0]) or unquote(places[0])
                reply.answers.append(GivenAnswer(number, index, label, hash=hash))
        return Reply(reply.answers, reply.rejected, blank)


def _escaped(name: str) -> str:
    """Turn a class name into a folder name."""
    letters = [f"%{ord(c):02X}" if c in ESCAPED or ord(c) < 32 else c for c in name]
    if letters[0] in "._ ":
        letters[0] = f"%{ord(letters[0]):02X}"
    if letters[-1] in ". ":
        letters[-1] = f"%{ord(letters[-1]):02X}"
    return "".join(letters)


@alkit.hookimpl
def alkit_formats() -> list[type[Format]]:
    """Offer folders."""
    return [Folders]
