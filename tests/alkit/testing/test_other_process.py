"""Another process chooses by what a name means here, wherever it was started."""

from __future__ import annotations

from pathlib import Path

import pytest

from alkit.testing.other_process import choose_elsewhere

MINE = """
import alkit

class Ends(alkit.Strategy):
    def select(self, cycle, n):
        return cycle.candidates[{which}]
"""


def test_a_relative_file_is_that_of_this_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = []
    for folder, which in (("one", ":n"), ("other", "-n:")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.py").write_text(MINE.format(which=which))
        monkeypatch.chdir(tmp_path / folder)
        chosen.append(choose_elsewhere("./mine.py:Ends", {}, ["classification"], 3, "cpu")["classification"])
    assert len(chosen[0]) == len(chosen[1]) == 3
    assert not set(chosen[0]) & set(chosen[1])
