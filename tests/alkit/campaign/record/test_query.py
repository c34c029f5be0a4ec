"""A query, and the file that shows it to people."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from alkit.campaign.query_files import write_csv
from alkit.campaign.record.events import Asked
from alkit.campaign.record.query import Pick, Query

QUERY = Query(
    number=3,
    event=9,
    asked=Asked(cycle=2, strategy="entropy", options={"a": 1}, labels=7),
    picks=(Pick(1, 7, 'a, "b".png', 0.123456789), Pick(2, 0, "ü.png", None, "cat")),
    open=True,
)


def test_the_list_has_a_column_to_fill_in(tmp_path: Path) -> None:
    write_csv(QUERY, tmp_path / "003.csv")
    with open(tmp_path / "003.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["rank", "index", "image", "score", "strategy", "cycle", "label"],
        ["1", "7", 'a, "b".png', "0.123457", "entropy", "2", ""],
        ["2", "0", "ü.png", "", "entropy", "2", "cat"],
    ]
    assert b"\r" not in (tmp_path / "003.csv").read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["003.csv"], "no temporary file is left"


def test_a_list_that_cannot_be_written_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "003.csv").write_text("old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_csv(QUERY, tmp_path / "003.csv")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("003.csv", "old")]


def test_what_waits_for_answers() -> None:
    assert QUERY.indices == [7, 0]
    assert [pick.index for pick in QUERY.unanswered] == [7]


def test_as_json_values() -> None:
    shown = QUERY.as_dict()
    assert (shown["query"], shown["cycle"], shown["open"], shown["seed_query"]) == (3, 2, True, False)
    assert shown["picks"][1] == {
        "rank": 2,
        "index": 0,
        "image": "ü.png",
        "score": None,
        "answer": "cat",
        "control": False,
        "predicted": None,
        "confidence": None,
        "correct": None,
        "place": 0,
        "given_up": False,
        "saw_guess": False,
    }


def test_people_see_neither_which_images_are_a_control_nor_what_the_model_thinks(tmp_path: Path) -> None:
    picks = (
        Pick(1, 7, "a.png", 0.9, predicted="cat", confidence=0.4, place=3),
        Pick(2, 5, "b.png", 0.8, predicted="dog", confidence=0.5, correct=True, place=1),
        Pick(3, 6, "c.png", None, control=True, predicted="dog", confidence=0.9, place=2),
    )
    query = replace(QUERY, picks=picks)
    assert query.shown == (
        Pick(1, 5, "b.png", None, place=1),
        Pick(2, 6, "c.png", None, place=2),
        Pick(3, 7, "a.png", None, place=3),
    )
    assert query.controls == 1
    assert query.unanswered == list(query.shown)
    write_csv(query, tmp_path / "003.csv")
    assert (tmp_path / "003.csv").read_text(encoding="utf-8").splitlines()[1:] == [
        "1,5,b.png,,entropy,2,",
        "2,6,c.png,,entropy,2,",
        "3,7,a.png,,entropy,2,",
    ]


def test_without_a_control_people_see_rank_and_score() -> None:
    assert [(pick.rank, pick.score) for pick in QUERY.shown] == [(1, 0.123456789), (2, None)]
