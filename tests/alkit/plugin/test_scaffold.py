"""Projects to begin a plugin with: what is written, and what is never overwritten."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from alkit import INTERFACE, __version__
from alkit.cli.plugin_commands import new_plugin
from alkit.errors import UsageError
from alkit.plugin import registry, scaffold

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def test_every_kind_of_plugin_has_templates() -> None:
    assert set(scaffold.KINDS) == set(registry.KINDS) == set(new_plugin.KINDS)


@pytest.mark.parametrize("kind", scaffold.KINDS)
def test_a_project_has_module_entry_point_and_tests(kind: str, tmp_path: Path) -> None:
    files = scaffold.create(kind, "my-idea", tmp_path / "new" / "place")
    assert [file.relative_to(tmp_path / "new" / "place").as_posix() for file in files] == [
        "alkit_my_idea.py",
        "tests/test_my_idea.py",
        "pyproject.toml",
        "README.md",
        ".gitignore",
    ]
    assert all("$" not in file.read_text() for file in files if file.name != "README.md")
    project = tomllib.loads(files[2].read_text())
    assert project["project"]["entry-points"] == {f"alkit.{plugins_of(kind)}": {"my-idea": "alkit_my_idea"}}
    assert project["project"]["dependencies"] == [f"alkit>={__version__}"]
    module = ast.parse(files[0].read_text())
    assert f"alkit_interface = {INTERFACE}" in files[0].read_text()
    classes = [node.name for node in module.body if isinstance(node, ast.ClassDef)]
    assert classes == ["MyIdea" + scaffold.KINDS[kind].ending]
    assert f"Test{classes[0]}" in files[1].read_text()


def plugins_of(kind: str) -> str:
    return {"strategy": "strategies"}.get(kind, f"{kind}s")


@pytest.mark.parametrize("kind", scaffold.KINDS)
@pytest.mark.parametrize("name", ["path", "cycle", "a", "format-2", "torch", "reply"])
def test_a_name_never_hides_what_the_module_uses(kind: str, name: str, tmp_path: Path) -> None:
    module = scaffold.create(kind, name, tmp_path)[0]
    imported, defined = set[str](), set[str]()
    for node in ast.parse(module.read_text()).body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            imported |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            defined.add(node.name)
    assert not imported & defined


@pytest.mark.parametrize(
    "name", ["", "My-Idea", "my_idea", "my idea", "-a", "a-", "a--b", "2d", "é", "../a", "a/b", "a" * 41]
)
def test_a_name_that_is_not_in_kebab_case_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="should be in kebab-case, as in my-idea"):
        scaffold.create("strategy", name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_name_of_an_installed_plugin_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"already a strategy entropy \(alkit [\d.]+\); choose"):
        scaffold.create("strategy", "entropy", tmp_path)
    assert scaffold.create("task", "entropy", tmp_path)


def test_the_name_of_an_installed_module_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"already a module alkit_plugins; .* than 'plugins'"):
        scaffold.create("strategy", "plugins", tmp_path)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(UsageError, match=r"README\.md already exists.* nothing was written"):
        scaffold.create("strategy", "my-idea", tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["README.md"]
    assert (tmp_path / "README.md").read_text() == "mine"


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "LICENSE").write_text("mine")
    scaffold.create("strategy", "my-idea", tmp_path)
    assert (tmp_path / "LICENSE").read_text() == "mine"
    assert (tmp_path / "pyproject.toml").exists()


@pytest.mark.parametrize("place", ["file", "file/deeper"])
def test_a_file_in_the_way_is_named(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UsageError, match=r"file.* is in the way; name another directory"):
        scaffold.create("strategy", "my-idea", tmp_path / place)
    assert (tmp_path / "file").read_text() == "mine"
