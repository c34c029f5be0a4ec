"""Mapped files: their pages are not kept."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from alkit.utils import mapped_files


def resident(file):
    """Kilobytes of a mapped file that are in the memory of this process."""
    lines = Path("/proc/self/smaps").read_text().splitlines()
    at = next(number for number, line in enumerate(lines) if line.endswith(str(file)))
    return next(int(line.split()[1]) for line in lines[at:] if line.startswith("Rss:"))


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells what is resident")
def test_only_a_large_file_is_let_go_of(tmp_path, monkeypatch):
    file = tmp_path / "rows.npy"
    np.save(file, np.ones((1000, 100)))
    rows = np.load(file, mmap_mode="r")
    assert rows.sum() == 100_000
    mapped_files.let_go(rows)
    assert resident(file) > 700
    monkeypatch.setattr(mapped_files, "MOST_MAPPED", 1000)
    mapped_files.let_go(rows)
    assert resident(file) == 0
    assert rows.sum() == 100_000
    mapped_files.let_go(np.ones(1000))  # is in no file
