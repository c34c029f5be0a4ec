"""The larger example plugin: installed as a stranger does, it conforms, is typed and remembers."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

Python = Callable[..., str]
ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "plugins" / "alkit-novelty"


@pytest.fixture(scope="module")
def installed(install: Callable[..., Path]) -> Path:
    return install(FOLDER)


@pytest.mark.slow
def test_two_queries_of_a_campaign_share_what_it_remembers(
    installed: Path, tmp_path: Path, python: Python
) -> None:
    quick = ["--strategy", "novelty", "-o", "iterations=5", "--quiet", "--json"]
    made = ["--pool", "digits", "--budget", "10", "--oracle", "dataset", "-t", "epochs=2"]
    python("-m", "alkit", "query", *made, *quick, cwd=tmp_path, path=installed)
    again = ["--campaign", "digits-campaign"]
    python("-m", "alkit", "ingest", *again, "--oracle", "dataset", "--quiet", cwd=tmp_path, path=installed)
    words = ["query", *again, "--budget", "10", *quick]
    second = json.loads(python("-m", "alkit", *words, cwd=tmp_path, path=installed))
    assert (second["strategy"], second["distribution"]) == ("novelty", "alkit-novelty")
    assert len(second["picks"]) == 10
    told = second["diagnostics"]
    assert told["share_of_novelty"] != pytest.approx(told["told_apart"], abs=1e-9)


@pytest.mark.slow
def test_its_own_tests_pass(installed: Path, tmp_path: Path, python: Python) -> None:
    copy = shutil.copytree(FOLDER / "tests", tmp_path / "tests")
    talk = python("-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", cwd=copy, path=installed)
    assert " passed" in talk
    assert "failed" not in talk


@pytest.mark.slow
def test_it_is_typed(python: Python, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mypy")
    copy = shutil.copytree(FOLDER, tmp_path / "copy")
    monkeypatch.setenv("MYPYPATH", os.pathsep.join([str(ROOT), str(ROOT / "plugins")]))
    words = ("-m", "mypy", "--follow-imports=silent", "alkit_novelty.py", "tests/test_novelty.py")
    assert "no issues found in 2 source files" in python(*words, cwd=copy)


def test_it_uses_public_names_only() -> None:
    text = (FOLDER / "alkit_novelty.py").read_text()
    imported = [line for line in text.splitlines() if "import" in line and "alkit" in line]
    assert imported == ["import alkit"]
