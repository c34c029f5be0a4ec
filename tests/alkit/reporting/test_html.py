"""A report as a page: nothing reaches it unescaped; and blocks that only the report of a campaign has."""

from __future__ import annotations

import importlib.resources
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, get_args

import pytest

from alkit.reporting.document import (
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
from alkit.reporting.figures import svg
from alkit.reporting.html import GENERATOR, to_page
from alkit.reporting.markdown import to_markdown
from alkit.reporting.wording import interval, pairs
from alkit.utils.proportions import share

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

PLAIN = "PLAIN"
EVIL = (
    "<script>alert(1)</script>",
    "\"onload=alert(1) x='",
    "\"><img src=x onerror='alert(1)'>",
    "</title></style></svg></code></pre><script>alert(1)</script>",
    "<!-- ]]> -->",
    "{{ 7 * 7 }}{% endfor %}{# #}",
    "&lt;b&gt; &amp;",
)
SHEET = Pictures(
    "data:image/jpeg;base64,AAAA",
    96,
    [Picture('a"<b>.jpg: labeled owl', ["owl", "gull 40%"], wrong=True), Picture("c.jpg", ["<i>"])],
    "Two & a half",
)


@pytest.fixture
def page() -> str:
    return to_page(Report("Birds", "few", [Section("All", [Verdict("Stop <now>."), SHEET])]))


def test_every_picture_has_its_place_in_the_strip_and_words(page: str) -> None:
    assert page.count("AAAA") == 1, "the strip is there once"
    first = (
        '<i role="img" aria-label="a&#34;&lt;b&gt;.jpg: labeled owl" style="--place:0"></i><span>owl</span>'
    )
    assert f'<li>{first}<span class="wrong">gull 40%</span></li>' in page
    assert 'style="--place:1"></i><span>&lt;i&gt;</span></li>' in page
    assert "<figcaption>Two &amp; a half</figcaption>" in page


def test_a_verdict_is_escaped_and_a_page_says_what_made_it(page: str) -> None:
    assert '<p class="verdict">Stop &lt;now&gt;.</p>' in page
    assert GENERATOR in page


def test_markdown_has_the_words_of_both() -> None:
    text = to_markdown(Report("Birds", "few", [Section("All", [Verdict("Stop."), SHEET])]))
    assert "**Stop.**" in text
    assert "- c.jpg\n\nTwo &amp; a half" in text


def test_figures_have_their_interval() -> None:
    assert interval(share(3, 6)) == "0.500 [0.188, 0.812]"
    assert interval(None) == "-"
    assert pairs({"batch_size": 32, "seed": 1}) == "batch size 32, seed 1"
    assert pairs(None) == ""


def every_block(text: str) -> list[Block]:
    """One block of each kind, the given text wherever it can hold one; tables and pictures of both ways."""

    def paint(canvas: Canvas) -> None:
        canvas.text(0.1, 0.5, text)

    drawing = svg(paint, (2, 1), "drawing")
    return [
        Text(text),
        Notice(text),
        Verdict(text),
        Items([text, text]),
        Facts([(text, text)]),
        Table([text, text], [[text, text]], note=text),
        Table([text, text], [[text, text]], note=text, folded=True),
        Figures([Figure("drawing", text, drawing, 2)], text),
        Pictures("data:image/jpeg;base64,AAAA", 96, [Picture(text, [text, text], wrong=True)], text),
        Code(text, text),
    ]


class Elements(HTMLParser):
    """What a browser makes of a page: its tags with their attributes, and its texts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[object, ...]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, *(pair for pair in attrs if pair[0] not in ("id", "href"))))

    def handle_endtag(self, tag: str) -> None:
        self.found.append((f"/{tag}",))

    def handle_comment(self, data: str) -> None:
        self.found.append(("comment", data))

    def handle_data(self, data: str) -> None:
        self.found.append((data,))


def elements(block: Block, text: str) -> list[tuple[object, ...]]:
    return Elements(to_page(Report(text, text, [Section(text, [block])]))).found


def replaced(value: object, text: str) -> object:
    """Put the text in place of the plain one, however deep."""
    if isinstance(value, tuple):
        return tuple(replaced(part, text) for part in value)
    return value.replace(PLAIN, text) if isinstance(value, str) else value


@pytest.mark.parametrize("evil", EVIL)
def test_a_text_is_shown_as_it_is_and_changes_no_element_in_any_kind_of_block(evil: str) -> None:
    plain, changed = every_block(PLAIN), every_block(evil)
    assert {type(block) for block in plain} == {*get_args(Block)}
    for block, other in zip(plain, changed, strict=True):
        shown = elements(block, PLAIN)
        assert str(shown).count(PLAIN) > 5, "in title, header, contents and heading, and in the block"
        expected = [replaced(element, evil) for element in shown]
        assert elements(other, evil) == expected, type(block).__name__


def test_one_place_lets_text_through_as_it_is() -> None:
    templates = importlib.resources.files("alkit.reporting") / "templates"
    text = "".join(template.read_text(encoding="utf-8") for template in templates.iterdir())
    assert re.findall(r".*(?:\bsafe\b|autoescape).*", text) == ["{{ figure | drawing | safe }}"]


def test_a_drawing_has_the_colours_of_the_page_and_is_described() -> None:
    drawing = '<svg role="img" aria-label="curves"><path fill="#0072b2"/></svg>'
    text = to_page(Report("", "", [Section("", [Figures([Figure("curves", "It rises", drawing, 2)], "")])]))
    assert '<svg role="img" aria-label="It rises"><path fill="var(--c-0072b2, #0072b2)"/></svg>' in text
    assert "--c-0072b2: #0072b2;" in text and "--c-0072b2: #4ba6e0;" in text
    assert '<div class="drawing small" style="--w:192px">' in text
