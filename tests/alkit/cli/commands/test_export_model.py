"""`alkit export-model`: a folder with the model, and what it says about it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Alkit = Callable[..., Any]


def test_it_names_what_it_writes(alkit: Alkit, labeled: Path, here: Path) -> None:
    lines = alkit("export-model", "-c", labeled, "--out", "model").out.splitlines()
    assert lines[0] == "model          cycle 0, 12 labels"
    written = [line.split()[1] for line in lines if line.startswith("written")]
    assert sorted(written) == sorted(str(path) for path in Path("model").iterdir())
    told = alkit("export-model", "-c", labeled, "--out", "model", "--force", "--json").json
    assert (told["labels"], told["classes"]) == (12, ["blue", "green", "red"])
    assert [f"model/{name}" for name in told["files"]] == written


def test_it_overwrites_nothing(alkit_ends: Alkit, labeled: Path, here: Path) -> None:
    Path("model").mkdir()
    said = alkit_ends("export-model", "-c", labeled, "--out", "model")
    assert said.code == 2
    assert said.error == "model already exists and is no exported model; name another folder with --out"


def test_onnx_without_its_packages_names_the_extra(
    alkit_ends: Alkit, labeled: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    said = alkit_ends("export-model", "-c", labeled, "--out", "model", "--format", "onnx")
    assert "pip install 'alkit[onnx]'" in said.error
    assert not Path("model").exists()
