"""Blocks that only the report of a campaign has, on a page and in Markdown."""

from __future__ import annotations

import pytest

from alkit.reporting.document import Picture, Pictures, Report, Section, Verdict
from alkit.reporting.html import GENERATOR, to_page
from alkit.reporting.markdown import to_markdown
from alkit.reporting.wording import interval, pairs
from alkit.utils.proportions import share

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
        '<i role="img" aria-label="a&quot;&lt;b&gt;.jpg: labeled owl" style="--place:0"></i><span>owl</span>'
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
