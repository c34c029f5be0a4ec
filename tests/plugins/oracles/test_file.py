"""The oracle that reads a file."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from alkit.errors import InvalidAnswers, InvalidOption
from alkit.interfaces.oracle import Answer
from alkit.options import build
from alkit.plugin.registry import oracles


def connected(path: Path | str, *classes: str) -> Any:
    source: Any = SimpleNamespace(location="/pool", classes=classes, nothing="")
    oracle = build(oracles.get("file"), {"path": str(path)})
    oracle.connect(source, ["a.png", "b.png", "c.png"], 0)
    return oracle


def test_it_answers_from_the_file_and_leaves_out_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    path.write_text("image,label,annotator,time,cost\na.png,cat,ann,2026,2\nc.png,abstain,,,\nz.png,cat,,,\n")
    assert connected(path).label([0, 1, 2]) == {
        0: Answer("label", "cat", "ann", "2026", 2.0),
        2: Answer("abstain", None, "file"),
    }


def test_unusable_is_an_answer(tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    path.write_text("image,label\nb.png,unusable\n")
    assert connected(path).label([1]) == {1: Answer("unusable", None, "file")}


def test_it_has_to_be_named_there_and_in_order(tmp_path: Path) -> None:
    with pytest.raises(InvalidOption, match="--oracle-option path="):
        connected("")
    with pytest.raises(InvalidAnswers, match="no file"):
        connected(tmp_path / "nowhere.csv")
    path = tmp_path / "answers.csv"
    path.write_text("image,label\n,cat\n")
    with pytest.raises(InvalidAnswers, match=r"line 2 of .*answers.csv names no image"):
        connected(path)


def test_its_labels_are_its_classes(tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    path.write_text("image,label\nb.png,dog\na.png,cat\nc.png,abstain\n")
    assert connected(path).classes == ("cat", "dog")


def test_spaces_around_a_label_do_not_count_where_they_are_no_part_of_a_class(tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    path.write_text("image,label\na.png, cat\nb.png, dog\nc.png, abstain\n")
    oracle = connected(path, " cat")
    assert oracle.classes == (" cat", "dog")
    assert oracle.label([2]) == {2: Answer("abstain", None, "file")}


def test_a_class_may_be_called_abstain(tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    path.write_text("image,label\nb.png,abstain\n")
    oracle = connected(path, "abstain", "cat")
    assert oracle.label([1]) == {1: Answer("label", "abstain", "file")}
    assert oracle.classes == ("abstain",)


def test_images_are_known_as_in_ingest_and_the_rest_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    path.write_text("image,label\n./a.png,cat\n/pool/b.png,dog\nC.png,cat\nz.txt,cat\ny.txt,cat\n")
    oracle = connected(path)
    assert sorted(oracle.label([0, 1, 2])) == [0, 1, 2]
    assert oracle.notes == (
        f"lines of {path} that name no image in this pool: 2; the first is line 5: "
        "'z.txt' is not an image of this pool",
    )
    assert connected(path).notes == oracle.notes
