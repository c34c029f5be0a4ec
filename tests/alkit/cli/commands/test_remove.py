"""`alkit remove`."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from alkit.campaign.campaign import Campaign

Alkit = Callable[..., Any]


def test_a_removed_image_is_not_asked_trained_on_or_counted(
    alkit: Alkit, alkit_ends: Alkit, labeled: Path, here: Path
) -> None:
    said = alkit("remove", "red/00.png", "red/09.png", "--reason", "blurred", "-c", labeled)
    assert "2 images removed, exact copies included; 1 was labeled" in said.out
    status = alkit("status", "-c", labeled, "--json").json
    assert (status["labeled"], status["candidates"], status["set_aside"]["removed"]) == (11, 47, 2)
    assert alkit("remove", "-c", labeled, "--json").json["images"] == [
        {"index": 40, "image": "red/00.png", "reason": "blurred"},
        {"index": 49, "image": "red/09.png", "reason": "blurred"},
    ]
    query = alkit("query", "-c", labeled, "-n", "47", "-s", "random", "--json").json
    assert "red/09.png" not in {pick["image"] for pick in query["picks"]}
    (here / "late.csv").write_text("image,label\nred/09.png,red\n")
    assert "was removed from the campaign" in alkit_ends("ingest", "-c", labeled, "late.csv").err
    alkit("remove", "--undo", "red/00.png", "--index", "49", "-c", labeled)
    assert alkit("status", "-c", labeled, "--json").json["labeled"] == 12


def test_an_open_query_does_not_wait_for_it(alkit: Alkit, campaign: Path) -> None:
    query = alkit("query", "-c", campaign, "-n", "3", "-s", "random", "--json").json
    image = query["picks"][0]["image"]
    assert "1 waited for an answer" in alkit("remove", image, "-c", campaign).out
    status = alkit("status", "-c", campaign, "--json").json
    assert status["open_query"]["unanswered"] == 2


def test_copies_go_along_and_later_ones_stay_out(
    alkit: Alkit, here: Path, make_pictures: Callable[..., Path]
) -> None:
    pool = make_pictures(here / "pool", each=3)
    shutil.copy(pool / "red" / "00.png", pool / "blue" / "copy.png")
    alkit("init", "camp", "--pool", "pool")
    report = alkit("remove", "blue/copy.png", "-c", "camp", "--json").json
    assert {row["image"] for row in report["images"]} == {"red/00.png", "blue/copy.png"}
    shutil.copy(pool / "red" / "00.png", pool / "green" / "copy.png")
    assert alkit("update", "-c", "camp", "--json").json["duplicates"] == 1
    with Campaign("camp") as campaign:
        left = {campaign.state.keys[index] for index in campaign.pool.candidates}
    assert left.isdisjoint({"red/00.png", "blue/copy.png", "green/copy.png"})


def test_an_unknown_image_changes_nothing(alkit_ends: Alkit, labeled: Path) -> None:
    said = alkit_ends("remove", "red/00.png", "moon.png", "-c", labeled)
    assert said.code == 1 and "'moon.png' is not an image of this pool" in said.error
    assert alkit_ends("remove", "--index", "99", "-c", labeled).code == 1
    assert alkit_ends("remove", "-c", labeled).out == "0 images are removed\n"
    assert alkit_ends("remove", "--undo", "-c", labeled).code == 2
