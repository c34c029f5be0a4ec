"""What a report is made of, whether it becomes a page or Markdown: sections of blocks."""

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
    """A paragraph that nobody may overlook."""

    text: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What it all comes to, in a few words."""

    text: str


@dataclass(frozen=True, slots=True)
class Items:
    """A list of sentences."""

    items: Sequence[str]


@dataclass(frozen=True, slots=True)
class Facts:
    """Names with what is known of them."""

    rows: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Table:
    """A table; all columns but the first are numbers unless said otherwise.

    Attributes:
        head: of the columns.
        rows: of cells.
        words: numbers of the columns that hold words, and are aligned to the left.
        note: a sentence below.
        folded: shown by its note only, until a reader opens it.
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
        alt: what it shows, for who cannot see it.
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
        alt: what it shows, for who cannot see it.
        lines: what stands below it.
        wrong: the last of these tells of a mistake.
    """

    alt: str
    lines: Sequence[str]
    wrong: bool = False


@dataclass(frozen=True, slots=True)
class Pictures:
    """Small photos with one caption.

    Attributes:
        strip: all of them side by side, as an address that holds the data itself.
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
    """A heading and what stands below it."""

    title: str
    blocks: Sequence[Block]

    @property
    def anchor(self) -> str:
        """What links to it name."""
        return slug(self.title)


@dataclass(frozen=True, slots=True)
class Report:
    """All of it; the first blocks stand above all headings."""

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
