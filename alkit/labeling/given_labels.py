"""Labels that somebody has already: a table, or a folder of masks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from .csv_table import TableAnswers, read_answers
from .mask_folder import read_mask_folder


def read_labels(path: Path, columns: Mapping[str, str] | None = None) -> TableAnswers:
    """Read a table of answers, or a folder of masks named like their images.

    Args:
        path: the file or folder.
        columns: names of columns by meaning, where they have names of their own.

    Raises:
        InvalidAnswers: it is neither.
    """
    return read_mask_folder(path) if path.is_dir() else read_answers(path, columns)
