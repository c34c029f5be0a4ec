"""What `alkit new-plugin` writes works at once: linted, typed, installed, tested, checked, queried with."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from alkit.plugin import scaffold

pytestmark = pytest.mark.slow

Python = Callable[..., str]
ROOT = Path(__file__).parents[2]
STRICTER = ("--isolated", "--line-length=110", "--select=E,F,W,I,B,UP,SIM,RUF,PERF,PTH")


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One of each kind, called `try-KIND`."""
    folder = tmp_path_factory.mktemp("projects")
    for kind in scaffold.KINDS:
        scaffold.create(kind, f"try-{kind}", folder / kind)
    return {kind: folder / kind for kind in scaffold.KINDS}


@pytest.fixture(scope="module")
def installed(projects: dict[str, Path], install: Callable[..., Path]) -> Path:
    return install(*projects.values())


@pytest.mark.parametrize("kind", scaffold.KINDS)
def test_ruff_has_nothing_to_say(kind: str, projects: dict[str, Path], python: Python) -> None:
    pytest.importorskip("ruff")
    for words in (["check"], ["format", "--check"], ["check", *STRICTER]):
        python("-m", "ruff", *words, "--no-cache", ".", cwd=projects[kind])


def test_mypy_has_nothing_to_say(
    projects: dict[str, Path], python: Python, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("mypy")
    monkeypatch.setenv("MYPYPATH", os.pathsep.join([str(ROOT), str(ROOT / "plugins")]))
    files = [str(file) for project in projects.values() for file in project.rglob("*.py")]
    options = ("--strict", "--follow-imports=silent", "--cache-dir", str(tmp_path))
    assert "no issues found in 14 source files" in python("-m", "mypy", *options, *files, cwd=tmp_path)


@pytest.mark.parametrize("kind", scaffold.KINDS)
def test_its_own_tests_pass(kind: str, projects: dict[str, Path], installed: Path, python: Python) -> None:
    words = ("-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider")
    talk = python(*words, cwd=projects[kind], path=installed)
    assert " passed" in talk
    assert "failed" not in talk


@pytest.mark.parametrize("kind", ["strategy", "task", "format"])
def test_it_conforms(kind: str, installed: Path, python: Python, tmp_path: Path) -> None:
    said = python("-m", "alkit", "check", f"try-{kind}", cwd=tmp_path, path=installed)
    assert " 0 failed" in said


def test_a_query_uses_the_strategy_and_the_task(installed: Path, python: Python, tmp_path: Path) -> None:
    words = ["--strategy", "try-strategy", "--task", "try-task", "--pool", "digits", "--budget", "20"]
    options = ["-o", "temperature=2", "-t", "width=4", "--quiet", "--json"]
    query = json.loads(python("-m", "alkit", "query", *words, *options, cwd=tmp_path, path=installed))
    assert (query["strategy"], query["distribution"]) == ("try-strategy", "alkit-try-strategy")
    assert len(query["picks"]) == 20
    words = ["export", "--campaign", "digits-campaign", "--format", "try-format", "--out", "list.try-format"]
    python("-m", "alkit", *words, cwd=tmp_path, path=installed)
    assert len((tmp_path / "list.try-format").read_text().splitlines()) == 20
