"""Files that several formats look at before one of them reads them, and the numbers in them."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from alkit.errors import InvalidAnswers
from alkit.labeling import load_json_parts

DEPTHS = ("*", "*/*", "*/*/*")


def json_of(path: Path, ending: str = ".json") -> list[tuple[str, Any]]:
    """Return what a JSON file or the JSON files of an archive contain; nothing of any other kind of file.

    Raises:
        InvalidAnswers: its name ends in `.json`, but it cannot be read as JSON.
    """
    try:
        return load_json_parts(path, ending)
    except InvalidAnswers:
        if path.suffix.lower() == ".json" and not zipfile.is_zipfile(path):
            raise
        return []


def is_there(path: Path, endings: Sequence[str], *, but: Sequence[str] = ()) -> bool:
    """Say whether a folder, at most two folders deep, or an archive has a file whose name ends so.

    Args:
        path: of the folder or archive.
        endings: of names, in lower case.
        but: endings of names that do not count.
    """
    return any(name.endswith(tuple(endings)) and not name.endswith(tuple(but)) for name in _names(path))


def _names(path: Path) -> Iterator[str]:
    if path.is_dir():
        yield from (file.name.lower() for depth in DEPTHS for file in path.glob(depth))
    elif path.is_file() and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            yield from map(str.lower, archive.namelist())


def number_of(value: Any) -> float | None:
    """Return a number of JSON; None if it is something else, or too large for a float."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value)
    except OverflowError:
        return None
