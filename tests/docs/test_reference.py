"""The reference follows from the code, and leaves no hook, command or plugin out."""

from __future__ import annotations

import re
import subprocess
import sys

from alkit import errors, hookspecs, ledger, plugins, queries
from alkit.cli import COMMANDS


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


def test_every_built_in_plugin_has_a_heading(documentation):
    pages = headings(read(documentation, "strategies.md")) | headings(
        read(documentation, "tasks-and-oracles.md")
    )
    built_in = {p.name for p in plugins.all_plugins() if p.distribution == "alkit"}
    assert {"ta-vaal", "classification", "dataset"} <= built_in <= pages


def test_every_column_of_a_query_is_explained(documentation):
    page = read(documentation, "campaign-files.md")
    section = page.partition("## queries/NNN.csv")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `(\w+)`", section, re.MULTILINE) == list(queries.COLUMNS)


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
    engine = documentation.root / "alkit"
    code = "".join(path.read_text(encoding="utf-8") for path in engine.rglob("*.py"))
    kinds = set(re.findall(r"add_event\(\s*\"(\w+)\"", code))
    assert {"asked", "answered"} <= kinds
    for kind in kinds:
        assert f"| `{kind}` |" in section, kind


def test_every_exit_code_is_explained(documentation):
    codes = {cls.exit_code for cls in vars(errors).values() if isinstance(cls, type)} - {None} | {0, 130}
    table = set(re.findall(r"^\| (\d+) \|", read(documentation, "exit-codes.md"), re.MULTILINE))
    assert table == {str(code) for code in codes}
