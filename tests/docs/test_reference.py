"""The reference leaves no public name, hook, command or plugin out."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import re

import pytest

from alkit import errors
from alkit.campaign.record import ledger
from alkit.campaign.record.events import KINDS
from alkit.cli import COMMANDS, cli
from alkit.labeling import csv_table
from alkit.options import options_of
from alkit.plugin import hooks, registry

DIRECTIVE = re.compile(r"^(?:#+ )?::: ([\w.]+)$", re.MULTILINE)
PAGES = {
    "alkit": "alkit.md",
    "alkit.campaign.analysis": "alkit.md",
    "alkit.data": "data.md",
    "alkit.distances": "distances.md",
    "alkit.errors": "errors.md",
    "alkit.interfaces": "interfaces.md",
    "alkit.labeling": "labeling.md",
    "alkit.testing": "testing.md",
    "alkit.training": "training.md",
}
REGISTRIES = {
    "strategy": registry.strategies,
    "task": registry.tasks,
    "oracle": registry.oracles,
    "format": registry.formats,
    "encoder": registry.encoders,
    "source": registry.sources,
    "executor": registry.executors,
}


def read(documentation, name: str) -> str:
    return (documentation.root / "docs" / "reference" / name).read_text(encoding="utf-8")


def directives(documentation) -> dict[str, str]:
    """Return the page of each name whose docstring is shown on the site."""
    pages = (documentation.root / "docs" / "reference").glob("*.md")
    found = [
        (name, page.name) for page in pages for name in DIRECTIVE.findall(read(documentation, page.name))
    ]
    assert len(found) == len(dict(found)), "a name stands on two pages"
    return dict(found)


def public(package: str) -> set[str]:
    module = importlib.import_module(package)
    if hasattr(module, "__all__"):
        return set(module.__all__)
    kinds = (inspect.isclass, inspect.isfunction)
    return {name for name, value in vars(module).items() if any(kind(value) for kind in kinds)}


def hooks_file(documentation):
    """Import what the build of the site runs."""
    spec = importlib.util.spec_from_file_location("docs_hooks", documentation.root / "docs" / "hooks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("package", PAGES)
def test_every_public_name_is_on_the_page_of_its_package(package, documentation):
    """In full, or named where another package's page has it in full."""
    shown = directives(documentation)
    here = {name for name in public(package) if shown.get(f"{package}.{name}") == PAGES[package]}
    page = read(documentation, PAGES[package])
    for name in public(package) - here:
        value = getattr(importlib.import_module(package), name)
        homes = [other for other in PAGES if getattr(importlib.import_module(other), name, None) is value]
        assert any(f"{other}.{name}" in shown for other in homes), f"{package}.{name}"
        assert f"`{name}`" in page, f"{package}.{name}"
    assert here


def test_nothing_else_is_on_those_pages(documentation):
    for path, page in directives(documentation).items():
        package, _, name = path.rpartition(".")
        if page == "hooks.md":
            assert package == hooks.__name__
        else:
            assert PAGES[package] == page
            assert name in public(package)


def test_errors_stand_under_their_exit_code(documentation):
    sections = re.split(r"^## Exit code (\d):.*$", read(documentation, "errors.md"), flags=re.MULTILINE)
    listed = {
        int(code): {name.rpartition(".")[2] for name in DIRECTIVE.findall(text)}
        for code, text in zip(sections[1::2], sections[2::2], strict=True)
    }
    assert listed[1] | listed[2] | {"reason_of"} == public("alkit.errors")
    for code, names in listed.items():
        assert {getattr(errors, name).exit_code for name in names} == {code}


def test_every_command_is_in_the_table(documentation):
    page = read(documentation, "cli.md")
    assert sorted(re.findall(r"\[([\w-]+)\]\(#alkit-\1\)", page)) == sorted(COMMANDS)
    assert "::: mkdocs-click" in page


def test_every_hook_is_shown(documentation):
    names = {name for name in vars(hooks) if name.startswith("alkit_")}
    assert names
    assert {f"{hooks.__name__}.{name}" for name in names} <= set(directives(documentation))


def test_whatever_a_built_in_plugin_makes_use_of_is_explained(documentation):
    used = set()
    for file in (documentation.root / "plugins" / "alkit_plugins").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module.split(".")[0] == "alkit":
                used |= {(node.module, alias.name) for alias in node.names}
    assert {("alkit.distances", "k_center"), ("alkit.interfaces", "Format")} <= used
    for package, name in used:
        assert name in public(package), f"{package}.{name}"


@pytest.mark.parametrize("kind", REGISTRIES)
def test_every_check_of_the_kit_is_explained(kind, documentation):
    from alkit.testing import hints

    assert f"::: alkit-checks {kind}\n" in read(documentation, "testing.md")
    table = hooks_file(documentation).checks(kind)
    assert re.findall(r"^\| `([\w-]+)`", table, re.MULTILINE) == list(hints.ADVICE[kind])


@pytest.mark.parametrize("kind", REGISTRIES)
def test_every_built_in_plugin_has_a_heading_and_its_options(kind, documentation):
    page = read(documentation, "strategies.md" if kind == "strategy" else "tasks-and-oracles.md")
    written = re.findall(
        r"^##+ ([\w-]+)\n\n(?:\[[^\n]+\n\n)?::: alkit-plugin (\w+) ([\w-]+)$", page, re.MULTILINE
    )
    names = sorted(plugin.name for plugin in REGISTRIES[kind] if plugin.distribution == "alkit")
    assert [told for told in written if told[1] == kind] == [(name, kind, name) for name in names]
    for name in names:
        table = hooks_file(documentation).plugin(kind, name)
        options = [option.name for option in options_of(REGISTRIES[kind].get(f"alkit:{name}"))]
        assert re.findall(r"^\| `([\w-]+)`", table, re.MULTILINE) == options


def test_the_glossary_has_the_words_of_the_field(documentation):
    words = re.findall(r"^## (.+)$", read(documentation, "glossary.md"), re.MULTILINE)
    assert words == sorted(words)
    assert {"pool", "candidate", "cycle", "seed query", "control slice", "companion", "tap"} <= set(words)
    told = cli.epilog or ""
    assert f"{documentation.repository}/blob/main/docs/reference/glossary.md" in told


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
