"""Notes on images: one an annotator and image, kept in the ledger, and in what goes out."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from alkit.campaign.campaign import Campaign
from alkit.errors import InvalidAnswers


def noted(directory: Path) -> list[tuple[int, str, str]]:
    with Campaign(directory) as campaign:
        return [(note.index, note.text, note.annotator) for note in campaign.notes()]


def test_the_latest_note_of_each_annotator_counts(campaign: Path):
    with Campaign(campaign) as opened:
        opened.note(3, " too dark ", "ada")
        opened.note(3, "fine", "bob")
        opened.note(1, "a\nb")
        events = len(opened.ledger.all_events())
        opened.note(3, "too dark", "ada")
        assert len(opened.ledger.all_events()) == events, "nothing new was said"
        opened.note(3, "very dark", "ada")
    assert noted(campaign) == [(1, "a\nb", ""), (3, "very dark", "ada"), (3, "fine", "bob")]
    with Campaign(campaign) as opened:
        opened.note(3, "", "ada")
    assert noted(campaign) == [(1, "a\nb", ""), (3, "fine", "bob")]


@pytest.mark.parametrize(
    ("index", "text", "words"),
    [(60, "x", "no image 60"), (-1, "x", "no image -1"), (0, "x" * 1001, "1,001"), (0, "\ud800", "control")],
)
def test_what_is_no_note_is_refused(campaign: Path, index, text, words):
    with Campaign(campaign) as opened, pytest.raises(InvalidAnswers, match=words):
        opened.note(index, text)
    assert noted(campaign) == []


def test_notes_come_out_with_the_labels(labeled: Path, alkit, tmp_path: Path):
    with Campaign(labeled) as opened:
        index = int(opened.pool.labeled[1])
        opened.note(index, "odd", "ada")
        opened.note(index, "quite odd", "bob")
    both = "ada: odd; bob: quite odd"
    assert alkit("status", "-c", labeled).out.count("notes          on 1 image (") == 1
    listed = alkit("status", "-c", labeled, "--json").json["notes"]
    assert [(note["index"], note["text"]) for note in listed] == [(index, "odd"), (index, "quite odd")]
    for name in ("csv", "jsonl", "coco"):
        alkit(
            "export",
            "-c",
            labeled,
            "--labeled",
            "-f",
            name,
            "--out",
            tmp_path / f"out.{name}" if name != "coco" else tmp_path / "out.json",
        )
    with open(tmp_path / "out.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["note"] for row in rows if row["note"]] == [both]
    assert next(row for row in rows if row["note"])["index"] == str(index)
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert {line["index"]: line["note"] for line in lines if "note" in line} == {index: both}
    images = json.loads((tmp_path / "out.json").read_text())["images"]
    assert {image["alkit_index"]: image["alkit_note"] for image in images if "alkit_note" in image} == {
        index: both
    }


def test_without_notes_a_table_has_no_column_for_them(labeled: Path, alkit, tmp_path: Path):
    alkit("export", "-c", labeled, "--labeled", "-f", "csv", "--out", tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text().splitlines()[0].endswith(",label")


def test_a_forked_campaign_has_the_notes(labeled: Path, tmp_path: Path):
    from alkit.campaign.fork import fork

    with Campaign(labeled) as opened:
        opened.note(3, "dark", "ada")
        opened.note(4, "gone", "ada")
        opened.note(4, "", "ada")
        fork(tmp_path / "second", opened).close()
    assert noted(tmp_path / "second") == [(3, "dark", "ada")]
