"""What a file or folder contains, in a few words, for people whose file was not understood."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from alkit.errors import InvalidAnswers

from .safe_reading import load_json

SHOWN = 6


def describe(path: Path) -> str:
    """Say what a file or folder contains; never raises."""
    try:
        if path.is_dir():
            return f"a folder with {_listed(sorted(os.listdir(path)))}"  # noqa: PTH208  # names only
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                return f"an archive with {_listed(archive.namelist())}"
        with open(path, "rb") as file:
            start = file.read(200)
    except (OSError, zipfile.BadZipFile) as error:
        return f"something that cannot be read ({error})"
    if not start:
        return "an empty file"
    try:
        return describe_json(load_json(path))
    except InvalidAnswers:
        pass
    if 0 in start:
        return "not text"
    return f"text that begins with {start.decode('utf-8', 'replace').split(chr(10))[0].strip()[:80]!r}"


def describe_json(content: Any) -> str:
    """Say what a JSON value contains."""
    if isinstance(content, dict):
        return f"a JSON object with the keys {_listed(content)}"
    if isinstance(content, list):
        if content and isinstance(content[0], dict):
            return f"a list of {len(content):,} JSON objects with the keys {_listed(content[0])}"
        return f"a JSON list of {len(content):,} items"
    return "a single JSON value"


def _listed(names: Iterable[Any]) -> str:
    texts = [str(name)[:60] for name in names]
    more = [f"{len(texts) - SHOWN} more"] if len(texts) > SHOWN else []
    return ", ".join([*texts[:SHOWN], *more]) or "nothing"
