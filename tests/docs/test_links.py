"""Links between pages lead somewhere, and every page is reached from the index."""

from __future__ import annotations

import re
from pathlib import Path

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`[^`\n]*`")


def prose(page: Path) -> str:
    """Return the text with code that would look like a link taken out."""
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    return INLINE.sub(lambda code: re.sub(r"[\[\]()]", "", code[0]), text)


def anchors(page: Path) -> set[str]:
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
        for heading in HEADING.findall(text)
    }


def targets(page: Path) -> list[tuple[Path, str]]:
    found = []
    for link in LINK.findall(prose(page)):
        if "://" not in link:
            file, _, anchor = link.partition("#")
            found.append(((page.parent / file).resolve() if file else page, anchor))
    return found


def test_links_lead_somewhere(documentation):
    for page in documentation.pages:
        for file, anchor in targets(page):
            assert file.exists(), f"{page} links to {file}, which is not there"
            if anchor:
                assert anchor in anchors(file), f"{page} links to #{anchor}, which is no heading of {file}"


def test_every_page_is_in_the_index(documentation):
    index = documentation.root / "docs" / "README.md"
    listed = {file for file, _ in targets(index)}
    for page in documentation.pages:
        if (documentation.root / "docs") in page.parents and page != index:
            assert page in listed, f"{page} is not in docs/README.md"
