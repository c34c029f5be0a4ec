"""Parquet files, and folders of the `datasets` library, which is not needed to read them."""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import alkit
from alkit.data import ObjectSource
from alkit.errors import SourceError, UnusableImage

from .class_order import in_order
from .kept import KeptObjects
from .table_file import TableFile

SPLITS = {
    "train": "train",
    "training": "train",
    "test": "test",
    "testing": "test",
    "eval": "test",
    "evaluation": "test",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
}
GROUPS_KEPT = 4  # row groups in memory
WORD = re.compile(r"[a-z]+")


class ParquetSource(ObjectSource):
    """Images in Parquet or Arrow files: a file, a folder of them, or a folder of the `datasets` library.

    The images are in a column of bytes, or of `{bytes, path}` as in `datasets`; other columns are columns.
    Where names of files or folders say `train` and `test`, the pool is `train`; `parquet:FOLDER#SPLIT` is
    another split. A key is the path that the file gives for an image, or `FILE/ROW`.

    Args:
        place: a file or folder, or an address; `#SPLIT` may follow.
        root: where copies of files at an address are kept.

    Raises:
        SourceError: there are no images, a file cannot be read, or pyarrow is not installed.
    """

    name = "parquet"
    suffixes = (".parquet", ".arrow")
    folders = True

    def __init__(self, place: str, root: str | None = None) -> None:
        self.root = root
        self._place, _, split = place.rpartition("#") if _has_split(place) else (place, "", "")
        if "://" not in self._place:
            self._place = str(Path(self._place).expanduser().absolute())
        self._by_split = _files(self._place, root)
        names = list(self._by_split)
        self._split = split or next((name for name in ("train", "") if name in names), names[0])
        if self._split not in self._by_split:
            raise SourceError(
                f"'{self._place}' has no split '{self._split}'; its splits are {', '.join(map(repr, names))}"
            )
        self.location = f"{self.name}:{self._place}" + (f"#{self._split}" if split else "")
        self._files = [TableFile(path()) for path in self._by_split[self._split]]
        self._rows = self._named()
        if not self._rows:
            raise SourceError(f"'{self._place}' holds no images")
        self._groups: OrderedDict[tuple[int, int], Any] = OrderedDict()
        self._lock = threading.Lock()
        self.classes = self._classes()

    @classmethod
    def open(cls, location: str, *, root: str | None = None, download: bool = False) -> alkit.Source:
        """Open the files."""
        return cls(location.removeprefix(f"{cls.name}:"), root)

    def keys(self) -> list[str]:
        """Return the paths of all images, or `FILE/ROW`, in the order of files and rows."""
        return list(self._rows)

    def content(self, key: str) -> bytes:
        """Return the bytes of an image; the group of rows around it is read once for its neighbors, too."""
        if key not in self._rows:
            raise UnusableImage("there is no such row")
        file, row = self._rows[key]
        return self._bytes(file, row)

    def answers(self) -> dict[str, str]:
        """Return the labels of the rows that have one."""
        return dict(self._labels)

    def columns(self) -> dict[str, dict[str, str]]:
        """Return the columns that hold text, numbers or truth."""
        found: dict[str, dict[str, str]] = {}
        values = [(file, {name: file.texts(name) for name in file.others}) for file in self._files]
        for key, (number, row) in self._rows.items():
            for name, texts in values[number][1].items():
                if (text := texts[row]) is not None:
                    found.setdefault(name, {})[key] = text
        return found

    def test_split(self) -> alkit.Source | None:
        """Return the split `test`, or else `validation`."""
        others = [name for name in ("test", "validation") if name in self._by_split and name != self._split]
        if self._split != "train" or not others:
            return None
        return ParquetSource(f"{self._place}#{others[0]}", self.root)

    def _named(self) -> dict[str, tuple[int, int]]:
        """Return file and row of each image by its key."""
        given = [path for file in self._files for path in file.paths]
        unique = all(given) and len(set(given)) == len(given)
        rows: dict[str, tuple[int, int]] = {}
        for number, file in enumerate(self._files):
            digits = len(str(max(0, file.count - 1)))
            for row in range(file.count):
                key = file.paths[row] if unique else f"{file.path.stem}/{row:0{digits}}"
                if key in rows:  # two files of the same name
                    key = f"{number}/{key}"
                rows[key] = (number, row)
        return rows

    @cached_property
    def _labels(self) -> dict[str, str]:
        texts = [file.labels() for file in self._files]
        return {
            key: label for key, (file, row) in self._rows.items() if (label := texts[file][row]) is not None
        }

    def _classes(self) -> tuple[str, ...]:
        known = next((file.class_names for file in self._files if file.class_names), ())
        return known or in_order(self._labels.values())

    def _bytes(self, number: int, row: int) -> bytes:
        file = self._files[number]
        group, first = file.group_of(row)
        with self._lock:
            if (number, group) not in self._groups:
                while len(self._groups) >= GROUPS_KEPT:
                    self._groups.popitem(last=False)
                self._groups[number, group] = file.images(group)
            self._groups.move_to_end((number, group))
            values = self._groups[number, group]
        value = values[row - first].as_py()
        content = value.get("bytes") if isinstance(value, dict) else value
        if not content:
            raise UnusableImage("the row has no bytes of an image")
        return bytes(content)


def _has_split(place: str) -> bool:
    return "#" in place and ("://" in place or not Path(place).expanduser().exists())


def _files(place: str, root: str | None) -> dict[str, list[Callable[[], Path]]]:
    """Return what gives the files of each split, sorted; the split is empty where names do not say it."""
    found: dict[str, Callable[[], Path]]
    if "://" in place:
        objects = KeptObjects(place, root)
        if objects.is_one_object():
            return {"": [objects.file]}
        names = [name for name in objects.listed() if name.lower().endswith(ParquetSource.suffixes)]
        found = {name: partial(objects.file, name) for name in names}
    else:
        path = Path(place)
        if path.is_file():
            return {"": [partial(Path, path)]}
        if not path.is_dir():
            raise SourceError(f"there is no file or folder '{place}'")
        found = {
            p.relative_to(path).as_posix(): partial(Path, p)
            for p in sorted(path.rglob("*"))
            if p.name.lower().endswith(ParquetSource.suffixes)
            and not any(part.startswith((".", "cache-")) for part in p.relative_to(path).parts)
        }
    if not found:
        raise SourceError(f"'{place}' holds no .parquet or .arrow files")
    splits: dict[str, list[Callable[[], Path]]] = {}
    for name in sorted(found):
        splits.setdefault(_split_of(name), []).append(found[name])
    return splits


def _split_of(name: str) -> str:
    """Return the split that the path of a file says, or nothing."""
    *folders, file = name.lower().split("/")
    words = [word for folder in folders for word in WORD.findall(folder)[:1]]
    words += WORD.findall(file.rpartition(".")[0])
    return next((SPLITS[word] for word in words if word in SPLITS), "")


@alkit.hookimpl
def alkit_sources() -> list[type[alkit.Source]]:
    """Offer the source."""
    return [ParquetSource]
