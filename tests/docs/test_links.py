"""Links lead somewhere, from the hosting site and a package index too; every page is in the index."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from alkit.cli import COMMANDS

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
DIRECTIVE = re.compile(r"^(?:#+ )?::: ([\w.]+)$", re.MULTILINE)
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`[^`\n]*`")
PUBLISHED = ("README.md", "CHANGELOG.md")  # read on a package index and in release notes too


def prose(page: Path) -> str:
    """Return the text with code that would look like a link taken out."""
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    return INLINE.sub(lambda code: re.sub(r"[\[\]()]", "", code[0]), text)


def anchors(page: Path) -> set[str]:
    """Return the headings of a page as anchors, and what directives add to them on the site."""
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    found = {
        re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
        for heading in HEADING.findall(text)
    }
    if "::: mkdocs-click" in text:
        found |= {f"alkit-{name}" for name in COMMANDS}
    return found | set(DIRECTIVE.findall(text))


def targets(page: Path, documentation) -> list[tuple[Path, str]]:
    found = []
    for link in LINK.findall(prose(page)):
        inside = documentation.local(link)
        if inside is not None:
            file, _, anchor = inside.partition("#")
            found.append((documentation.root / file, anchor))
        elif "://" not in link:
            file, _, anchor = link.partition("#")
            found.append(((page.parent / file).resolve() if file else page, anchor))
    return found


def test_links_lead_somewhere(documentation):
    for page in documentation.pages:
        for file, anchor in targets(page, documentation):
            assert file.exists(), f"{page} links to {file}, which is not there"
            if anchor:
                assert anchor in anchors(file), f"{page} links to #{anchor}, which is not a heading of {file}"


@pytest.mark.parametrize("name", PUBLISHED)
def test_links_work_away_from_the_repository(name, documentation):
    links = LINK.findall(prose(documentation.root / name))
    assert [link for link in links if "://" not in link] == []
    assert any(documentation.local(link) for link in links)


def test_pages_of_the_site_link_within_it_or_by_address(documentation):
    docs = documentation.root / "docs"
    for page in docs.rglob("*.md"):
        for link in LINK.findall(prose(page)):
            if "://" not in link and not link.startswith("#"):
                assert docs in (page.parent / link).resolve().parents, f"{page} links out of docs: {link}"


def test_the_repository_has_one_address(documentation):
    written = re.compile(r"https://(?:raw\.githubusercontent|github)\.com/alkit/[\w./-]+")
    files = [*documentation.root.glob("*.*"), *(documentation.root / "alkit").rglob("*.py")]
    files += [file for file in (documentation.root / ".github").rglob("*") if file.is_file()]
    found = [
        (file.name, url)
        for file in files
        if file.suffix in {".md", ".cfg", ".yml", ".cff", ".py"}
        for url in written.findall(file.read_text(encoding="utf-8"))
    ]
    assert {"README.md", "setup.cfg", "properdocs.yml"} <= {name for name, _ in found}
    owner = documentation.repository.partition(".com/")[2]
    assert [url for _, url in found if f".com/{owner}" not in url] == []


def test_every_page_is_in_the_index(documentation):
    index = documentation.root / "docs" / "README.md"
    listed = {file for file, _ in targets(index, documentation)}
    for page in documentation.pages:
        if (documentation.root / "docs") in page.parents and page != index:
            assert page in listed, f"{page} is not in docs/README.md"
