"""Printing results."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click

from alkit.utils.console import json_for
from alkit.utils.json_values import as_json, finite


def print_json(value: Any) -> None:
    """Print JSON on standard output."""
    click.echo(json_for(sys.stdout, as_json(finite(value), indent=2)))


def aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Return a line per row, with columns as wide as they need to be."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def print_rows(rows: Sequence[tuple[str, ...]], indent: str = "") -> None:
    """Print rows with aligned columns."""
    for line in aligned(rows):
        click.echo(indent + line)
