"""Files that several formats look at before one of them reads them."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

from alkit.errors import InvalidAnswers
from alkit.labeling import load_json_parts


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
