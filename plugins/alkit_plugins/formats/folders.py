"""Folders: one per class, as for ImageNet; to label, move a file from `_unlabeled` into a class's folder."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import ClassVar
from urllib.parse import unquote

import alkit
from alkit.errors import InvalidAnswers
from alkit.interfaces import Export, Format, Reply
from alkit.labeling import ABSTAIN, UNUSABLE, GivenAnswer, whole

from .image_folder import ImageFolder

UNLABELED = "_unlabeled"
RESERVED = {f"_{ABSTAIN}": ABSTAIN, f"_{UNUSABLE}": UNUSABLE}
OTHERS = (".json", ".xml")  # files of formats that have folders of images, too
IMAGES = frozenset({".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm"})
LITTER = frozenset({"thumbs.db", "desktop.ini"})
ESCAPED = frozenset('%/\\:*?"<>|')


@dataclass(kw_only=True)
class Folders(ImageFolder):
    """One folder per class, plus `_unlabeled`, `_abstain` and `_unusable`; file names identify the images.

    Characters that are not allowed in folder names, and `.` or `_` at the start, are written as in a URL: a
    slash is `%2F`.
    """

    name: ClassVar[str] = "folders"
    unit: ClassVar[str] = "file"

    def recognizes(self, path: Path) -> bool:
        """Accept a folder, or an archive of folders, with a folder `_unlabeled` or with images in folders."""
        if not (path.is_dir() or zipfile.is_zipfile(path)):
            return False
        files = _files(path)
        if any(name.lower().endswith(OTHERS) for name in _names(path)):
            return False
        images = [name for _, name in files if name and PurePath(name).suffix.lower() in IMAGES]
        return any(folder == UNLABELED for folder, _ in files) or (
            bool(images) and len(images) == sum(bool(name) for _, name in files)
        )

    def write(self, export: Export, path: Path) -> Sequence[Path]:
        """Make the folders, with the images in them."""
        words = {UNLABELED: None, **RESERVED}
        if export.query == 0:  # a data set: other programs take every folder for a class
            said = {item.answer for item in export.items}
            words = {name: word for name, word in words.items() if word in said}
        names = {word: name for name, word in words.items() if word not in export.classes}
        names |= {name: _escaped(name) for name in export.classes}
        with whole(path) as folder:
            for name in names.values():
                (folder / name).mkdir()
            for item in export.items:
                self.put(export, item, folder / names[item.answer] / item.name)
        return [path]

    def read(self, path: Path) -> Reply:
        """Read which folder each file is in; names identify files, and no file is opened."""
        found: dict[GivenAnswer, list[str]] = {}
        reply = Reply()
        for folder, name in _files(path):
            if name:
                found.setdefault(GivenAnswer.of_file(0, name, ""), []).append(folder)
        blank = 0
        for number, (given, places) in enumerate(found.items(), start=1):
            label = RESERVED.get(places[0]) or unquote(places[0])
            if places == [UNLABELED]:
                blank += 1
            elif len(places) > 1:
                name = given.image or f"image {given.index}"
                reply.reject(number, f"{name} is in {' and '.join(places)}; keep only one")
            else:
                reply.answers.append(replace(given, line=number, label=label))
        return Reply(reply.answers, reply.rejected, blank)


def _files(path: Path) -> list[tuple[str, str]]:
    """Return folder and name of each file in a folder, and the folders with an empty name, sorted.

    Folders that only wrap others do not count.

    Raises:
        InvalidAnswers: it cannot be listed.
    """
    try:
        parts = [name.split("/") for name in _names(path)]
    except (OSError, zipfile.BadZipFile) as error:
        raise InvalidAnswers(f"{path} cannot be listed: {error}") from error
    while len(top := {names[0] for names in parts}) == 1 and any(len(names) > 2 for names in parts):
        parts = [names[1:] for names in parts if len(names) > 1 and names[1]] if top else []
    return sorted((names[0], names[-1]) for names in parts if len(names) > 1 and not _is_litter(names))


def _names(path: Path) -> list[str]:
    """Return the paths of all files and folders in a folder or an archive."""
    return _packed(path) if path.is_file() else _listed(path)


def _listed(path: Path) -> list[str]:
    """Return the paths of files below a folder; those of folders end in a slash. Links are not followed."""
    found: list[str] = []
    for folder, folders, files in os.walk(path):
        prefix = Path(folder).relative_to(path).as_posix().removeprefix(".")
        prefix += "/" * bool(prefix)
        links = [name for name in folders if Path(folder, name).is_symlink()]
        found += [f"{prefix}{name}/" for name in folders if name not in links]
        found += [f"{prefix}{name}" for name in files]
    return found


def _packed(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


def _is_litter(names: Sequence[str]) -> bool:
    return names[-1].startswith(".") or names[-1].lower() in LITTER or "__MACOSX" in names


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
