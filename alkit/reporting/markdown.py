"""A report as Markdown, its figures beside it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from .document import Block, Code, Facts, Figures, Items, Notice, Pictures, Report, Table, Text, Verdict

FIGURES = PurePosixPath("figures")


def to_markdown(report: Report) -> str:
    """Return the whole report; figures are referred to as `figures/NAME.svg`."""
    parts = [f"# {_plain(report.title)}", _plain(report.lead)]
    for section in report.sections:
        parts.append(f"## {_plain(section.title)}")
        parts += [_block(block) for block in section.blocks]
    return "\n\n".join(parts) + "\n"


def _block(block: Block) -> str:
    match block:
        case Text(text):
            return _plain(text)
        case Notice(text):
            return f"> **Note.** {_plain(text)}"
        case Verdict(text):
            return f"**{_plain(text)}**"
        case Items(items):
            return "\n".join(f"- {_plain(item)}" for item in items)
        case Facts(rows):
            return "\n".join(f"- {_plain(name)}: {_plain(value)}" for name, value in rows)
        case Table():
            return table(block)
        case Figures(figures, caption):
            images = "\n".join(f"![{_plain(figure.alt)}]({FIGURES / figure.name}.svg)" for figure in figures)
            return f"{images}\n\n{_plain(caption)}"
        case Pictures(pictures=pictures, caption=caption):
            lines = "\n".join(f"- {_plain(picture.alt)}" for picture in pictures)
            return f"{lines}\n\n{_plain(caption)}"
        case Code(text, language):
            fence = "```"
            while fence in text:
                fence += "`"
            return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def table(block: Table) -> str:
    """Return a table of pipes, with its note below."""
    marks = ["---" if column in block.words else "---:" for column in range(len(block.head))]
    lines = [_row(block.head), "|" + "|".join(marks) + "|", *(_row(row) for row in block.rows)]
    return "\n".join(lines) + (f"\n\n{_plain(block.note)}" if block.note else "")


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_plain(cell).replace("|", r"\|") for cell in cells) + " |"


def _plain(text: str) -> str:
    """Keep text from being taken for markup: one line, no tags, no emphasis, no links."""
    one_line = " ".join(text.split()).replace("&", "&amp;")
    return re.sub(r"<(?=\S)", "&lt;", re.sub(r"([\\`*\[\]])", r"\\\1", one_line))
