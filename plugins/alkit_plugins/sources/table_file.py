"""One Parquet or Arrow file of images, as it lies on the disk."""

from __future__ import annotations

import importlib
import json
from functools import cached_property
from pathlib import Path
from typing import Any

from alkit.errors import SourceError, reason_of

IMAGES = ("image", "img", "picture", "photo", "pixel_values", "bytes", "content", "jpg", "jpeg", "png")
LABELS = ("label", "labels", "class", "category", "target", "fine_label", "cls")


class TableFile:
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
                self._file = library("pyarrow.parquet").ParquetFile(path, memory_map=True)
                schema, self.count = self._file.schema_arrow, self._file.metadata.num_rows
                sizes = [self._file.metadata.row_group(i).num_rows for i in range(self._file.num_row_groups)]
                starts = [sum(sizes[:i]) for i in range(len(sizes))]
        except SourceError:
            raise
        except Exception as error:  # pyarrow raises many kinds
            raise SourceError(f"'{path}' cannot be read: {reason_of(error)}") from error
        self._starts = starts
        self._image, self._named = _image_column(schema, path)
        self._label = next((name for name in LABELS if name in schema.names and name != self._image), None)
        self.class_names = _class_names(schema, self._label)
        plain = library("pyarrow.types")
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
            return library("pyarrow.compute").struct_field(values, inner) if inner else values
        values = self._file.read(columns=[column]).column(name)
        return library("pyarrow.compute").struct_field(values, inner) if inner else values


def _arrow_table(path: Path) -> Any:
    pyarrow = library("pyarrow")
    mapped = pyarrow.memory_map(str(path))
    try:
        return pyarrow.ipc.open_stream(mapped).read_all()
    except pyarrow.ArrowInvalid:
        return pyarrow.ipc.open_file(mapped).read_all()


def _image_column(schema: Any, path: Path) -> tuple[str, bool]:
    """Return the name of the column of images, and whether it names them."""
    types = library("pyarrow.types")
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


def library(name: str) -> Any:
    """Import a module of pyarrow.

    Raises:
        SourceError: it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise SourceError(
            f"Parquet files need {error.name}; install it with: pip install 'alkit[parquet]'"
        ) from error
