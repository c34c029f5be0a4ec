"""The reference follows from the code, and leaves no hook, command or plugin out."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess
import sys

import alkit
from alkit import distances, errors, testing
from alkit.campaign.record import ledger
from alkit.campaign.record.events import KINDS
from alkit.cli import COMMANDS
from alkit.labeling import csv_table
from alkit.plugin import hooks as hookspecs
from alkit.plugin import registry


def headings(text: str) -> set[str]:
    return set(re.findall(r"^#+ (.*)$", text, re.MULTILINE))


def read(documentation, name: str) -> str:
    return (documentation.root / "docs" / "reference" / name).read_text(encoding="utf-8")


def test_generated_pages_are_up_to_date(documentation):
    script = documentation.root / "scripts" / "generate-reference"
    check = subprocess.run(
        [sys.executable, str(script), "--check"], capture_output=True, text=True, timeout=120
    )
    assert check.returncode == 0, check.stdout + check.stderr


def test_every_command_has_a_heading(documentation):
    assert {f"alkit {name}" for name in COMMANDS} <= headings(read(documentation, "cli.md"))


def test_every_hook_has_a_heading(documentation):
    hooks = {name for name in vars(hookspecs) if name.startswith("alkit_")}
    assert hooks
    assert hooks <= headings(read(documentation, "interface.md"))


def told(documentation) -> set[str]:
    """The names that have a heading on a page for authors of plugins, without their modules."""
    pages = "".join(read(documentation, name) for name in ("interface.md", "distances.md", "testing.md"))
    return {heading.strip("`").rpartition(".")[2] for heading in headings(pages)} | set(
        re.findall(r"^\| `(\w+)`", read(documentation, "errors.md"), re.MULTILINE)
    )


def test_every_public_name_is_explained(documentation):
    public = {*alkit.__all__, *distances.__all__, *testing.__all__}
    public |= {name for name, value in vars(errors).items() if inspect.isclass(value)}
    assert {"Combinator", "Balls", "check_task", "CellsFailed"} <= public
    assert public - told(documentation) == set()


def test_whatever_a_built_in_plugin_makes_use_of_is_explained(documentation):
    used = set()
    for file in (documentation.root / "plugins" / "alkit_plugins").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module.split(".")[0] == "alkit":
                module = importlib.import_module(node.module)
                names = {alias.name for alias in node.names}
                used |= {name for name in names if callable(getattr(module, name, None))}
    assert {"k_center", "write_atomically", "GivenAnswer"} <= used
    literals = {"AnswerKind", "First", "Precision", "Schedule"}
    assert used - literals - told(documentation) == set()


def test_every_check_of_the_kit_is_explained(documentation):
    from alkit.testing import hints

    text = read(documentation, "testing.md")
    for kind, checks in hints.ADVICE.items():
        section = text.partition(f"## Checks: {kind}\n")[2].partition("\n## ")[0]
        assert re.findall(r"^\| `([\w-]+)`", section, re.MULTILINE) == list(checks)


def test_every_built_in_plugin_has_a_heading(documentation):
    pages = headings(read(documentation, "strategies.md")) | headings(
        read(documentation, "tasks-and-oracles.md")
    )
    built_in = {p.name for p in registry.all_plugins() if p.distribution == "alkit"}
    assert {"ta-vaal", "classification", "dataset"} <= built_in <= pages


def test_every_column_of_a_query_is_explained(documentation):
    page = read(documentation, "campaign-files.md")
    section = page.partition("## queries/NNN.csv")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `(\w+)`", section, re.MULTILINE) == list(csv_table.COLUMNS)


def test_every_table_and_column_of_the_ledger_is_explained(documentation, tmp_path):
    section = read(documentation, "campaign-files.md").partition("## campaign.db")[2]
    made = ledger.Ledger(tmp_path / "campaign.db", create=True)
    try:
        tables = made._rows(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        )
        assert len(tables) >= 5
        for (table,) in tables:
            assert f"| `{table}` |" in section
            for column in made._rows(f"PRAGMA table_info({table})"):
                assert f"`{column[1]}`" in section, f"{table}.{column[1]}"
    finally:
        made.close()


def test_every_kind_of_event_is_explained(documentation):
    section = read(documentation, "campaign-files.md").partition("## campaign.db")[2]
    assert {"asked", "answered"} <= set(KINDS)
    for kind in KINDS:
        assert f"| `{kind}` |" in section, kind


def test_every_exit_code_is_explained(documentation):
    codes = {cls.exit_code for cls in vars(errors).values() if isinstance(cls, type)} - {None} | {0, 130}
    table = set(re.findall(r"^\| (\d+) \|", read(documentation, "exit-codes.md"), re.MULTILINE))
    assert table == {str(code) for code in codes}
