"""The example executor: as short as the pages say, of public names only, and right where Ray is installed."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

Python = Callable[..., str]
ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "plugins" / "alkit-ray"
NO_RAY = importlib.util.find_spec("ray") is None


def test_it_is_as_short_as_the_documents_say_and_uses_public_names_only() -> None:
    lines = (FOLDER / "alkit_ray.py").read_text().splitlines()
    assert len(lines) <= 60
    imported = [line for line in lines if "import" in line and "alkit" in line]
    assert imported == ["import alkit", "from alkit.errors import ExecutorError, WorkersLost"]


@pytest.mark.slow
def test_it_is_typed(python: Python, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mypy")
    copy = shutil.copytree(FOLDER, tmp_path / "copy")
    monkeypatch.setenv("MYPYPATH", os.pathsep.join([str(ROOT), str(ROOT / "plugins")]))
    words = ("-m", "mypy", "--follow-imports=silent", "alkit_ray.py")
    more = () if not NO_RAY else ("--ignore-missing-imports",)
    assert "no issues found in 1 source file" in python(*words, *more, cwd=copy)


@pytest.mark.slow
@pytest.mark.skipif(NO_RAY, reason="needs ray")
def test_it_conforms(install: Callable[..., Path], python: Python, tmp_path: Path) -> None:
    said = python("-m", "alkit", "check", "ray", "-o", "workers=2", cwd=tmp_path, path=install(FOLDER))
    assert " 0 failed" in said
