"""Folders: which files belong to the pool, what they are called, and when folders are classes."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from alkit.errors import SourceError
from alkit.plugin.sources import open_source


def image(path: Path, value: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (4, 4), value).save(path)


def test_any_depth_hidden_files_and_other_suffixes(tmp_path: Path) -> None:
    for name in ("b.png", "a/x.PNG", "a/b/c/d.jpg", ".hidden.png", ".git/x.png", "a/.b/x.png"):
        image(tmp_path / name)
    (tmp_path / "readme.txt").write_text("no image")
    (tmp_path / "folder.jpg").mkdir()
    source = open_source(str(tmp_path))
    assert source.keys() == ["a/b/c/d.jpg", "a/x.PNG", "b.png"]
    assert source.location == str(tmp_path)
    assert source.path("a/x.PNG") == tmp_path / "a/x.PNG"
    assert source.answers() == {} and source.classes == () and source.test_split() is None
    assert source.notes == ("left out by their suffix: 1 .txt",)
    assert source.facts["left_out"] == {".txt": 1}
    assert not source.answers_itself


def test_files_of_other_image_suffixes_are_opened(tmp_path: Path) -> None:
    for name in ("b.jfif", "c.jpe", "d.HEIC", "a.jpg"):
        image(tmp_path / "a.jpg")
        (tmp_path / "a.jpg").rename(tmp_path / name)
    (tmp_path / "broken.jfif").write_bytes(b"\xff\xd8\xff")
    (tmp_path / "letter.heic").write_text("no image")
    source = open_source(str(tmp_path))
    assert source.keys() == ["a.jpg", "b.jfif", "c.jpe", "d.HEIC"]
    assert source.load("d.HEIC")[1].shape == (4, 4, 1)
    assert source.facts["left_out"] == {".jfif": 1, ".heic": 1}
    assert source.facts["look_like_images"] == {".jfif": "broken.jfif"}


def test_files_that_look_like_images_are_named(tmp_path: Path) -> None:
    image(tmp_path / "a.png")
    (tmp_path / "photo").write_bytes((tmp_path / "a.png").read_bytes())
    source = open_source(str(tmp_path))
    assert source.keys() == ["a.png"]
    assert source.facts["look_like_images"] == {"": "photo"}
    assert any(note.startswith("warning: ") and "'photo'" in note for note in source.notes)


def test_special_files_are_left_out_and_said(tmp_path: Path) -> None:
    image(tmp_path / "a.png")
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "link.png").symlink_to("/dev/zero")
    source = open_source(str(tmp_path))
    assert source.keys() == ["a.png"]
    assert source.facts["special"] == ["link.png", "pipe.png"]
    assert "2, such as 'link.png'" in source.notes[0]


def test_relative_locations_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image(tmp_path / "pool/a.png")
    monkeypatch.chdir(tmp_path)
    source = open_source("pool")
    monkeypatch.chdir("/")
    assert open_source(source.location).keys() == ["a.png"]
    assert source.load("a.png")[1].shape == (4, 4, 1)


def test_one_folder_a_class(tmp_path: Path) -> None:
    for name in ("dog/1.png", "cat/2.png", "cat/3.png"):
        image(tmp_path / name)
    source = open_source(str(tmp_path))
    assert source.classes == ("cat", "dog")
    assert source.answers() == {"cat/2.png": "cat", "cat/3.png": "cat", "dog/1.png": "dog"}


@pytest.mark.parametrize("extra", ["4.png", "cat/deep/4.png"])
def test_one_image_elsewhere_and_folders_are_no_classes(tmp_path: Path, extra: str) -> None:
    for name in ("dog/1.png", "cat/2.png", extra):
        image(tmp_path / name)
    assert open_source(str(tmp_path)).classes == ()


def test_a_single_folder_is_no_class(tmp_path: Path) -> None:
    image(tmp_path / "cat/1.png")
    assert open_source(str(tmp_path)).answers() == {}


def test_links(tmp_path: Path) -> None:
    image(tmp_path / "pool/a/1.png")
    image(tmp_path / "elsewhere/2.png")
    (tmp_path / "pool/a/loop").symlink_to(tmp_path / "pool")
    (tmp_path / "pool/linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "pool/broken.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / "pool/self.png").symlink_to(tmp_path / "pool/self.png")
    source = open_source(str(tmp_path / "pool"))
    assert source.keys() == ["a/1.png", "broken.png", "linked/2.png", "self.png"]
    assert source.read("broken.png").unusable == "no such file"
    assert "symbolic links" in (source.read("self.png").unusable or "")
    assert source.load("linked/2.png")[1].shape == (4, 4, 1)


def test_empty_missing_and_other_files(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(SourceError, match="holds no images"):
        open_source(str(tmp_path))
    with pytest.raises(SourceError, match="no folder or file"):
        open_source(str(tmp_path / "nothing"))
    with pytest.raises(SourceError, match=r"notes\.txt' is not a pool of images"):
        open_source(str(tmp_path / "notes.txt"))


def test_folder_that_cannot_be_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image(tmp_path / "a/1.png")
    plain = os.scandir

    def refusing(path: str) -> object:
        if str(path).endswith("/a"):
            raise PermissionError(13, "Permission denied")
        return plain(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(SourceError, match="cannot be listed"):
        open_source(str(tmp_path))


def test_names_that_are_not_utf8_are_unusable_and_storable(tmp_path: Path) -> None:
    image(tmp_path / "good.png")
    content = (tmp_path / "good.png").read_bytes()
    try:
        for name in (b"bad\xff.png", b"dir\xfe/x.png", b"dir\xfe/y.png"):
            path = tmp_path / os.fsdecode(name)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
    except OSError:
        pytest.skip("this file system refuses such names")
    source = open_source(str(tmp_path))
    assert source.keys() == ["bad\\xff.png", "dir\\xfe/x.png", "dir\\xfe/y.png", "good.png"]
    assert "UTF-8" in (source.read("bad\\xff.png").unusable or "")
    assert source.header("bad\\xff.png") is None
    json.dumps(source.keys()).encode()
    with pytest.raises(SourceError, match="cannot be opened"):
        open_source(str(tmp_path / os.fsdecode(b"dir\xfe")))


NAMES = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0/"), min_size=1, max_size=40
).filter(lambda name: not name.startswith(".") and len(name.encode()) < 200)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.sets(NAMES, min_size=1, max_size=5))
def test_any_name_works_as_a_key(tmp_path_factory: pytest.TempPathFactory, names: set[str]) -> None:
    folder = tmp_path_factory.mktemp("names")
    for number, name in enumerate(sorted(names)):
        Image.new("L", (2, 2), number).save(folder / f"{name}.png")
    source = open_source(str(folder))
    assert source.keys() == sorted(f"{name}.png" for name in names)
    database = sqlite3.connect(":memory:")
    for number, key in enumerate(source.keys()):
        stored = database.execute("SELECT ?", (json.loads(json.dumps(key)),)).fetchone()[0]
        assert stored == key
        value = sorted(names).index(key.removesuffix(".png"))
        assert np.array_equal(source.load(stored)[1], np.full((2, 2, 1), value)), number
    database.close()
