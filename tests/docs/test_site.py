"""The documentation as a site: it builds without a warning, and shows what the pages ask for."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from alkit.cli import COMMANDS

pytestmark = pytest.mark.slow
DIRECTIVE = re.compile(r"^(?:#+ )?::: ([\w.]+)$", re.MULTILINE)


@pytest.fixture(scope="module")
def site(documentation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("properdocs")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "properdocs", "build", "--strict", "--site-dir", str(folder)]
    built = subprocess.run(command, cwd=documentation.root, capture_output=True, text=True, timeout=240)
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


def test_every_directive_became_something(site, documentation):
    for page in (documentation.root / "docs" / "reference").glob("*.md"):
        html = (site / "reference" / page.stem / "index.html").read_text(encoding="utf-8")
        assert ":::" not in html, page
        for name in DIRECTIVE.findall(page.read_text(encoding="utf-8")):
            assert f'id="{name}"' in html, name


def test_every_command_is_shown_with_its_examples(site):
    html = (site / "reference" / "cli" / "index.html").read_text(encoding="utf-8")
    for name in COMMANDS:
        section = html.partition(f'id="alkit-{name}"')[2].partition("<h3")[0]
        assert "--help" in section, name
        assert "Examples:" in section, name


def test_options_are_shown(site):
    html = (site / "reference" / "strategies" / "index.html").read_text(encoding="utf-8")
    assert "<code>discriminator-rank</code>" in html
    assert html.count("<h2") >= 22


def test_nothing_but_pages_and_what_they_show_is_on_the_site(site):
    assert not list(site.rglob("hooks.py"))
    assert not list(site.rglob("test_*.py"))
    assert (site / "examples" / "report-clothes.html").exists()
