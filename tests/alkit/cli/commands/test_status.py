"""`alkit status`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Alkit = Callable[..., Any]


def test_a_new_campaign(alkit: Alkit, campaign: Path, pictures: Path) -> None:
    assert alkit("status", "-c", campaign).out.splitlines() == [
        f"pool           {pictures}: 60 images",
        "task           classification epochs=2",
        "strategy       uherding",
        "labeled        0; 60 left to choose from",
    ]


def test_an_open_query_and_the_history(alkit: Alkit, labeled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(labeled)
    alkit("query", "-n", "4")
    shown = alkit("status").out
    assert "labeled        12; 44 left to choose from" in shown
    assert "classes        blue 4, green 4, red 4" in shown
    assert "open query     1 by 'uherding': 4 of 4 images unanswered, queries/001.csv" in shown
    assert "cycle  labels" in shown


def test_as_json(alkit: Alkit, labeled: Path) -> None:
    alkit("query", "-c", labeled, "-n", "4")
    said = alkit("status", "-c", labeled, "--json")
    status = json.loads(said.out)
    assert said.err == ""
    assert (status["images"], status["labeled"], status["candidates"], status["pending"]) == (60, 12, 44, 4)
    assert status["open_query"]["unanswered"] == 4
    assert status["history"][0]["recipe"]["epochs"] == 2
    assert status["history"][0]["measures"]["seconds"]["train"] > 0


def test_what_is_out_of_reach(alkit: Alkit, here: Path, make_pictures: Callable[..., Path]) -> None:
    make_pictures(here / "pool", each=2)
    (here / "pool" / "red" / "bad.png").write_bytes(b"x")
    (here / "pool" / "red" / "copy.png").write_bytes((here / "pool" / "red" / "00.png").read_bytes())
    alkit("init", "camp", "--pool", "pool")
    shown = alkit("status", "-c", "camp", "--images").out
    assert "8 images (1 unreadable, 1 exact copy)" in shown
    assert "'red/copy.png': exact copy of 'red/00.png'" in shown
    listed = alkit("status", "-c", "camp", "--images", "--json").json["out_of_reach"]
    assert [entry["image"] for entry in listed] == ["red/bad.png", "red/copy.png"]


def test_it_needs_neither_pool_nor_cache(
    alkit: Alkit, here: Path, make_pictures: Callable[..., Path]
) -> None:
    import shutil

    make_pictures(here / "pool", each=2)
    alkit("init", "camp", "--pool", "pool")
    shutil.rmtree(here / "pool")
    shutil.rmtree(here / "camp" / "cache")
    assert "6 images" in alkit("status", "-c", "camp").out


def test_the_column_is_called_after_the_metric(
    alkit: Alkit, here: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["--oracle", "dataset", "--cycles", "1", "-n", "6", "-t", "epochs=1", "-s", "random"]
    monkeypatch.setattr(
        "alkit_plugins.tasks.classification.Classification.evaluate", lambda self, batches: {"error": 0.25}
    )
    said = alkit("run", "-c", "camp", "--pool", pictures, "--test", pictures, *words)
    assert said.out.splitlines()[0].split() == ["cycle", "labels", "test", "error"]
    table = [line.split() for line in alkit("status", "-c", "camp").out.splitlines()]
    assert ["cycle", "labels", "error", "train", "s"] in table


def test_a_directory_that_lost_its_settings_is_said_to_be_one(
    alkit_ends: Alkit, labeled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (labeled / "campaign.toml").unlink()
    monkeypatch.chdir(labeled)
    said = alkit_ends("status")
    assert said.code == 1
    assert re.fullmatch(r"campaign\.toml is missing .*campaign\.db .* backup", said.error)


def test_a_damaged_ledger_is_one_sentence_also_while_it_is_counted(labeled: Path) -> None:
    from alkit.campaign.campaign import Campaign
    from alkit.errors import CampaignError

    with Campaign(labeled) as campaign:
        campaign.ledger._db.close()
        with pytest.raises(CampaignError, match="cannot be read"):
            campaign.ledger.image_count()
