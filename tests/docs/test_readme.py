"""What the README quotes is what is there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from alkit.plugin import registry


def test_the_quoted_plugin_is_the_installed_one(documentation):
    file = documentation.root / "docs" / "plugins" / "alkit-margin" / "alkit_margin.py"
    for page in ("README.md", "docs/how-to/write-a-strategy.md"):
        texts = [block.text for block in documentation.blocks(documentation.root / page)]
        assert file.read_text(encoding="utf-8") in texts, page


def test_every_strategy_is_in_the_table(documentation):
    text = (documentation.root / "README.md").read_text(encoding="utf-8")
    section = text.partition("## Strategies")[2].partition("\n## ")[0]
    rows = "".join(re.findall(r"^\|.*\n", section, re.MULTILINE))
    links = re.findall(r"\[`([\w-]+)`\]\(([^)]+)\)", rows)
    listed = [
        name for name, link in links if documentation.local(link) == f"docs/explanation/strategies/{name}.md"
    ]
    assert sorted(listed) == sorted(p.name for p in registry.strategies if p.distribution == "alkit")


def test_pictures_are_there_and_small(documentation):
    for page in documentation.pages:
        text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
        for link in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text):
            inside = documentation.local(link)
            file = page.parent / link if inside is None else documentation.root / inside
            assert file.stat().st_size < 150_000, link


def test_both_commands_are_one_line(documentation):
    shell = [
        b.text.strip() for b in documentation.blocks(documentation.root / "README.md") if b.language == "bash"
    ]
    assert "pip install . && alkit query --strategy ta-vaal --pool digits --budget 50" in shell[0]
    assert shell[1] == 'pip install -e ".[test]" && pytest -n 2'
    assert "\n" not in shell[0] + shell[1]


def shape(text: str) -> list[str]:
    """Leave out what a machine decides: figures, the device and its precision."""
    text = re.sub(r"\bbfloat16\b|\bfloat32\b", "PRECISION", text)
    return re.sub(r"\d+([.,]\d+)*", "N", re.sub(r"\bcuda\b", "cpu", text)).splitlines()


@pytest.mark.slow
def test_the_output_shown_is_what_comes(documentation, tmp_path: Path):
    (block,) = [
        b for b in documentation.blocks(documentation.root / "README.md") if b.mark.startswith("output: ")
    ]
    command = [str(Path(sys.executable).parent / "alkit"), *block.mark.removeprefix("output: alkit ").split()]
    ran = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=280,
        check=True,
    )
    assert shape(ran.stdout) == shape(block.text)
