"""Parquet files, and folders of the `datasets` library, which is not needed to read them."""

from __future__ import annotations

import importlib
import json
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import alkit
from alkit.data import DecodedImage, ObjectSource, decode
from alkit.errors import SourceError, UnusableImage

from .kept import KeptObjects

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
IMAGES = ("image", "img", "picture", "photo", "pixel_values", "bytes", "content", "jpg", "jpeg", "png")
LABELS = ("label", "labels", "class", "category", "target", "fine_label", "cls")
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
        self._files = [_File(path()) for path in self._by_split[self._split]]
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
        """Return the bytes of an image."""
        if key not in self._rows:
            raise UnusableImage("there is no such row")
        file, row = self._rows[key]
        return self._bytes(file, row)

    def looks(
        self, keys: Sequence[str], *, at_least: tuple[int, int] | None = None
    ) -> Iterator[DecodedImage]:
        """Yield what `read` returns; neighbors come from one group of rows, which is read once."""
        for key in keys:
            try:
                yield decode(self.content(key), self.pixel_type, self.value_range, at_least=at_least)
            except UnusableImage as error:
                yield DecodedImage("", unusable=str(error))

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
        return known or tuple(sorted(set(self._labels.values()), key=_number_first))

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


class _File:
    """One Parquet or Arrow file.

    Attributes:
        path: of the file.
        count: rows.
        paths: what the file calls each image; empty where it has no names.
        others: columns besides image and label.
        class_names: where labels are numbers, what they mean.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._table: Any = None
        self._file: Any = None
        try:
            if path.suffix.lower() == ".arrow":
                self._table = _arrow_table(path)
                schema, self.count = self._table.schema, self._table.num_rows
                starts = [0]
            else:
                self._file = _library("pyarrow.parquet").ParquetFile(path, memory_map=True)
                schema, self.count = self._file.schema_arrow, self._file.metadata.num_rows
                sizes = [self._file.metadata.row_group(i).num_rows for i in range(self._file.num_row_groups)]
                starts = [sum(sizes[:i]) for i in range(len(sizes))]
        except SourceError:
            raise
        except Exception as error:  # pyarrow raises many kinds
            raise SourceError(f"'{path}' cannot be read: {str(error).splitlines()[0]}") from error
        self._starts = starts
        self._image, self._named = _image_column(schema, path)
        self._label = next((name for name in LABELS if name in schema.names and name != self._image), None)
        self.class_names = _class_names(schema, self._label)
        plain = _library("pyarrow.types")
        kinds = (
            plain.is_string,
            plain.is_large_string,
            plain.is_integer,
            plain.is_floating,
            plain.is_boolean,
        )
        self.others = [
            field.name
            for field in schema
            if field.name not in (self._image, self._label) and any(kind(field.type) for kind in kinds)
        ]

    @cached_property
    def paths(self) -> list[str]:
        """Return what the file calls each image."""
        if not self._named:
            return [""] * self.count
        return [value or "" for value in self._read(f"{self._image}.path").to_pylist()]

    def group_of(self, row: int) -> tuple[int, int]:
        """Return the group of a row, and the first row of that group."""
        number = max(i for i, start in enumerate(self._starts) if start <= row)
        return number, self._starts[number]

    def images(self, group: int) -> Any:
        """Return the images of a group of rows."""
        if self._table is not None:
            return self._table.column(self._image)
        return self._file.read_row_group(group, columns=[self._image]).column(self._image)

    def labels(self) -> list[str | None]:
        """Return the label of each row."""
        if self._label is None:
            return [None] * self.count
        names = self.class_names
        return [
            names[int(text)]
            if names and text is not None and text.isdecimal() and int(text) < len(names)
            else None
            if names or not text
            else text
            for text in self.texts(self._label)
        ]

    def texts(self, column: str) -> list[str | None]:
        """Return the values of a column as text."""
        return [
            None if value is None else value if isinstance(value, str) else json.dumps(value, default=str)
            for value in self._read(column).to_pylist()
        ]

    def _read(self, column: str) -> Any:
        name, _, inner = column.partition(".") if column not in self.others else (column, "", "")
        if self._table is not None:
            values = self._table.column(name).combine_chunks()
            return _library("pyarrow.compute").struct_field(values, inner) if inner else values
        values = self._file.read(columns=[column]).column(name)
        return _library("pyarrow.compute").struct_field(values, inner) if inner else values


def _arrow_table(path: Path) -> Any:
    pyarrow = _library("pyarrow")
    mapped = pyarrow.memory_map(str(path))
    try:
        return pyarrow.ipc.open_stream(mapped).read_all()
    except pyarrow.ArrowInvalid:
        return pyarrow.ipc.open_file(mapped).read_all()


def _image_column(schema: Any, path: Path) -> tuple[str, bool]:
    """Return the name of the column of images, and whether it names them."""
    types = _library("pyarrow.types")
    structs = [
        field.name
        for field in schema
        if types.is_struct(field.type) and field.type.get_field_index("bytes") >= 0
    ]
    plain = [
        field.name for field in schema if types.is_binary(field.type) or types.is_large_binary(field.type)
    ]
    for names, struct in ((structs, True), (plain, False)):
        known = [name for name in IMAGES if name in names]
        if known or len(names) == 1:
            name = known[0] if known else names[0]
            return name, struct and schema.field(name).type.get_field_index("path") >= 0
    found = ", ".join(repr(f"{field.name} ({field.type})") for field in schema)
    raise SourceError(f"'{path}' has no column of images as bytes; its columns are {found}")


def _class_names(schema: Any, label: str | None) -> tuple[str, ...]:
    """Return the names that `datasets` keeps beside the numbers of a label."""
    try:
        facts = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        names = facts["info"]["features"][label]["names"]
    except (ValueError, KeyError, TypeError):
        return ()
    return tuple(map(str, names)) if isinstance(names, list) else ()


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


def _number_first(text: str) -> tuple[int, str]:
    return (int(text), "") if text.isdecimal() and len(text) < 10 else (10**10, text)


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise SourceError(
            f"Parquet files need {error.name}; install it with: pip install 'alkit[parquet]'"
        ) from error


@alkit.hookimpl
def alkit_sources() -> list[type[alkit.Source]]:
    """Offer the source."""
    return [ParquetSource]
