"""The contents of a report, as a page or as Markdown: sections of blocks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True, slots=True)
class Notice:
    """A paragraph that stands out."""

    text: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The conclusion in a few words."""

    text: str


@dataclass(frozen=True, slots=True)
class Items:
    """A list of sentences."""

    items: Sequence[str]


@dataclass(frozen=True, slots=True)
class Facts:
    """Names with their values."""

    rows: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Table:
    """A table; all columns but the first are numbers unless said otherwise.

    Attributes:
        head: of the columns.
        rows: of cells.
        words: numbers of the columns that hold words and are left-aligned.
        note: a sentence below.
        folded: shows only its note until a reader opens it.
    """

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: Sequence[int] = (0,)
    note: str = ""
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing.

    Attributes:
        name: of its file, without a suffix.
        alt: a description for readers who cannot see it.
        svg: the drawing, with colours as on paper.
        width: in inches.
    """

    name: str
    alt: str
    svg: str
    width: float


@dataclass(frozen=True, slots=True)
class Figures:
    """Drawings that belong together, with one caption."""

    figures: Sequence[Figure]
    caption: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A small photo.

    Attributes:
        alt: a description for readers who cannot see it.
        lines: the text below it.
        wrong: the last line reports a mistake.
    """

    alt: str
    lines: Sequence[str]
    wrong: bool = False


@dataclass(frozen=True, slots=True)
class Pictures:
    """Small photos with one caption.

    Attributes:
        strip: all of them side by side, as a data URL.
        side: of each, in pixels.
        pictures: from the left.
        caption: below them.
    """

    strip: str
    side: int
    pictures: Sequence[Picture]
    caption: str


@dataclass(frozen=True, slots=True)
class Code:
    """Text to be shown as it is."""

    text: str
    language: str = "text"


Block: TypeAlias = Text | Notice | Verdict | Items | Facts | Table | Figures | Pictures | Code


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and the blocks below it."""

    title: str
    blocks: Sequence[Block]

    @property
    def anchor(self) -> str:
        """The name that links use."""
        return slug(self.title)


@dataclass(frozen=True, slots=True)
class Report:
    """A whole report; the lead comes before all headings."""

    title: str
    lead: str
    sections: Sequence[Section]

    @property
    def figures(self) -> list[Figure]:
        """All drawings in order."""
        groups = [
            block for section in self.sections for block in section.blocks if isinstance(block, Figures)
        ]
        return [figure for group in groups for figure in group.figures]


def slug(text: str) -> str:
    """Turn any text into a name for a file or an anchor."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "x"
