"""A report as one HTML file that needs nothing else: no script, no request, light and dark."""

from __future__ import annotations

from html import escape

from .document import (
    Block,
    Code,
    Facts,
    Figure,
    Figures,
    Items,
    Notice,
    Picture,
    Pictures,
    Report,
    Section,
    Table,
    Text,
    Verdict,
)
from .figures import DARK, themed
from .style import STYLE

PIXELS = 96
"""An inch on a page."""
SMALL = 3.0
"""Narrower drawings, in inches, stand two abreast on a phone."""
GENERATOR = '<meta name="generator" content="alkit">'
"""What every page has in its head."""


def to_page(report: Report) -> str:
    """Return the whole page."""
    links = "".join(
        f'<li><a href="#{section.anchor}">{escape(section.title)}</a></li>' for section in report.sections
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="color-scheme" content="light dark">\n{GENERATOR}\n'
        f"<title>{escape(report.title)}</title>\n<style>\n{_colors()}{STYLE}</style>\n</head>\n<body>\n"
        f'<header>\n<h1>{escape(report.title)}</h1>\n<p class="lead">{escape(report.lead)}</p>\n'
        f'<nav aria-label="Contents"><ul>{links}</ul></nav>\n</header>\n<main>\n'
        + "".join(_section(section) for section in report.sections)
        + "</main>\n</body>\n</html>\n"
    )


def _colors() -> str:
    light = "".join(f"--c-{color[1:]}:{color};" for color in DARK)
    dark = "".join(f"--c-{color[1:]}:{other};" for color, other in DARK.items())
    return f":root{{{light}}}\n@media (prefers-color-scheme: dark){{:root{{{dark}}}}}\n"


def _section(section: Section) -> str:
    blocks = "\n".join(_block(block) for block in section.blocks)
    return f'<section id="{section.anchor}">\n<h2>{escape(section.title)}</h2>\n{blocks}\n</section>\n'


def _block(block: Block) -> str:
    match block:
        case Text(text):
            return f"<p>{escape(text)}</p>"
        case Notice(text):
            return f'<p class="warning" role="note">{escape(text)}</p>'
        case Verdict(text):
            return f'<p class="verdict">{escape(text)}</p>'
        case Items(items):
            return "<ul>" + "".join(f"<li>{escape(item)}</li>" for item in items) + "</ul>"
        case Facts(rows):
            pairs = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in rows)
            return f"<dl>{pairs}</dl>"
        case Table():
            return _table(block)
        case Figures(figures, caption):
            drawings = "".join(_figure(figure) for figure in figures)
            return (
                f'<figure><div class="drawings">{drawings}</div>'
                f"<figcaption>{escape(caption)}</figcaption></figure>"
            )
        case Pictures(strip, side, pictures, caption):
            shown = "".join(_picture(picture, place) for place, picture in enumerate(pictures))
            return (
                f'<figure><ul class="pictures" style="--side:{side}px;--strip:url({strip})">{shown}</ul>'
                f"<figcaption>{escape(caption)}</figcaption></figure>"
            )
        case Code(text):
            return f"<pre><code>{escape(text.rstrip())}</code></pre>"


def _table(table: Table) -> str:
    def cells(row: object, values: list[str], tag: str) -> str:
        return "".join(
            f'<{tag} class="word">{value}</{tag}>' if column in table.words else f"<{tag}>{value}</{tag}>"
            for column, value in enumerate(values)
        )

    head = cells(None, [escape(name) for name in table.head], "th")
    rows = "".join(f"<tr>{cells(row, [escape(cell) for cell in row], 'td')}</tr>" for row in table.rows)
    drawn = (
        f'<div class="wide" tabindex="0"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )
    if table.folded:
        return f"<details><summary>{escape(table.note)}</summary>{drawn}</details>"
    return drawn + (f'<p class="small">{escape(table.note)}</p>' if table.note else "")


def _picture(picture: Picture, place: int) -> str:
    lines = [f"<span>{escape(line)}</span>" for line in picture.lines]
    if picture.wrong:
        lines[-1] = lines[-1].replace("<span>", '<span class="wrong">', 1)
    image = f'<i role="img" aria-label="{escape(picture.alt)}" style="--place:{place}"></i>'
    return f"<li>{image}{''.join(lines)}</li>"


def _figure(figure: Figure) -> str:
    width = round(figure.width * PIXELS)
    label = f'aria-label="{escape(figure.alt)}"'
    drawing = themed(figure.svg).replace(f'aria-label="{escape(figure.name)}"', label, 1)
    small = " small" if figure.width < SMALL else ""
    return f'<div class="drawing{small}" style="--w:{width}px">{drawing}</div>'
