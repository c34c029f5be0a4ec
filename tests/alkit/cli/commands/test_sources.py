"""Sources on the command line: listed, described, checked, opened twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image


@pytest.mark.parametrize("name", ["folder", "webdataset", "parquet", "fsspec"])
def test_a_source_is_described(alkit, name: str) -> None:
    assert alkit("plugins", name).out.startswith(f"{name} (alkit ")


def test_a_source_is_checked(alkit) -> None:
    said = alkit("check", "digits", "--kind", "source", "--json")
    assert said.code == 0
    assert said.json["kind"] == "source"


def test_the_same_pool_by_another_name(alkit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    for index in range(4):
        Image.new("L", (8, 8), 50 * index).save(f"photos/{index}.png")
    for pool in ("photos", "folder:photos", f"folder:{tmp_path}/photos"):
        said = alkit("query", "--campaign", "c", "--pool", pool, "--budget", "2", "--json")
        assert said.code == 0, said.err
        assert said.json["query"] == 1
