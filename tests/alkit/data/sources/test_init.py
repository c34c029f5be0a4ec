"""Opening by name or path, and what importing costs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from alkit.errors import SourceError
from alkit.plugin.sources import open_source


def test_importing_sources_imports_nothing_heavy() -> None:
    code = (
        "import sys, alkit.data.sources; "
        "print([name for name in ('numpy', 'torch', 'sklearn', 'PIL', 'torchvision') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_name_wins_over_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "digits").mkdir()
    Image.new("L", (2, 2)).save(tmp_path / "digits/a.png")
    monkeypatch.chdir(tmp_path)
    assert len(open_source("digits").keys()) == 1297
    assert open_source("./digits").keys() == ["a.png"]


def test_unknown_names_are_told_the_known_ones() -> None:
    with pytest.raises(SourceError, match=r"'cifar-10'.*digits, cifar10, cifar100"):
        open_source("cifar-10")
