"""A query, and the file that shows it to people."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from alkit.queries import Pick, Query, write_csv

QUERY = Query(
    number=3,
    cycle=2,
    event=9,
    strategy="entropy",
    options={"a": 1},
    picks=(Pick(1, 7, 'a, "b".png', 0.123456789), Pick(2, 0, "ü.png", None, "cat")),
    open=True,
    record={"seed_query": False},
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
    assert shown["picks"][1] == {"rank": 2, "index": 0, "image": "ü.png", "score": None, "answer": "cat"}
