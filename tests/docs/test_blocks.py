"""Every code block of the documentation runs, page by page, from top to bottom; or says why it does not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

CODE = ("bash", "python", "toml")
NOT_CODE = ("text", "csv")


def test_every_block_says_what_it_is(documentation):
    for page in documentation.pages:
        fences = re.findall(r"^```", page.read_text(encoding="utf-8"), re.MULTILINE)
        blocks = documentation.blocks(page)
        assert len(fences) == 2 * len(blocks), f"{page} has a fence without an end"
        for block in blocks:
            assert block.language in CODE + NOT_CODE, f"{page}:{block.line} has language '{block.language}'"


def test_every_block_left_out_says_why(documentation):
    for page in documentation.pages:
        for block in documentation.blocks(page):
            if block.mark.startswith("not run"):
                assert re.fullmatch(r"not run: .{10,}", block.mark), f"{page}:{block.line}"
            elif block.language == "toml":
                assert block.mark.startswith("file: "), f"{page}:{block.line} is neither a file nor marked"


SLOW = (
    "docs/how-to/first-plugin.md",
    "docs/how-to/write-a-strategy.md",
    "docs/how-to/write-a-task-or-oracle.md",
)


def pages() -> list[Any]:
    root = Path(__file__).resolve().parents[2]
    found = [*root.glob("*.md"), *(root / "docs").rglob("*.md")]
    names = sorted(
        page.relative_to(root).as_posix() for page in found if root / "docs/plugins" not in page.parents
    )
    return [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in names]


@pytest.mark.parametrize("page", pages())
def test_page_runs(page, documentation, reader):
    blocks = [
        block
        for block in documentation.blocks(documentation.root / page)
        if not block.mark.startswith("not run")
        and (block.language in CODE or block.mark.startswith("file: "))
    ]
    if not blocks:
        pytest.skip("nothing to run on this page")
    somebody = reader()
    for block in blocks:
        try:
            somebody.run(block)
        except (Exception, SystemExit) as error:
            pytest.fail(f"{page}:{block.line} does not run: {type(error).__name__}: {error}\n{block.text}")
