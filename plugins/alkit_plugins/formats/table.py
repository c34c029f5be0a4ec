"""CSV: a table with a column `label` to fill in, in any spreadsheet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import alkit
from alkit.errors import InvalidAnswers
from alkit.interfaces import ALL_KINDS, Export, Format, Reply
from alkit.labeling import COLUMNS, choose_columns, parse_columns, read_answers, read_table, write_table

from .label_studio.flat import is_exported_table

TABLES = (".csv", ".tsv", ".tab")
WORKBOOKS = (".xlsx", ".xls", ".ods")


@dataclass(kw_only=True)
class CsvTable(Format):
    """The list of a query; images come back by path, file name, hash or index.

    Commas, semicolons or tabs; common names of columns, such as `filename` and `class`, are understood.
    Annotator, time and cost of an answer are optional.
    """

    name: ClassVar[str] = "csv"
    extensions: ClassVar[tuple[str, ...]] = (".csv",)
    kinds: ClassVar[frozenset[str]] = ALL_KINDS

    columns: str = alkit.option("", "columns by meaning, such as image=FILE,label=SPECIES")

    def recognizes(self, path: Path) -> bool:
        """Accept any file with the extension `.csv`, and a text whose first line has the columns."""
        if not path.is_file():
            return False
        table = path.suffix.lower() in TABLES
        try:
            header = read_table(path, most=0).header
            columns = choose_columns(header, str(path))
        except InvalidAnswers:
            if table or path.suffix.lower() in WORKBOOKS:
                raise
            return False
        if is_exported_table(header):
            return False
        return table or (columns.names_images and "label" in columns.single)

    def write(self, export: Export, path: Path) -> Sequence[Path]:
        """Write the columns of a query's list, and columns for notes and sources of copied labels if any."""
        rows: list[tuple[object, ...]] = []
        noted = any(item.note for item in export.items)
        copied = any(item.copied_from for item in export.items)
        for item in export.items:
            score = "" if item.score is None else f"{item.score:.6g}"
            named = (item.rank, item.index, item.image, score)
            more = (*([item.note] * noted), *([item.copied_from] * copied))
            rows.append((*named, export.strategy, export.cycle, item.answer or "", *more))
        write_table(path, (*COLUMNS, *(["note"] * noted), *(["copied_from"] * copied)), rows)
        return [path]

    def read(self, path: Path) -> Reply:
        """Read the lines that have a label."""
        table = read_answers(path, parse_columns(self.columns))
        return Reply(list(table.answers), list(table.rejected), table.blank, table.notes)


@alkit.hookimpl
def alkit_formats() -> list[type[Format]]:
    """Offer tables."""
    return [CsvTable]
