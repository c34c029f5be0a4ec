"""A report as one HTML file that needs nothing else: no script, no request, light and dark.

jinja2 makes it from `templates/` and escapes every text. Import this module late, since it loads jinja2.
"""

from __future__ import annotations

import functools

from jinja2 import Environment, PackageLoader, StrictUndefined

from .document import Block, Figure, Report
from .figures import DARK, described, themed

GENERATOR = '<meta name="generator" content="alkit">'
"""What every page has in its head."""


def to_page(report: Report) -> str:
    """Return the whole page."""
    return _environment().get_template("page.html").render(report=report, colors=DARK)


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(kind=_kind, drawing=_drawing)
    return environment


def _kind(block: Block) -> str:
    """Return the name of the macro that shows a block."""
    return type(block).__name__.lower()


def _drawing(figure: Figure) -> str:
    """Return a figure's SVG in the colours of the page, with its description."""
    return described(themed(figure.svg), figure.alt)
