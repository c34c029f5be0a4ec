"""Answers in CSV, as people and their programs write them."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alkit.errors import InvalidAnswers
from alkit.labeling.csv_table import GivenAnswer, read_answers, write_table
from alkit.labeling.rejection import Rejection
from alkit.labeling.times import read_time


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "answers.csv"


def test_all_columns(path: Path) -> None:
    path.write_text("image,label,annotator,time,cost\na.png,cat,ann,2026-01-01,1.5\nb.png,dog,,,\n")
    answers, rejected, blank = read_answers(path, annotator="me")
    assert answers == [
        GivenAnswer(2, "a.png", "cat", "ann", "2026-01-01", 1.5),
        GivenAnswer(3, "b.png", "dog", "me"),
    ]
    assert (rejected, blank) == ([], 0)


@pytest.mark.parametrize("column", ["image", "path", "index", "hash", " Image "])
def test_an_image_goes_by_any_of_these_columns(path: Path, column: str) -> None:
    path.write_text(f"label,{column}\ncat,7\n")
    assert read_answers(path)[0] == [GivenAnswer(2, "7", "cat")]


def test_the_list_of_a_query_is_read_by_its_image(path: Path) -> None:
    path.write_text("rank,index,image,score,strategy,cycle,label\n1,9,a.png,0.5,entropy,0,cat\n")
    assert read_answers(path)[0] == [GivenAnswer(2, "a.png", "cat")]


def test_what_a_spreadsheet_on_windows_saves(path: Path) -> None:
    path.write_bytes("\ufeffimage,label\r\nä.png,kätzchen\r\n\r\n".encode())
    assert read_answers(path) == ([GivenAnswer(2, "ä.png", "kätzchen")], [], 0)


def test_names_keep_the_spaces_that_they_begin_or_end_with(path: Path) -> None:
    path.write_text("image,label,annotator\n a.png , cat , ann \n ,cat,\n")
    answers, rejected, _ = read_answers(path)
    assert answers == [GivenAnswer(2, " a.png ", " cat ", "ann")]
    assert rejected == [Rejection(3, "names no image")]
    assert (answers[0].meant([" cat "]), answers[0].meant(["cat"])) == (" cat ", "cat")


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1))
def test_names_of_all_sorts_come_back_from_a_written_table(
    tmp_path_factory: pytest.TempPathFactory, names: list[str]
) -> None:
    path = tmp_path_factory.mktemp("written") / "answers.csv"
    for name in ("a\rb", "\r", "a\nb", "a\r\nb", *names):
        write_table(path, ["image", "label"], [(f"{name}.png", f"{name}.")])
        assert [(a.image, a.label) for a in read_answers(path)[0]] == [(f"{name}.png", f"{name}.")]
    assert path.read_bytes().startswith(b"image,label\n")


def test_times_of_all_zones() -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
    for text in ("2026-01-01T12:00:00Z", "2026-01-01 12:00", "2026-01-01T13:00:00+01:00"):
        assert read_time(text) == noon
    assert read_time("") is read_time("yesterday") is None


def test_lines_without_a_label_are_counted_as_not_answered(path: Path) -> None:
    path.write_text("image,label\na.png,\nb.png,  \nc.png,cat\nd.png\n")
    answers, rejected, blank = read_answers(path)
    assert ([answer.image for answer in answers], rejected, blank) == (["c.png"], [], 3)


def test_lines_that_make_no_sense_are_named(path: Path) -> None:
    path.write_text(
        "image,label,cost\n,cat,\na.png,cat,1,extra\nb.png,cat,much\nc.png,cat,nan\nd.png,cat,inf\ne.png,cat,2\n"
    )
    answers, rejected, _ = read_answers(path)
    assert [answer.image for answer in answers] == ["e.png"]
    assert [entry.line for entry in rejected] == [2, 3, 4, 5, 6]
    assert rejected[2].reason == "cost 'much' is not a number"


def test_a_line_is_counted_in_the_file(path: Path) -> None:
    path.write_text('image,label\n"a\nb.png",cat\nc.png,dog\n')
    assert [answer.line for answer in read_answers(path)[0]] == [3, 4]


@pytest.mark.parametrize("content", [b"", b"picture,label\na,b\n", b"image;label\na;b\n", b"image\na\n"])
def test_a_file_without_the_columns_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(InvalidAnswers, match="should have the columns image and label"):
        read_answers(path)


@pytest.mark.parametrize(
    "content",
    ["image,label\nä,b\n".encode("latin-1"), "image,label\na,b\n".encode("utf-16"), b'image,label\n"a,b\n'],
)
def test_a_file_that_is_no_text_or_no_csv_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(InvalidAnswers, match=r"answers\.csv cannot be read as CSV in UTF-8"):
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
        answers, rejected, blank = read_answers(path)
    except InvalidAnswers:
        return
    assert all(answer.image and answer.label for answer in answers)
    assert blank >= 0
    assert not {entry.line for entry in rejected} & {answer.line for answer in answers}
