"""Answers in CSV, as people and their programs write them."""

from __future__ import annotations

import sys
from datetime import datetime, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alkit.data.columns import parse_columns
from alkit.errors import InvalidAnswers
from alkit.labeling.csv_table import read_answers, write_table
from alkit.labeling.given_answer import GivenAnswer
from alkit.labeling.rejection import Rejection
from alkit.labeling.times import read_time


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "answers.csv"


def test_all_columns(path: Path) -> None:
    path.write_text("image,label,annotator,time,cost\na.png,cat,ann,2026-01-01,1.5\nb.png,dog,,,\n")
    table = read_answers(path)
    assert table.answers == [
        GivenAnswer(2, "a.png", "cat", "ann", "2026-01-01", 1.5),
        GivenAnswer(3, "b.png", "dog"),
    ]
    assert (table.rejected, table.blank, table.notes) == ([], 0, [])


@pytest.mark.parametrize("column", ["image", "path", " Image ", "filename", "File Name", "image-path", "id"])
def test_an_image_goes_by_any_of_these_columns(path: Path, column: str) -> None:
    path.write_text(f"label,{column}\ncat,7\n")
    assert read_answers(path).answers == [GivenAnswer(2, "7", "cat")]


def test_an_index_and_a_hash_have_columns_of_their_own(path: Path) -> None:
    path.write_text("label,index\ncat,7\ndog,8.0\nowl,x\nowl,\n")
    table = read_answers(path)
    assert table.answers == [GivenAnswer(2, "", "cat", index=7), GivenAnswer(3, "", "dog", index=8)]
    assert [(entry.line, entry.reason) for entry in table.rejected] == [
        (4, "has the index 'x', which is not a position in the pool"),
        (5, "names no image"),
    ]
    path.write_text("hash,label\nabcdef01,cat\n")
    assert read_answers(path).answers == [GivenAnswer(2, "", "cat", hash="abcdef01")]


def test_the_list_of_a_query_is_read_by_its_image(path: Path) -> None:
    path.write_text("rank,index,image,score,strategy,cycle,label\n1,9,a.png,0.5,entropy,0,cat\n")
    assert read_answers(path).answers == [GivenAnswer(2, "a.png", "cat", index=9)]


def test_what_a_spreadsheet_on_windows_saves(path: Path) -> None:
    path.write_bytes("\ufeffimage,label\r\nä.png,kätzchen\r\n\r\n".encode())
    table = read_answers(path)
    assert (table.answers, table.blank) == ([GivenAnswer(2, "ä.png", "kätzchen")], 0)


def test_names_keep_the_spaces_that_they_begin_or_end_with(path: Path) -> None:
    path.write_text("image,label,annotator\n a.png , cat , ann \n ,cat,\n")
    table = read_answers(path)
    answers, rejected = table.answers, table.rejected
    assert answers == [GivenAnswer(2, " a.png ", " cat ", "ann")]
    assert rejected == [Rejection(3, "names no image")]
    assert (answers[0].meant([" cat "]), answers[0].meant(["cat"])) == (" cat ", "cat")


BEFORE_3_11 = sys.version_info < (3, 11)  # csv could not write a zero
WRITABLE = st.characters(exclude_categories=["Cs"], exclude_characters="\0" if BEFORE_3_11 else "")


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(WRITABLE, min_size=1), min_size=1))
def test_names_of_all_sorts_come_back_from_a_written_table(
    tmp_path_factory: pytest.TempPathFactory, names: list[str]
) -> None:
    path = tmp_path_factory.mktemp("written") / "answers.csv"
    for name in ("a\rb", "\r", "a\nb", "a\r\nb", *names):
        write_table(path, ["image", "label"], [(f"{name}.png", f"{name}.")])
        assert [(a.image, a.label) for a in read_answers(path).answers] == [(f"{name}.png", f"{name}.")]
    assert path.read_bytes().startswith(b"image,label\n")


def test_times_of_all_zones() -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
    for text in ("2026-01-01T12:00:00Z", "2026-01-01 12:00", "2026-01-01T13:00:00+01:00"):
        assert read_time(text) == noon
    assert read_time("") is read_time("yesterday") is None


def test_lines_without_a_label_are_counted_as_not_answered(path: Path) -> None:
    path.write_text("image,label\na.png,\nb.png,  \nc.png,cat\nd.png\n")
    table = read_answers(path)
    assert ([answer.image for answer in table.answers], table.rejected, table.blank) == (["c.png"], [], 3)


def test_lines_that_make_no_sense_are_named(path: Path) -> None:
    path.write_text(
        "image,label,cost\n,cat,\na.png,cat,1,extra\nb.png,cat,much\nc.png,cat,nan\nd.png,cat,inf\ne.png,cat,2\n"
    )
    table = read_answers(path)
    assert [(answer.image, answer.cost) for answer in table.answers] == [("c.png", None), ("e.png", 2.0)]
    assert [entry.line for entry in table.rejected] == [2, 3, 4, 6]
    assert table.rejected[2].reason == "cost 'much' is not a number"


def test_a_line_is_counted_in_the_file(path: Path) -> None:
    path.write_text('image,label\n"a\nb.png",cat\nc.png,dog\n')
    assert [answer.line for answer in read_answers(path).answers] == [3, 4]


@pytest.mark.parametrize("content", [b"", b"what,label\na,b\n", b"image\na\n", b"a.png,cat\nb.png,dog\n"])
def test_a_file_without_the_columns_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(InvalidAnswers, match="should have the columns image and label"):
        read_answers(path)


def test_a_header_alone_is_refused(path: Path) -> None:
    path.write_text("image,label\n")
    with pytest.raises(InvalidAnswers, match="has a header, but no rows"):
        read_answers(path)


@pytest.mark.parametrize(
    ("content", "note"),
    [
        ("image;label\r\nä b.png;kätzchen\r\n".encode(), "its cells are separated by semicolons"),
        ("image\tlabel\nä b.png\tkätzchen\n".encode(), "its cells are separated by tabs"),
        ("sep=;\nimage;label\nä b.png;kätzchen\n".encode(), "its cells are separated by semicolons"),
        ("\n\nimage,label\n\n , \nä b.png,kätzchen\n".encode(), None),
        ("image,label\nä b.png,kätzchen\n".encode("utf-8-sig"), None),
        ("image,label\nä b.png,kätzchen\n".encode("utf-16"), "it is UTF-16"),
        ("image,label\nä b.png,kätzchen\n".encode("utf-16-le"), "it is UTF-16"),
        ("image,label\nä b.png,kätzchen\n".encode("utf-16-be"), "it is UTF-16"),
        (
            "image,label\nä b.png,kätzchen\n".encode("latin-1"),
            "it is not UTF-8, so it was read as Windows-1252 (Latin-1): line 2 has 'ä'",
        ),
        (
            "filename,class\nä b.png,kätzchen\n".encode(),
            "it has no columns called image and label: took image from 'filename' and label from 'class'",
        ),
    ],
)
def test_a_table_as_programs_write_it(path: Path, content: bytes, note: str | None) -> None:
    path.write_bytes(content)
    table = read_answers(path)
    assert [(answer.image, answer.label) for answer in table.answers] == [("ä b.png", "kätzchen")]
    assert list(table.notes) == ([] if note is None else [note])


def test_the_counter_of_a_data_frame_is_not_an_index(path: Path) -> None:
    for start in (0, 1):
        rows = "".join(f"{number},{name}.png,cat\n" for number, name in enumerate("cab", start))
        path.write_text(f"index,filename,label\n{rows}")
        table = read_answers(path)
        assert [(a.image, a.index) for a in table.answers] == [
            ("c.png", None),
            ("a.png", None),
            ("b.png", None),
        ]
        assert any("only counts the rows" in note for note in table.notes)
    path.write_text("index,filename,label\n4,c.png,cat\n2,a.png,cat\n")
    assert [a.index for a in read_answers(path).answers] == [4, 2]


def test_columns_can_be_named(path: Path) -> None:
    path.write_text("What,Which,other\ncat,a.png,x\n")
    found = read_answers(path, parse_columns("label=what, image=Which")).answers
    assert found == [GivenAnswer(2, "a.png", "cat")]
    with pytest.raises(InvalidAnswers, match="has no column 'whose'; its columns are What, Which, other"):
        read_answers(path, {"image": "whose"})
    with pytest.raises(InvalidAnswers, match="columns should be like image=FILE"):
        parse_columns("picture=What")
    path.write_text("image,label,Label\na,b,c\n")
    with pytest.raises(InvalidAnswers, match="has 2 columns called 'label'"):
        read_answers(path)


def test_several_columns_with_paths_all_count(path: Path) -> None:
    path.write_text("path,image,label\nx/a.png,a.png,cat\n")
    assert read_answers(path).answers == [GivenAnswer(2, "a.png", "cat", others=("x/a.png",))]


@pytest.mark.parametrize("word", ["nan", "NaN", "NA", "N/A", "null", "None", "<NA>", "-"])
def test_words_for_an_empty_cell_are_blank_unless_they_are_a_class(word: str) -> None:
    assert GivenAnswer(1, "a.png", word).is_blank(["cat"])
    assert not GivenAnswer(1, "a.png", word).is_blank(["cat", word])


@pytest.mark.parametrize(
    ("label", "classes", "meant"),
    [
        (" cat ", ["cat"], "cat"),
        ("cafe\u0301", ["caf\u00e9"], "caf\u00e9"),
        ("caf\u00e9", ["cafe\u0301"], "cafe\u0301"),
        ("1.0", ["1", "2"], "1"),
        ("1", ["1.0"], "1.0"),
        ("1", ["1.0", "01"], "1"),
        ("Cat", ["cat"], "Cat"),
    ],
)
def test_a_label_means_a_class_that_is_the_same(label: str, classes: list[str], meant: str) -> None:
    assert GivenAnswer(1, "a.png", label).meant(classes) == meant


@pytest.mark.parametrize(
    "content", [b'image,label\n"a,b\n', b"PK\x03\x04 a workbook", b"image,label\n\xff\0\0,b\n"]
)
def test_a_file_that_is_no_text_or_no_csv_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(InvalidAnswers, match=r"answers\.csv is (not|a workbook)"):
        read_answers(path)


def test_no_file_and_a_folder_are_refused(path: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidAnswers, match=r"there is no file .*answers\.csv"):
        read_answers(path)
    with pytest.raises(InvalidAnswers, match="cannot be read"):
        read_answers(tmp_path)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=80))
def test_whatever_is_in_a_file_it_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes
) -> None:
    path = tmp_path_factory.mktemp("noise") / "answers.csv"
    path.write_bytes(b"image,label\n" + noise)
    try:
        table = read_answers(path)
    except InvalidAnswers:
        return
    assert all(answer.image and answer.label for answer in table.answers)
    assert table.blank >= 0
    assert not {entry.line for entry in table.rejected} & {answer.line for answer in table.answers}
