"""Labels that somebody has already: a table, or a folder of masks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from alkit.errors import InvalidAnswers

from .csv_table import TableAnswers, read_answers
from .mask_folder import read_mask_folder

MASK = "mask"


def read_labels(path: Path, columns: Mapping[str, str] | None = None, *, kind: str = MASK) -> TableAnswers:
    """Read a table of answers, or a folder of masks named like their images.

    Args:
        path: the file or folder.
        columns: names of columns by meaning, where they have names of their own.
        kind: of the labels; only masks are read from a folder.

    Raises:
        InvalidAnswers: it is neither, or a folder of labels that are no masks.
    """
    if not path.is_dir():
        return read_answers(path, columns)
    if kind != MASK:
        raise InvalidAnswers(
            f"{path} is a folder, and only masks are read from one; name a table image,label, or take in "
            "folders of classes later, with 'alkit ingest'"
        )
    return read_mask_folder(path)
