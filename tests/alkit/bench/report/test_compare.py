"""Comparing two folders of results."""

from pathlib import Path

import pytest

from alkit.bench.report import compare_report
from alkit.errors import BenchmarkError


def test_a_folder_without_results_is_named(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match=r"there are no results in '.*nowhere'; name a folder that"):
        compare_report(tmp_path / "nowhere", tmp_path)
