"""`alkit classes`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alkit.campaign.campaign import Campaign

Alkit = Callable[..., Any]


def labels(directory: Path) -> dict[str, str]:
    with Campaign(directory) as campaign:
        pairs = zip(campaign.pool.labeled.tolist(), campaign.pool.values, strict=True)
        return {campaign.state.keys[index]: value for index, value in pairs}


def test_it_lists_classes_with_their_labels(alkit: Alkit, labeled: Path) -> None:
    assert alkit("classes", "-c", labeled).out == "blue   4\ngreen  4\nred    4\n"
    report = alkit("classes", "-c", labeled, "--json").json
    assert report["classes"] == {"blue": 4, "green": 4, "red": 4}
    assert [event["event"] for event in report["history"]] == ["classes"]


def test_before_there_are_any_it_says_how_to_begin(alkit: Alkit, campaign: Path) -> None:
    assert "there are no classes yet" in alkit("classes", "-c", campaign).out
    alkit("classes", "-c", campaign, "add", "owl")
    assert alkit("classes", "-c", campaign).out == "owl  0\n"


def test_labels_follow_a_renamed_class(alkit: Alkit, labeled: Path, here: Path) -> None:
    before = labels(labeled)
    said = alkit("classes", "rename", "red", "crimson", "-c", labeled)
    assert "class 'red' is called 'crimson' now: 4 labeled images" in said.out
    assert labels(labeled) == {key: "crimson" if label == "red" else label for key, label in before.items()}
    (here / "late.csv").write_text("image,label\nred/09.png,red\nred/00.png,red\n")
    said = alkit("ingest", "-c", labeled, "late.csv", "--json").json
    assert (said["accepted"], said["unchanged"], said["new_classes"]) == (1, 1, [])
    assert labels(labeled)["red/09.png"] == "crimson"
    with Campaign(labeled) as campaign:
        said_then = {row.answer.value for row in campaign.ledger.answers()}
        assert said_then == {"blue", "green", "red", "crimson"}, "the ledger keeps what was said"


def test_merged_classes_train_as_one(alkit: Alkit, labeled: Path) -> None:
    alkit("train", "-c", labeled)
    before = labels(labeled)
    report = alkit("classes", "merge", "red", "blue", "--into", "blue", "-c", labeled, "--json").json
    assert (report["event"], report["images"]) == ("classes-merged", 4)
    assert report["classes"] == {"blue": 8, "green": 4}
    assert labels(labeled) == {key: "blue" if label == "red" else label for key, label in before.items()}
    assert "on 12 labels\n" in alkit("train", "-c", labeled).out


def test_images_of_a_retired_class_go_back_to_the_pool(alkit: Alkit, labeled: Path) -> None:
    before = labels(labeled)
    candidates = alkit("status", "-c", labeled, "--json").json["candidates"]
    alkit("classes", "retire", "red", "-c", labeled)
    assert labels(labeled) == {key: label for key, label in before.items() if label != "red"}
    status = alkit("status", "-c", labeled, "--json").json
    assert (status["candidates"], status["classes"]) == (candidates + 4, {"blue": 4, "green": 4})
    said = alkit("classes", "restore", "red", "-c", labeled)
    assert "class 'red' is used again: 4 labeled images" in said.out
    assert labels(labeled) == before
    assert alkit("status", "-c", labeled, "--json").json["candidates"] == candidates


def test_answers_and_predictions_of_earlier_queries_have_the_present_names(
    alkit: Alkit, labeled: Path, fill_in: Callable[..., Path], here: Path
) -> None:
    alkit("query", "-c", labeled, "-n", "10", "-s", "entropy", "--control", "0.2")
    alkit("ingest", "-c", labeled, fill_in(labeled / "queries" / "001.csv", here / "a.csv"))
    with Campaign(labeled) as campaign:
        before = campaign.queries[0].picks
    alkit("classes", "merge", "blue", "--into", "red", "-c", labeled)
    alkit("classes", "rename", "green", "leaf", "-c", labeled)
    present = {"blue": "red", "green": "leaf", "red": "red"}
    with Campaign(labeled) as campaign:
        after = campaign.queries[0].picks
    assert [pick.predicted for pick in after] == [present[str(pick.predicted)] for pick in before]
    assert [pick.answer for pick in after] == [present[str(pick.answer)] for pick in before]
    assert not campaign.queries[0].open


def test_a_retired_answer_is_no_answer_to_its_query(
    alkit: Alkit, labeled: Path, fill_in: Callable[..., Path], here: Path
) -> None:
    alkit("query", "-c", labeled, "-n", "9", "-s", "random")
    alkit("ingest", "-c", labeled, fill_in(labeled / "queries" / "001.csv", here / "a.csv"))
    alkit("classes", "retire", "blue", "-c", labeled)
    with Campaign(labeled) as campaign:
        (query,) = campaign.queries
        assert not query.open and not query.unanswered
        assert {pick.answer for pick in query.picks} == {"green", "red", None}
        again = campaign.ask(5, strategy="random")
        assert again.open and len(again.unanswered) == 5


def test_an_oracle_that_knows_the_first_names(alkit: Alkit, here: Path, pictures: Path) -> None:
    alkit("init", "sim", "--pool", pictures, "--oracle", "dataset", "-t", "epochs=1")
    alkit("classes", "rename", "red", "crimson", "-c", "sim")
    alkit("classes", "retire", "blue", "-c", "sim")
    alkit("query", "-c", "sim", "-n", "12", "-s", "random")
    alkit("ingest", "-c", "sim", "--oracle", "dataset")
    assert set(labels(here / "sim").values()) == {"crimson", "green"}
    assert set(alkit("classes", "-c", "sim", "--json").json["classes"]) == {"crimson", "green"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["rename", "rde", "x"], "there is no class 'rde'"),
        (["rename", "red", "blue"], "there is a class 'blue' already"),
        (["rename", "red", "abstain"], "an answer of its own"),
        (["rename", "red", " "], "cannot be the name of a class"),
        (["rename", "red", "a\udc80"], "cannot be the name of a class"),
        (["merge", "red", "--into", "purple"], "there is no class 'purple'"),
        (["merge", "red", "--into", "red"], "at least one other class"),
        (["retire", "purple"], "there is no class 'purple'"),
        (["restore", "red"], "is not retired"),
        (["add", "red"], "there is a class 'red' already"),
    ],
)
def test_what_cannot_be_changes_nothing(
    alkit_ends: Alkit, labeled: Path, words: list[str], message: str
) -> None:
    with Campaign(labeled) as campaign:
        before = len(campaign.ledger.all_events())
    said = alkit_ends("classes", *words, "-c", labeled)
    assert said.code == 2 and message in said.error
    with Campaign(labeled) as campaign:
        assert len(campaign.ledger.all_events()) == before


def test_a_restored_class_whose_name_is_taken(alkit: Alkit, alkit_ends: Alkit, labeled: Path) -> None:
    alkit("classes", "retire", "red", "-c", labeled)
    alkit("classes", "add", "red", "-c", labeled)
    assert "another class is called 'red' now" in alkit_ends("classes", "restore", "red", "-c", labeled).error


def test_every_subcommand_has_an_example(alkit: Alkit) -> None:
    for name in ("add", "rename", "merge", "retire", "restore"):
        assert f"  alkit classes {name}" in alkit("classes", name, "--help").out
