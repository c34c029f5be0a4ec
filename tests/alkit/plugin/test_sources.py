"""Which source opens a location."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from alkit.errors import SourceError
from alkit.plugin import registry
from alkit.plugin.sources import claimed, open_source


def test_what_sources_claim_is_what_their_classes_say() -> None:
    for name, claims in claimed().items():
        cls = registry.sources.get(name)
        assert (claims.schemes, claims.suffixes, claims.datasets, claims.folders) == (
            cls.schemes,
            cls.suffixes,
            cls.datasets,
            cls.folders,
        )


def test_choosing_a_source_imports_no_other() -> None:
    code = (
        "import sys; from alkit.plugin.sources import open_source; open_source('digits'); "
        "print([n for n in sys.modules if n.startswith('alkit_plugins.sources.')], 'fsspec' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['alkit_plugins.sources.digits'] False"


def test_a_folder_of_pictures_stays_one_beside_tables_and_shards(tmp_path: Path) -> None:
    Image.new("L", (2, 2)).save(tmp_path / "a.png")
    for name in ("labels.parquet", "old.tar"):
        (tmp_path / name).write_bytes(b"x")
    assert open_source(str(tmp_path)).keys() == ["a.png"]


def test_a_path_with_a_colon_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "csv:2024").mkdir()
    Image.new("L", (2, 2)).save(tmp_path / "csv:2024/a.png")
    monkeypatch.chdir(tmp_path)
    assert open_source("csv:2024").keys() == ["a.png"]
    assert open_source(f"folder:{tmp_path}/csv:2024").keys() == ["a.png"]


def test_other_files_are_no_pools(tmp_path: Path) -> None:
    (tmp_path / "a.docx").write_bytes(b"x")
    with pytest.raises(SourceError, match=r"is not a pool of images; .*\.csv.*\.parquet.*\.tar"):
        open_source(str(tmp_path / "a.docx"))
