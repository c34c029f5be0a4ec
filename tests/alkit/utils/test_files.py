"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path

import pytest

from alkit.utils.files import (
    as_file_name,
    open_regular,
    read_regular,
    write_atomically,
    written_atomically,
)


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


def test_a_name_as_long_as_the_system_allows_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("é" * 127)
    write_atomically(path, "text")
    assert list(tmp_path.iterdir()) == [path]


@pytest.fixture
def odd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a pipe, a socket, links to both and to a device, a loop and a terabyte of nothing."""
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind("socket")
    for name, target in {
        "to-pipe": "pipe",
        "to-socket": "socket",
        "to-zeros": "/dev/zero",
        "loop": "loop",
    }.items():
        Path(name).symlink_to(target)
    Path("folder").mkdir()
    with open("giant", "wb") as file:
        file.truncate(2**40)
    return tmp_path


@pytest.mark.parametrize(
    "name",
    ["pipe", "socket", "to-pipe", "to-socket", "to-zeros", "loop", "folder", "giant", "missing", "/dev/null"],
)
def test_only_ordinary_files_are_opened(odd: Path, name: str) -> None:
    with pytest.raises(OSError, match=r".") as caught:
        read_regular(odd / name, most=1000)
    assert caught.value.strerror


def test_a_name_that_changes_hands_is_noticed(odd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alkit.utils.files.check_regular", lambda *_, **__: None)
    with pytest.raises(OSError, match="pipe, socket or device"):
        open_regular(odd / "pipe")


def test_an_ordinary_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to("file")
    assert read_regular(tmp_path / "link", most=7) == b"content"


def test_an_error_names_the_file_and_not_its_temporary_name(tmp_path: Path) -> None:
    target = tmp_path / "missing" / "report.html"
    with pytest.raises(OSError) as failed:
        write_atomically(target, "page")
    assert failed.value.filename == str(target)
    with pytest.raises(OSError) as failed, written_atomically(target) as temporary:
        temporary.write_text("page")
    assert failed.value.filename == str(target)
