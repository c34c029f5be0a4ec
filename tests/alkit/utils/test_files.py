"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from alkit.utils.files import as_file_name, write_atomically, written_atomically


@pytest.mark.parametrize(("content", "written"), [("ü\n", "ü\n".encode()), (b"\x00\xff", b"\x00\xff")])
def test_text_and_bytes_take_the_place_of_what_was_there(
    tmp_path: Path, content: str | bytes, written: bytes
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"something much longer")
    write_atomically(path, content)
    assert path.read_bytes() == written
    assert list(tmp_path.iterdir()) == [path]


def test_what_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, "new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_block_that_writes_a_file_replaces_it_at_the_end_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), written_atomically(path) as temporary:
        temporary.write_bytes(b"half")
        raise ZeroDivisionError
    assert path.read_bytes() == b"old"
    with written_atomically(path) as temporary:
        temporary.write_bytes(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_text_makes_a_safe_name() -> None:
    assert as_file_name("ta-vaal") == "ta-vaal"
    name = as_file_name('mix(0.8 a/b.py:Mine, "c") > d' + "x" * 100)
    assert re.fullmatch(r"mix-0.8-a-b.py-Mine-c-d[\w-]+", name)
    assert len(name) < 60
    assert name != as_file_name('mix(0.8 a/b.py:Mine, "c") > d' + "x" * 101)
    assert as_file_name("..") not in ("", ".", "..")
