"""Every strategy that comes with alkit has a page, with what a reader looks for there."""

from __future__ import annotations

import re

import pytest

from alkit.plugin import registry

NAMES = sorted(plugin.name for plugin in registry.strategies if plugin.distribution == "alkit")
LONGEST = 40  # lines that somebody wrote
FIGURES = re.compile(r"<!-- figures: .*?<!-- end -->\n", re.DOTALL)


def test_no_page_is_about_something_else(documentation):
    pages = (documentation.root / "docs" / "explanation" / "strategies").glob("*.md")
    assert sorted(page.stem for page in pages) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_page_has_idea_formula_cost_use_and_source(name, documentation):
    page = documentation.root / "docs" / "explanation" / "strategies" / f"{name}.md"
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"# {name}\n\n")
    assert re.search(r"^    \S", text, re.MULTILINE), "no formula"
    for word in ("Cost", "When to use", "When not to use"):
        assert f"- **{word}**: " in text
    assert "**Paper**: " in text or "**Source**: " in text
    assert "**Differences**" in text
    assert len(FIGURES.sub("", text).splitlines()) <= LONGEST
