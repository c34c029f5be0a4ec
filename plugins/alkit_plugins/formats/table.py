"""CSV: a table with a column `label` to fill in, in any spreadsheet."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import alkit
from alkit.interfaces import Export, Format, Reply
from alkit.labeling import COLUMNS, REFERENCES, read_answers, write_table


@dataclass(kw_only=True)
class CsvTable(Format):
    """The list of a query; images come back by path, index or hash, optionally with annotator, time, cost."""

    name: ClassVar[str] = "csv"
    extensions: ClassVar[tuple[str, ...]] = (".csv",)

    def recognizes(self, path: Path) -> bool:
        """Accept any file with the extension `.csv`, and a text whose first line has the columns."""
        if not path.is_file():
            return False
        if path.suffix.lower() in self.extensions:
            return True
        try:
            with open(path, encoding="utf-8-sig", newline="") as file:
                header = next(csv.reader([file.readline(10_000)], strict=True), [])
        except (OSError, UnicodeDecodeError, csv.Error):
            return False
        columns = {name.strip().lower() for name in header}
        return "label" in columns and not columns.isdisjoint(REFERENCES)

    def write(self, export: Export, path: Path) -> Sequence[Path]:
        """Write the columns of a query's list."""
        rows = []
        for item in export.items:
            score = "" if item.score is None else f"{item.score:.6g}"
            named = (item.rank, item.index, item.image, score)
            rows.append((*named, export.strategy, export.cycle, item.answer or ""))
        write_table(path, COLUMNS, rows)
        return [path]

    def read(self, path: Path) -> Reply:
        """Read the lines that have a label."""
        return Reply(*read_answers(path))


@alkit.hookimpl
def alkit_formats() -> list[type[Format]]:
    """Offer tables."""
    return [CsvTable]
