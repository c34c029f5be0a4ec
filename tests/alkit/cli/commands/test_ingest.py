"""`alkit ingest`."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Alkit = Callable[..., Any]


@pytest.fixture
def asked(alkit: Alkit, labeled: Path, here: Path) -> Path:
    """A campaign with an open query of 4; answers are written in the current directory."""
    alkit("query", "-c", labeled, "-n", "4", "-s", "random")
    return labeled


def write(*lines: str, header: str = "image,label") -> str:
    Path("answers.csv").write_text("\n".join([header, *lines]))
    return "answers.csv"


def test_partly_then_the_rest(alkit: Alkit, asked: Path, fill_in: Callable[..., Path]) -> None:
    listed = asked / "queries" / "001.csv"
    said = alkit("ingest", "-c", asked, fill_in(listed, Path("some.csv"), only=3))
    assert said.out.splitlines() == [
        "3 answers accepted (0 corrections, 0 not asked), 0 known already, 0 rejected, 0 blank",
        "still open     1 image",
    ]
    said = alkit("ingest", "-c", asked, fill_in(listed, Path("all.csv")))
    assert said.out.startswith("1 answer accepted (0 corrections, 0 not asked), 3 known already")
    assert f"alkit query --campaign {asked} --budget 4" in said.out


def test_the_list_itself_half_filled_in(alkit: Alkit, asked: Path) -> None:
    listed = asked / "queries" / "001.csv"
    lines = listed.read_text().splitlines()
    for number in (1, 2):
        lines[number] += lines[number].split(",")[2].split("/")[0]
    listed.write_text("\n".join(lines))
    receipt = alkit("ingest", "-c", asked, listed, "--json").json
    assert (receipt["accepted"], receipt["blank"], receipt["still_open"]) == (2, 2, 2)


def test_bad_lines_are_named_and_good_ones_kept(alkit: Alkit, asked: Path) -> None:
    said = alkit("ingest", "-c", asked, write("nope.png,red", "red/10.png,red", "red/11.png,rde", ",red"))
    assert "1 answer accepted" in said.out
    assert said.err.splitlines()[-3:] == [
        "line 2: 'nope.png' is not an image of this pool",
        "line 4: there is no class 'rde' in this campaign; did you mean 'red'?",
        "line 5: names no image",
    ]


def test_strict_keeps_nothing(
    alkit: Alkit, alkit_ends: Alkit, asked: Path, contents: Callable[[Path], dict[str, str]]
) -> None:
    before = alkit("status", "-c", asked, "--json").json
    for bad in ("nope.png,red", ",red", "red/11.png,rde"):
        said = alkit_ends("ingest", "-c", asked, write("red/10.png,red", bad), "--strict")
        assert said.code == 1
        assert "0 answers accepted (0 corrections, 0 not asked)" in said.out
        assert "line 3: " in said.err
        assert re.search("no answer .*lines above", said.error)
        assert alkit("status", "-c", asked, "--json").json == before


def test_nothing_good_is_an_error(alkit_ends: Alkit, asked: Path) -> None:
    said = alkit_ends("ingest", "-c", asked, write("nope.png,red"))
    assert said.code == 1
    assert re.search("no answer .*lines above", said.error)


def test_new_classes_come_with_permission_only(alkit: Alkit, alkit_ends: Alkit, asked: Path) -> None:
    assert alkit_ends("ingest", "-c", asked, write("red/10.png,pink")).code == 1
    said = alkit("ingest", "-c", asked, write("red/10.png,pink"), "--allow-new-classes")
    assert "new classes    pink" in said.out
    assert alkit("status", "-c", asked, "--json").json["classes"]["pink"] == 1
    assert alkit("query", "-c", asked, "-n", "2", "-s", "entropy", "--new").code == 0


def test_corrections_and_what_was_not_asked_are_counted(alkit: Alkit, asked: Path) -> None:
    said = alkit("ingest", "-c", asked, write("red/00.png,blue", "blue/00.png,blue", "green/16.png,abstain"))
    assert said.out.startswith("2 answers accepted (1 correction, ")
    receipt = alkit("ingest", "-c", asked, write("red/00.png,red"), "--annotator", "ada", "--json").json
    assert (receipt["accepted"], receipt["corrected"]) == (1, 1)


def test_the_annotator_is_kept(alkit: Alkit, asked: Path) -> None:
    from alkit.campaign.record.ledger import Ledger

    alkit(
        "ingest",
        "-c",
        asked,
        write("red/10.png,red,", "red/11.png,red,bob", header="image,label,annotator"),
        "--annotator",
        "ada",
    )
    ledger = Ledger(asked / "campaign.db")
    names = [row.answer.annotator for row in ledger.answers()][-2:]
    ledger.close()
    assert names == ["ada", "bob"]


def test_images_by_every_name(alkit: Alkit, asked: Path, pictures: Path) -> None:
    import hashlib
    import os

    digest = hashlib.sha256((pictures / "red" / "14.png").read_bytes()).hexdigest()
    names = [
        "red/10.png",
        "red/15",
        digest,
        str(pictures / "red" / "12.png"),
        os.path.relpath(pictures / "red" / "13.png"),
    ]
    receipt = alkit("ingest", "-c", asked, write(*[f"{name},red" for name in names]), "--json").json
    assert receipt["accepted"] == 5
    assert receipt["rejected"] == []


def test_a_spreadsheets_file(alkit: Alkit, asked: Path) -> None:
    Path("excel.csv").write_bytes("\ufeffImage,Label\r\nred/10.png,red\r\n".encode())
    assert alkit("ingest", "-c", asked, "excel.csv", "--json").json["accepted"] == 1


def test_what_is_no_text_costs_nothing_that_is_good(alkit: Alkit, asked: Path) -> None:
    bad = r'{"image": "red/11.png", "label": "red", "annotator": "\ud800"}'
    lost = r'{"image": "\ud800", "label": "red"}'
    Path("caf\udce9.jsonl").write_text("\n".join(['{"image": "red/10.png", "label": "red"}', bad, lost]))
    said = alkit("ingest", "-c", asked, "caf\udce9.jsonl", "--json")
    assert said.out.encode()
    assert said.json["accepted"] == 1
    assert [row["line"] for row in said.json["rejected"]] == [2, 3]


def test_an_oracle_answers_the_open_query(alkit: Alkit, alkit_ends: Alkit, asked: Path) -> None:
    said = alkit("ingest", "-c", asked, "--oracle", "dataset")
    assert said.out.startswith("4 answers accepted (0 corrections, 0 not asked)")
    said = alkit_ends("ingest", "-c", asked, "--oracle", "dataset")
    assert (said.code, "no query is open" in said.error) == (1, True)


def test_an_oracle_with_options(alkit: Alkit, asked: Path) -> None:
    write("0,blue", header="image,label")
    said = alkit("ingest", "-c", asked, "--oracle", "file", "--oracle-option", "path=answers.csv", "--json")
    assert said.json["accepted"] <= 1
    said = alkit("ingest", "-c", asked, "--oracle", "dataset", "--oracle-option", "abstain=1", "-q")
    assert "still open" not in said.out


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("", 2, "a file of answers or --oracle NAME"),
        ("answers.csv --oracle dataset", 2, "a file of answers or --oracle NAME"),
        ("nowhere.csv", 1, "there is no file nowhere.csv"),
        (
            "headless.csv",
            1,
            "headless.csv should have the columns image and label, but its first line is red/10.png",
        ),
        ("binary.csv", 1, "binary.csv is not text"),
        (".", 1, "cannot be read"),
        ("nowhere.csv --aggregate majority", 1, "there is no file nowhere.csv"),
        ("--oracle nobody --aggregate majority", 2, "oracle 'nobody' in alkit.oracles"),
        ("--oracle dataset --strict", 2, "--strict, --annotator and --allow-new-classes need a file"),
        ("--oracle dataset --annotator ada", 2, "--strict, --annotator and --allow-new-classes need a file"),
        ("--aggregate majority --allow-new-classes", 2, "--annotator and --allow-new-classes need a file"),
        ("--oracle nobody", 2, "oracle 'nobody' in alkit.oracles; choose from dataset, file"),
        ("--oracle file", 2, "--oracle-option path="),
        ("--oracle dataset --oracle-option noise=2", 2, "should be between 0 and 1"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_changes_nothing(
    alkit_ends: Alkit,
    asked: Path,
    contents: Callable[[Path], dict[str, str]],
    words: str,
    code: int,
    message: str,
) -> None:
    write("red/10.png,red")
    Path("headless.csv").write_text("red/10.png,red\n")
    Path("binary.csv").write_bytes(b"image,label\n\xff\xfe\0\n")
    before = contents(asked)
    said = alkit_ends("ingest", "-c", asked, *words.split())
    assert (said.code, said.out) == (code, "")
    assert message in said.error
    assert contents(asked) == before


def test_many_bad_lines_are_not_all_printed(alkit_ends: Alkit, asked: Path) -> None:
    said = alkit_ends("ingest", "-c", asked, write(*[f"x{number},red" for number in range(50)]))
    assert "... and 30 more lines" in said.err
    assert len(said.err.splitlines()) == 22


def test_how_answers_of_several_become_one_is_decided_anew(
    alkit: Alkit, alkit_ends: Alkit, asked: Path
) -> None:
    decided = alkit("ingest", "-c", asked, "--aggregate", "majority").out
    assert decided == "annotators     majority; 0 images in dispute\n"
    assert alkit("ingest", "-c", asked, "--aggregate", "majority", "--json").json["accepted"] == 0
    assert alkit("status", "-c", asked, "--json").json["aggregate"] == "majority"
    assert "annotators     majority; 0 images in dispute" in alkit("status", "-c", asked).out
    assert alkit_ends("ingest", "-c", asked, "--aggregate", "mean").code == 2
    assert alkit_ends("ingest", "-c", asked, write("nowhere,red"), "--aggregate", "last").code == 1
    assert alkit("status", "-c", asked, "--json").json["aggregate"] == "majority", "as the file was refused"
