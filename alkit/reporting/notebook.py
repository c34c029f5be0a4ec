"""What a notebook shows of a record: sentences, tables and pictures as HTML, every text escaped."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from alkit.utils.console import one_line

MOST_ROWS = 20


def line(text: str) -> str:
    """Return a sentence."""
    return f"<div>{_text(text)}</div>"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, most: int = MOST_ROWS) -> str:
    """Return a table; rows beyond the first `most` are only counted."""
    rows = list(rows)
    body = "".join(f"<tr>{_cells('td', row)}</tr>" for row in rows[:most])
    more = line(f"and {len(rows) - most:,} more") if len(rows) > most else ""
    return f"<table><thead><tr>{_cells('th', head)}</tr></thead><tbody>{body}</tbody></table>{more}"


def picture(path: Path, words: str) -> str:
    """Return a PNG file inside the HTML, so that a notebook keeps what it has shown; empty if it is gone.

    Args:
        path: of the file.
        words: what it shows.
    """
    try:
        encoded = base64.b64encode(path.read_bytes()).decode()
    except OSError:
        return ""
    return f'<img src="data:image/png;base64,{encoded}" alt="{_text(words)}" style="max-width: 100%">'


def _cells(tag: str, texts: Sequence[str]) -> str:
    return "".join(f"<{tag}>{_text(text)}</{tag}>" for text in texts)


def _text(text: str) -> str:
    return escape(one_line(text).encode("utf-8", "backslashreplace").decode())
