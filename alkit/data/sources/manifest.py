"""A CSV manifest: one image per row, with its label if known."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from urllib.parse import unquote

from alkit.data.columns import Columns, choose_columns
from alkit.data.text_tables import Table, is_empty, read_table
from alkit.errors import InvalidAnswers, SourceError
from alkit.utils.counts import counted
from alkit.utils.files import check_regular

from .files import FileSource

MOST_BYTES = 2**30


class Manifest(FileSource):
    """The files named in column `image`, in the order of the rows; column `label` holds hidden answers.

    Paths are relative to the manifest, or absolute; a key is the path as written. Where there is no such
    file, backslashes are slashes, `%20` is a space, accents may be composed or not, and the root of another
    machine is left out. Other common names of the two columns are understood; others are `columns`.
    A file that is missing is an unusable image, not an error.

    Raises:
        SourceError: it cannot be read as a table, has no column `image`, no rows, or an image twice.
    """

    def __init__(self, file: Path) -> None:
        super().__init__(str(file), str(file.parent))
        try:
            check_regular(file, most=MOST_BYTES)
        except OSError as error:
            raise SourceError(f"'{file}' cannot be read: {error.strerror}") from error
        self._folder = file.parent
        self._places: dict[str, str] = {}
        try:
            table = read_table(file)
            columns = choose_columns(table.header, str(file))
        except InvalidAnswers as error:
            raise SourceError(f"manifest {error}") from error
        if not columns.images:
            raise SourceError(
                f"manifest '{file}' has no column 'image'; its columns are "
                f"{', '.join(map(repr, table.header)) or 'none'}"
            )
        self._labels: dict[str, str] = {}
        self._words: dict[str, str] = {}
        self._cells: dict[str, dict[str, str]] = {}
        self._rows = self._parsed(table, columns)
        if not self._rows:
            raise SourceError(f"manifest '{file}' names no images; add a row for each image below the header")
        self.notes = tuple(f"manifest: {note}" for note in (*table.notes, *columns.notes, *self._blanked()))
        self.classes = tuple(sorted(set(self._labels.values())))

    def _parsed(self, table: Table, columns: Columns) -> list[str]:
        rows: dict[str, int] = {}
        for row in table.rows:
            where = f"line {row.line} of manifest '{self.location}'"
            place = columns.images[0]
            key = row.cells[place] if place < len(row.cells) else ""
            if len(row.cells) > len(table.header):
                raise SourceError(f"{where} has more fields than the header; quote fields that hold a comma")
            if not key.strip():
                raise SourceError(f"{where} names no image; fill it in or remove the row")
            if key in rows:
                raise SourceError(
                    f"{where} names '{key}' again, after line {rows[key]}; remove one of the rows"
                )
            rows[key] = row.line
            for at, (name, cell) in enumerate(zip(table.header, row.cells, strict=False)):
                if at not in (*columns.images, columns.single.get("label")) and name.strip() and cell.strip():
                    self._cells.setdefault(name.strip(), {})[key] = cell.strip()
            label = unicodedata.normalize("NFC", columns.cell(row.cells, "label").strip())
            if label:
                self._labels[key] = label
        return list(rows)

    def _blanked(self) -> list[str]:
        """Forget labels that are a program's words for an empty cell, unless there are no others; say so."""
        words = {label for label in self._labels.values() if is_empty(label)}
        if not words or words == set(self._labels.values()):
            return []
        self._words = {key: label for key, label in self._labels.items() if label in words}
        self._labels = {key: label for key, label in self._labels.items() if label not in words}
        return [
            f"{counted(len(self._words), 'label counts', 'labels count')} as empty: "
            f"{', '.join(sorted(words))}"
        ]

    def path(self, key: str) -> Path:
        """Return where the file is, or should be."""
        if key not in self._places:
            written = str(super().path(key))
            found = (place for place in _places(key, self._folder) if os.path.lexists(place))
            self._places[key] = written if os.path.lexists(written) else next(found, written)
        return Path(self._places[key])

    def keys(self) -> list[str]:
        """Return the paths as written, in the order of the rows."""
        return list(self._rows)

    def columns(self) -> dict[str, dict[str, str]]:
        """Return the other columns, by their names in the header."""
        return {name: dict(cells) for name, cells in self._cells.items()}

    def answers(self) -> dict[str, str]:
        """Return the labels of the rows that have one."""
        if not self.nothing or self.nothing not in self._words.values():
            return dict(self._labels)
        found = self._labels | {key: word for key, word in self._words.items() if word == self.nothing}
        return {key: found[key] for key in self._rows if key in found}


def _places(key: str, folder: Path) -> Iterator[str]:
    """Yield where the file of a written path may be, apart from just there."""
    plain = key.strip()
    slashed = plain.replace("\\", "/")
    for path in dict.fromkeys((plain, slashed, unquote(slashed).removeprefix("file://"))):
        for form in ("NFC", "NFD"):
            yield str(folder / unicodedata.normalize(form, path))
    if PureWindowsPath(plain).is_absolute() or PurePosixPath(slashed).is_absolute():
        parts = [part for part in slashed.split("/") if part]
        for start in range(1, len(parts)):
            yield str(folder / "/".join(parts[start:]))
