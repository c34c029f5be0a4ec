"""Numbers of images in files: embeddings and predictions of any model, made in whatever program."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alkit.errors import InvalidRows
from alkit.utils.files import check_regular

from .named_rows import KINDS, NamedRows

if TYPE_CHECKING:
    from .named_rows import Kind

__all__ = ["KINDS", "SUFFIXES", "NamedRows", "read_rows"]

SUFFIXES = (".npy", ".npz", ".csv", ".jsonl", ".parquet", ".json")


def read_rows(path: str | Path, kind: Kind) -> NamedRows:
    """Read the rows of a file; nothing is ever unpickled.

    Args:
        path: `.npy`, `.npz`, `.csv`, `.jsonl` or `.parquet`; predictions may also be results of
            COCO, `.json`, or a folder of YOLO's text files.
        kind: what to look for.

    Raises:
        InvalidRows: it cannot be read, or does not hold such rows.
        MissingExtra: pyarrow is needed and not installed.
    """
    path = Path(path).expanduser()
    if path.is_dir() and kind == "predictions":
        from .detections import read_yolo  # noqa: PLC0415  # numpy is slow to import

        return read_yolo(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise InvalidRows(f"'{path}' should end with {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}")
    try:
        check_regular(path)
    except (OSError, ValueError) as error:
        raise InvalidRows(f"'{path}' cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if suffix in (".npy", ".npz"):
        from .arrays import read_arrays  # noqa: PLC0415  # numpy is slow to import

        return read_arrays(path, kind)
    if suffix == ".csv":
        from .tables import read_csv  # noqa: PLC0415  # numpy is slow to import

        return read_csv(path, kind)
    if suffix == ".parquet":
        from .tables import read_parquet  # noqa: PLC0415  # numpy is slow to import

        return read_parquet(path, kind)
    if suffix == ".jsonl":
        from .lines import read_lines  # noqa: PLC0415  # numpy is slow to import

        return read_lines(path, kind)
    from .detections import read_detections  # noqa: PLC0415  # numpy is slow to import

    if kind != "predictions":
        raise InvalidRows(f"'{path}' is read as results of COCO, which are predictions and no {kind}")
    return read_detections(path)
