"""Printing results."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from typing import Any

import click

from alkit.utils.console import json_for
from alkit.utils.json_values import as_json, finite

STDOUT = "alkit.stdout"  # in a command's context: where its JSON goes


def keep_for_json(context: click.Context, _: click.Parameter, wanted: bool) -> bool:
    """Keep standard output for JSON: what plugins and libraries print goes to standard error."""
    if wanted:
        context.meta[STDOUT] = sys.stdout
        context.with_resource(contextlib.redirect_stdout(sys.stderr))
    return wanted


def print_json(value: Any) -> None:
    """Print JSON on standard output."""
    context = click.get_current_context(silent=True)
    stream: Any = sys.stdout if context is None else context.meta.get(STDOUT, sys.stdout)
    click.echo(json_for(stream, as_json(finite(value), indent=2)), file=stream)


def print_facts(rows: Sequence[tuple[str, str]]) -> None:
    """Print names with their values, in one column, which is that of other commands if names are short."""
    width = max(14, *(len(name) for name, _ in rows))
    for name, value in rows:
        click.echo(f"{name:<{width}} {value}")


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
