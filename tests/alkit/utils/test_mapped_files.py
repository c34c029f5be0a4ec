"""Mapped files: their pages are not kept."""

from __future__ import annotations

import mmap
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


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells what is resident")
@pytest.mark.parametrize("mapped", ["by numpy", "as bytes"])
def test_pages_of_a_long_pass_are_let_go_of_now_and_then(tmp_path, monkeypatch, mapped):
    file = tmp_path / "rows"
    np.ones((4000, 1000)).tofile(file)
    with file.open("rb") as stream:
        content = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    rows = np.memmap(file, mode="r", shape=(4000, 8000)) if mapped == "by numpy" else np.frombuffer(content)
    rows = rows.reshape(4000, -1)
    monkeypatch.setattr(mapped_files, "MOST_MAPPED", 2**20)
    found = mapped_files.MappedRows(rows)
    for start in range(0, 4000, 100):
        assert found.block(start, start + 100).sum() > 0
        assert resident(file) < 10_000  # of 31,250
    some = np.arange(0, 4000, 7)
    mapped_files.let_go(rows)
    taken = found.take(some)
    assert resident(file) < 10_000
    np.testing.assert_array_equal(taken, rows[some])
    np.testing.assert_array_equal(found.take(some[::-1]), rows[some[::-1]])
    assert found.take(some[:0]).shape == (0, rows.shape[1])
