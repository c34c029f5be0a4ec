"""A CSV manifest: one image per row, with its label if known."""

from __future__ import annotations

import csv
from pathlib import Path

from alkit.errors import SourceError

from .files import FileSource


class Manifest(FileSource):
    """The files named in column `image`, in the order of the rows; column `label` holds hidden answers.

    Paths are relative to the manifest, or absolute; a key is the path as written. Other columns are ignored.
    A file that is missing is an unusable image, not an error.

    Raises:
        SourceError: it is not UTF-8 or CSV, has no column `image`, no rows, or an image twice.
    """

    def __init__(self, file: Path) -> None:
        super().__init__(str(file), str(file.parent))
        self._labels: dict[str, str] = {}
        try:
            with file.open(encoding="utf-8-sig", newline="") as lines:
                self._rows = self._parsed(csv.DictReader(lines, strict=True))
        except UnicodeDecodeError as error:
            raise SourceError(f"manifest '{file}' is not UTF-8 text ({error}); save it as UTF-8") from error
        except csv.Error as error:
            raise SourceError(f"manifest '{file}' is not well-formed CSV: {error}") from error
        except OSError as error:
            raise SourceError(f"manifest '{file}' cannot be read: {error.strerror}") from error
        if not self._rows:
            raise SourceError(f"manifest '{file}' names no images; add a row for each image below the header")
        self.classes = tuple(sorted(set(self._labels.values())))

    def _parsed(self, reader: csv.DictReader[str]) -> list[str]:
        names = [name.strip() for name in reader.fieldnames or []]
        reader.fieldnames = names
        if "image" not in names:
            raise SourceError(
                f"manifest '{self.location}' has no column 'image'; its columns are "
                f"{', '.join(map(repr, names)) or 'none'}"
            )
        rows: dict[str, int] = {}
        for row in reader:
            where = f"line {reader.line_num} of manifest '{self.location}'"
            key = row["image"]
            if None in row:
                raise SourceError(f"{where} has more fields than the header; quote fields that hold a comma")
            if not key:
                raise SourceError(f"{where} names no image; fill it in or remove the row")
            if key in rows:
                raise SourceError(
                    f"{where} names '{key}' again, after line {rows[key]}; remove one of the rows"
                )
            rows[key] = reader.line_num
            label = (row.get("label") or "").strip()
            if label:
                self._labels[key] = label
        return list(rows)

    def keys(self) -> list[str]:
        """Return the paths as written, in the order of the rows."""
        return list(self._rows)

    def answers(self) -> dict[str, str]:
        """Return the labels of the rows that have one."""
        return dict(self._labels)
