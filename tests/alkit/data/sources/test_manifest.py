"""CSV manifests: which rows are images, and what is wrong with the others."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from alkit.data.source import Source
from alkit.errors import SourceError
from alkit.plugin.sources import open_source


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, name in enumerate(("a.png", "sub/b.png", "with, comma.png", "two\nlines.png")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (4, 4), (number, 0, 0)).save(tmp_path / name)
    return tmp_path


def opened(folder: Path, text: str | bytes) -> Source:
    file = folder / "pool.csv"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return open_source(str(file))


def test_paths_labels_and_order(folder: Path) -> None:
    absolute = folder / "a.png"
    source = opened(
        folder,
        f'note,image,label\nx,sub/b.png,dog\ny,{absolute},cat\nz,"with, comma.png",\n,"two\nlines.png",dog\n',
    )
    assert source.keys() == ["sub/b.png", str(absolute), "with, comma.png", "two\nlines.png"]
    assert source.answers() == {"sub/b.png": "dog", str(absolute): "cat", "two\nlines.png": "dog"}
    assert source.classes == ("cat", "dog")
    keys = source.keys()
    assert [int(source.load(key)[1][0, 0, 0]) for key in keys] == [1, 0, 2, 3]
    assert source.path("sub/b.png") == folder / "sub/b.png"
    assert source.path(str(absolute)) == absolute
    assert open_source(source.location).keys() == source.keys()


def test_byte_order_mark_windows_lines_and_blank_lines(folder: Path) -> None:
    source = opened(folder, b"\xef\xbb\xbfimage, label\r\n\r\na.png, cat \r\n\r\n")
    assert source.answers() == {"a.png": "cat"}


def test_missing_file_is_unusable_not_an_error(folder: Path) -> None:
    source = opened(folder, "image\ngone.png\nsub\na.png\n")
    assert source.read("gone.png").unusable == "no such file"
    assert source.read("sub").unusable == "not a file"
    assert source.read("a.png").unusable is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("what,label\na.png,cat\n", "no column 'image'; its columns are 'what', 'label'"),
        ("", "its columns are none"),
        ("image,label\n", "names no images"),
        ("image\na.png\nsub/b.png\na.png\n", "line 4 .* 'a.png' again, after line 2"),
        ("image,label\nwith, comma.png,cat\n", "line 2 .* more fields"),
        ("image,label\n,cat\n", "line 2 .* names no image"),
        ('image,label\n"a.png,cat\n', "not a well-formed table"),
        (b"image\n\xff\0.png\n", "is not text"),
    ],
)
def test_what_is_wrong_is_said(folder: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        opened(folder, text)


@pytest.mark.parametrize(
    ("written", "file"),
    [
        ("sub\\b.png", "sub/b.png"),
        (".\\sub\\b.png", "sub/b.png"),
        ("sub/caf\u00e9.png", "sub/cafe\u0301.png"),
        ("sub/cafe\u0301.png", "sub/caf\u00e9.png"),
        ("sub/b%20c.png", "sub/b c.png"),
        ("/home/ada/photos/sub/b.png", "sub/b.png"),
        ("C:\\photos\\sub\\b.png", "sub/b.png"),
        (" sub/b.png ", "sub/b.png"),
    ],
)
def test_a_path_of_another_machine_or_program_finds_its_file(tmp_path: Path, written: str, file: str) -> None:
    (tmp_path / "sub").mkdir()
    Image.new("RGB", (4, 4)).save(tmp_path / file)
    source = opened(tmp_path, f"image,label\n{written},cat\n")
    assert source.keys() == [written]
    assert source.read(written).unusable is None


def test_a_file_of_just_this_name_wins(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for number, name in enumerate(("sub/b.png", "sub\\b.png")):
        Image.new("RGB", (4, 4), (number, 0, 0)).save(tmp_path / name)
    source = opened(tmp_path, "image\nsub/b.png\nsub\\b.png\n")
    assert [int(source.load(key)[1][0, 0, 0]) for key in source.keys()] == [0, 1]  # noqa: SIM118


def test_a_table_of_another_program(folder: Path) -> None:
    source = opened(folder, "File Name;Class\na.png;cat\nsub/b.png;nan\n")
    assert source.answers() == {"a.png": "cat"}
    assert source.classes == ("cat",)
    assert [note.partition(":")[2].strip()[:20] for note in source.notes] == [
        "its cells are separa",
        "it has no columns ca",
        "1 label counts as em",
    ]


def test_a_class_that_is_called_none_stays_if_there_is_no_other(folder: Path) -> None:
    assert opened(folder, "image,label\na.png,None\n").classes == ("None",)
