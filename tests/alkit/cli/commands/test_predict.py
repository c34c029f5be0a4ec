"""`alkit predict`: a table of predictions, a summary, and what it says about images it cannot read."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Alkit = Callable[..., Any]


def test_it_writes_a_table_and_says_which_model(
    alkit: Alkit, labeled: Path, pictures: Path, here: Path
) -> None:
    said = alkit("predict", "-c", labeled, pictures, "--out", "p.csv")
    assert "no model is trained yet: training on all labels" in said.err
    lines = said.out.splitlines()
    assert lines[0] == "predicted      60 of 60 images"
    assert lines[1] == "model          cycle 0, 12 labels"
    assert lines[-1] == "written        p.csv"
    table = list(csv.DictReader(io.StringIO(Path("p.csv").read_text())))
    assert list(table[0]) == ["path", "class", "confidence", "error"]
    assert [row["path"] for row in table[:2]] == ["blue/00.png", "blue/01.png"]


def test_unreadable_images_are_named_on_standard_error(
    alkit: Alkit, labeled: Path, pictures: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = [str(pictures / "red" / "00.png"), *(f"gone{number}.png" for number in range(22))]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(listed)))
    said = alkit("predict", "-c", labeled, "-", "--out", "p.jsonl", "--json", "-q")
    assert said.err.splitlines()[0] == "'gone0.png' cannot be read: no such file"
    assert said.err.splitlines()[-1] == "and 2 more, in column 'error' of p.jsonl"
    assert (said.json["images"], said.json["predicted"]) == (23, 1)
    assert len(said.json["unreadable"]) == 22
    assert sum(said.json["classes"].values()) == 1
    assert said.json["model"]["labels"] == 12


def test_it_says_that_labels_have_come_since(alkit: Alkit, labeled: Path, pictures: Path, here: Path) -> None:
    alkit("train", "-c", labeled)
    (here / "more.csv").write_text("image,label\nred/10.png,red\n")
    alkit("ingest", "-c", labeled, "more.csv")
    said = alkit("predict", "-c", labeled, pictures, "--out", "p.csv")
    assert "the model knows 12 labels, and 1 label came later" in said.err


@pytest.mark.parametrize(
    ("images", "out", "code", "message"),
    [
        ("nowhere", "p.csv", 1, "there is no folder or file 'nowhere'"),
        (None, "p.xlsx", 2, "should end with .csv, .jsonl, .parquet, .json, unlike 'p.xlsx'"),
    ],
)
def test_mistakes_are_one_sentence(
    alkit_ends: Alkit,
    labeled: Path,
    pictures: Path,
    here: Path,
    images: Any,
    out: str,
    code: int,
    message: str,
) -> None:
    said = alkit_ends("predict", "-c", labeled, images or pictures, "--out", out)
    assert said.code == code
    assert message in said.error


def test_parquet_without_pyarrow_names_the_extra(
    alkit_ends: Alkit, labeled: Path, pictures: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    said = alkit_ends("predict", "-c", labeled, pictures, "--out", "p.parquet")
    assert "pip install 'alkit[parquet]'" in said.error
