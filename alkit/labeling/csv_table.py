"""Answers in a CSV file: `image,label[,annotator][,time][,cost]`."""

from __future__ import annotations

import csv
import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from alkit.errors import InvalidAnswers
from alkit.utils.files import check_regular, write_atomically

from .rejection import Rejection

MAX_BYTES = 2**30
REFERENCES = ("image", "path", "index", "hash")
"""The columns that can name the image of a line."""
ABSTAIN = "abstain"
"""The answer of an annotator who cannot tell."""
UNUSABLE = "unusable"
"""The answer for an image that nobody can label."""


@dataclass(frozen=True, slots=True)
class GivenAnswer:
    """One answer as it came in: the line, the image as it was named, and the text of the label.

    Attributes:
        line: in the file, from 1; 0 if there is no file.
        image: path, index or hash, as it was written: a file's name may begin or end with a space.
        label: a class name, `abstain` or `unusable`, as it was written; see `meant`.
        hash: the beginning of the image's content hash, if the file gives it; `image` is then its index.
    """

    line: int
    image: str
    label: str
    annotator: str = ""
    time: str = ""
    cost: float | None = None
    hash: str = ""

    def meant(self, classes: Collection[str]) -> str:
        """Return the label as it was written if that is a class, or else without spaces around it."""
        return self.label if self.label in classes else self.label.strip()


def read_answers(path: Path, *, annotator: str = "") -> tuple[list[GivenAnswer], list[Rejection], int]:
    """Read a CSV file of answers.

    Args:
        path: the file; UTF-8, with a header.
        annotator: who answered, if the file does not say so.

    Returns:
        The answers, the lines that cannot be understood with the reason, and the number of lines without a
        label (not answered yet).

    Raises:
        InvalidAnswers: it is not such a file.
    """
    answers: list[GivenAnswer] = []
    rejected: list[Rejection] = []
    blank = 0
    try:
        check_regular(path, most=MAX_BYTES)
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, strict=True)
            columns = [name.strip().lower() for name in reader.fieldnames or ()]
            reader.fieldnames = columns
            reference = next((name for name in REFERENCES if name in columns), None)
            if reference is None or "label" not in columns:
                raise InvalidAnswers(
                    f"{path} should have the columns image and label, but has {', '.join(columns) or 'none'}"
                )
            for row in reader:
                if None in row:
                    rejected.append(Rejection(reader.line_num, "has more cells than the header"))
                    continue
                label, image = row["label"] or "", row[reference] or ""
                if not label.strip():
                    blank += 1
                elif not image.strip():
                    rejected.append(Rejection(reader.line_num, "names no image"))
                else:
                    answers.append(
                        GivenAnswer(
                            reader.line_num,
                            image,
                            label,
                            (row.get("annotator") or annotator).strip(),
                            (row.get("time") or "").strip(),
                            _cost(row.get("cost"), reader.line_num, rejected),
                        )
                    )
    except FileNotFoundError:
        raise InvalidAnswers(f"there is no file {path}") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidAnswers(f"{path} cannot be read as CSV in UTF-8: {error}") from error
    bad = {rejection.line for rejection in rejected}
    return [answer for answer in answers if answer.line not in bad], rejected, blank


def write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV file in UTF-8 that `read_answers` reads back unchanged."""
    lines: list[str] = []
    # A carriage return in a cell is quoted only where lines end with one, which they should not.
    writer = csv.writer(SimpleNamespace(write=lines.append), lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows(rows)
    write_atomically(path, "".join(line.removesuffix("\r\n") + "\n" for line in lines))


def _cost(text: str | None, line: int, rejected: list[Rejection]) -> float | None:
    if not (text or "").strip():
        return None
    try:
        cost = float(str(text))
    except ValueError:
        cost = math.nan
    if math.isfinite(cost):
        return cost
    rejected.append(Rejection(line, f"cost '{text}' is not a number"))
    return None


COLUMNS = ("rank", "index", "image", "score", "strategy", "cycle", "label")
"""The columns of a query's list."""
