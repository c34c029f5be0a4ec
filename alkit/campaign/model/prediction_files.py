"""Files of predictions: a partial one that a killed run continues, then CSV, JSON Lines, Parquet or COCO."""

from __future__ import annotations

import csv
import itertools
import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from alkit.errors import UsageError
from alkit.utils.extras import need
from alkit.utils.files import written_atomically

from .box_predictions import write_coco
from .predictions import PredictedImage, spread_name

if TYPE_CHECKING:
    from typing_extensions import Self

Write = Callable[[Iterator[PredictedImage], Sequence[str], str, Path], None]

ROWS_AT_ONCE = 10_000  # in memory, for Parquet
COCO = ".json"
PROBABILITY = "p_"  # before the name of a class, in the name of a column


class PartialPredictions:
    """The predictions so far, one JSON line each, beside the file that they become.

    The first line identifies what is predicted with which model. A file that begins otherwise is begun anew.

    Args:
        path: of the final file.
        identity: of everything that the predictions are made from.
    """

    def __init__(self, path: Path, identity: str) -> None:
        self.path = path.with_name(f"{path.name}.partial")
        self._header = json.dumps({"predictions": identity}) + "\n"
        self.done = self._kept()
        self._file: IO[str] = open(self.path, "a", encoding="utf-8", newline="\n")  # noqa: SIM115
        if self._file.tell() == 0:
            self._file.write(self._header)

    def _kept(self) -> int:
        """Count the rows of an interrupted run, and cut off a torn last line."""
        if not self.path.exists():
            return 0
        with open(self.path, "r+b") as file:
            if file.readline() != self._header.encode():
                file.truncate(0)
                return 0
            rows, end = 0, file.tell()
            for line in file:
                if not line.endswith(b"\n"):
                    break
                rows, end = rows + 1, end + len(line)
            file.truncate(end)
        return rows

    def append(self, images: Sequence[PredictedImage]) -> None:
        """Add rows, which a killed process leaves behind."""
        self._file.writelines(json.dumps(image.as_dict(), ensure_ascii=False) + "\n" for image in images)
        self._file.flush()

    def rows(self) -> Iterator[PredictedImage]:
        """Read the rows again, in order."""
        with open(self.path, encoding="utf-8", newline="\n") as file:
            next(file)
            yield from (PredictedImage.from_dict(json.loads(line)) for line in file)

    def close(self) -> None:
        """Close the file, which stays."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def writer_for(path: Path) -> Write:
    """Return the function that writes a file of this name.

    Raises:
        UsageError: the name does not tell the format.
        MissingExtra: pyarrow is needed and not installed.
    """
    suffix = path.suffix.lower()
    if suffix not in _WRITERS:
        raise UsageError(
            f"a file of predictions should end with {', '.join(_WRITERS)}, unlike '{path}'; name another "
            "with --out"
        )
    if suffix == ".parquet":
        need("pyarrow.parquet", "parquet")
    return _WRITERS[suffix]


def write(rows: Iterator[PredictedImage], classes: Sequence[str], path: Path, *, kind: str = "class") -> None:
    """Write all rows to a file, completely or not at all.

    Args:
        rows: of all images.
        classes: whose probabilities are written, none if the rows have no probabilities; of COCO, all.
        path: of the file, whose ending is the format.
        kind: of the labels.
    """
    with written_atomically(path) as temporary:
        writer_for(path)(rows, classes, kind, temporary)


def _write_csv(rows: Iterator[PredictedImage], classes: Sequence[str], kind: str, path: Path) -> None:
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_columns(classes, kind))
        writer.writerows(["" if cell is None else cell for cell in _cells(row, classes)] for row in rows)


def _write_lines(rows: Iterator[PredictedImage], classes: Sequence[str], kind: str, path: Path) -> None:
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.writelines(json.dumps(row.as_dict(), ensure_ascii=False) + "\n" for row in rows)


def _write_parquet(rows: Iterator[PredictedImage], classes: Sequence[str], kind: str, path: Path) -> None:
    arrow, parquet = need("pyarrow", "parquet"), need("pyarrow.parquet", "parquet")
    types = [arrow.string(), arrow.string(), arrow.float64(), arrow.string()]
    types += [arrow.float64()] * len(classes)
    names = _columns(classes, kind)
    schema = arrow.schema(list(zip(names, types, strict=True)))
    with parquet.ParquetWriter(path, schema) as writer:
        while block := list(itertools.islice(rows, ROWS_AT_ONCE)):
            columns = zip(*(_cells(row, classes) for row in block), strict=True)
            arrays = [arrow.array(column, type_) for column, type_ in zip(columns, types, strict=True)]
            writer.write_table(arrow.Table.from_arrays(arrays, schema=schema))


def _write_coco(rows: Iterator[PredictedImage], classes: Sequence[str], kind: str, path: Path) -> None:
    write_coco(rows, classes, path)


def _columns(classes: Sequence[str], kind: str) -> list[str]:
    return ["path", kind, spread_name(kind), "error", *(f"{PROBABILITY}{name}" for name in classes)]


def _cells(row: PredictedImage, classes: Sequence[str]) -> list[Any]:
    found = row.probabilities or {}
    return [row.path, row.label, row.confidence, row.error, *(found.get(name) for name in classes)]


_WRITERS: dict[str, Write] = {
    ".csv": _write_csv,
    ".jsonl": _write_lines,
    ".parquet": _write_parquet,
    COCO: _write_coco,
}


def refuse_to_overwrite(path: Path, *, force: bool) -> None:
    """Check that a file may be written.

    Raises:
        UsageError: it exists, and nobody has asked to overwrite it; or its folder does not exist.
    """
    if os.path.lexists(path) and not (force and path.is_file()):
        way = "move it" if path.is_dir() else "overwrite it with --force"
        raise UsageError(f"{path} already exists; {way}, or name another file with --out")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"there is no folder {path.parent}; make it, or name another file with --out")
