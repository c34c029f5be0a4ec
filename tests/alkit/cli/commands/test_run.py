"""`alkit run`."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alkit.campaign.campaign import Campaign

Alkit = Callable[..., Any]


@pytest.fixture
def line(pictures: Path, here: Path) -> list[Any]:
    words = "run --oracle dataset --cycles 2 --budget 6 --seed-size 12 -t epochs=2 -s entropy --seed 3"
    return [*words.split(), "--pool", pictures, "--test", pictures]


def test_labels_grow_and_the_same_line_finishes_it(alkit: Alkit, line: list[Any]) -> None:
    said = alkit(*line)
    rows = [row.split() for row in said.out.splitlines()]
    assert rows[0] == ["cycle", "labels", "test", "accuracy"]
    assert [row[1] for row in rows[1:]] == ["12", "18", "24"]
    assert "cycle 2 of 2: 18 labels" in said.err
    status = alkit("status", "-c", "pics-campaign", "--json").json
    again = alkit(*line)
    assert again.out == said.out
    assert alkit("status", "-c", "pics-campaign", "--json").json == status, "K cycles in all, not K more"
    more = alkit(*[{"2": "3"}.get(str(word), word) for word in line], "--json", "-q")
    assert [record["labels"] for record in more.json] == [12, 18, 24, 30]
    assert more.err == ""


def test_an_oracle_that_errs_and_abstains(alkit: Alkit, line: list[Any]) -> None:
    alkit(*line, "--oracle-option", "noise=0.3", "--oracle-option", "abstain=0.4")
    status = alkit("status", "-c", "pics-campaign", "--json").json
    assert status["open_query"] is None
    assert status["set_aside"]["abstained"] > 0
    assert status["labeled"] + status["set_aside"]["abstained"] == 24


def test_a_file_as_oracle(alkit: Alkit, campaign: Path, here: Path) -> None:
    keys = [f"{color}/{number:02d}.png" for color in ("red", "green", "blue") for number in range(20)]
    (here / "labels.csv").write_text(
        "image,label\n" + "".join(f"{key},{key.split('/')[0]}\n" for key in keys)
    )
    said = alkit(
        *("run", "-c", campaign, "--oracle", "file", "--oracle-option", "path=labels.csv"),
        *("--cycles", "1", "-n", "12", "-s", "random"),
    )
    assert [row.split()[1] for row in said.out.splitlines()[1:]] == ["12", "24"]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("--cycles 1 -n 3", 2, "there is no oracle; add --oracle dataset"),
        ("--cycles 0 -n 3 --oracle dataset", 2, "the number of cycles should be at least 1, not 0"),
        ("--cycles 1 -n 0 --oracle dataset", 2, "the budget should be at least 1, not 0"),
        ("--cycles 1 -n 61 --oracle dataset", 2, "a budget of 61 is more than the 60 images"),
        ("--cycles 3 -n 20 --oracle dataset", 2, "60 images"),
        ("--cycles 1 -n 3 --oracle nobody", 2, "oracle 'nobody' in alkit.oracles"),
        ("--cycles 1 -n 3 --oracle file", 2, "--oracle-option path="),
        ("--cycles 1 -n 3 --oracle dataset -s nobody", 2, "strategy 'nobody' in alkit.strategies"),
        ("--cycles 1 -n 3 --oracle dataset --seed-strategy entropy", 2, "strategy 'entropy' needs labels"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_changes_nothing(
    alkit_ends: Alkit,
    campaign: Path,
    contents: Callable[[Path], dict[str, str]],
    words: str,
    code: int,
    message: str,
) -> None:
    before = contents(campaign)
    said = alkit_ends("run", "-c", campaign, *words.split())
    assert (said.code, said.out) == (code, "")
    assert message in said.error
    assert contents(campaign) == before


def test_a_pool_without_labels_cannot_answer(alkit_ends: Alkit, here: Path, pictures: Path) -> None:
    said = alkit_ends("run", "--pool", pictures / "red", "--oracle", "dataset", "--cycles", "1", "-n", "3")
    assert said.code == 1
    assert re.search("red has no labels", said.error)


def test_a_rule_ends_it_and_is_said_again(alkit: Alkit, line: list[Any]) -> None:
    said = alkit(*line, "--stop", "accuracy=0.99999", "--stop", "budget=20")
    assert [row.split()[1] for row in said.out.splitlines()[1:3]] == ["12", "18"]
    assert said.out.splitlines()[-1] == (
        "stopped by budget=20: With 18 labels, 6 more would exceed the budget of 20."
    )
    again = alkit(*line, "--stop", "budget=20")
    assert again.out == said.out
    assert "already stopped by budget=20" in again.err
    other = alkit(*line, "--cycles", "1", "--stop", "budget=1000")
    assert "stopped by" not in other.out, "no rule of this run has ended it"
    assert "stopped        by budget=20: With 18 labels" in alkit("status", "-c", "pics-campaign").out


def test_what_is_no_rule_is_said_before_anything_is_made(
    alkit_ends: Alkit, line: list[Any], here: Path
) -> None:
    said = alkit_ends(*line, "--stop", "soon")
    assert said.error == (
        "'soon' is not a stopping rule; use budget=LABELS, accuracy=TARGET or flat=GAIN:CYCLES, "
        "and target=METRIC:VALUE where the main metric is another"
    )
    assert list(here.iterdir()) == []


def test_a_control_in_a_simulation(alkit: Alkit, line: list[Any], here: Path) -> None:
    alkit(*[{"6": "10"}.get(str(word), word) for word in line], "--control", "0.2")
    with Campaign(here / "pics-campaign") as campaign:
        assert [(len(query.picks), query.controls) for query in campaign.queries] == [
            (12, 0),
            (10, 2),
            (10, 2),
        ]
