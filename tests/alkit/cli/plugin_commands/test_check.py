"""`alkit check`: what passes, and how a failure is explained."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

Alkit = Callable[..., Any]

MINE = """
import alkit

class Good(alkit.Strategy):
    def select(self, cycle, n):
        return cycle.candidates[:n]

class Raises(Good):
    def select(self, cycle, n):
        return cycle.candidates[[divided(1)]]

class Greedy(Good):
    def select(self, cycle, n):
        return cycle.candidates

def divided(number):
    return number / 0
"""


@pytest.fixture
def mine(here: Path) -> Path:
    (here / "mine.py").write_text(MINE)
    return here


def test_a_good_strategy_passes(alkit: Alkit, mine: Path) -> None:
    said = alkit("check", "./mine.py:Good")
    assert re.fullmatch(r"49 checks passed, 0 failed, 10 .*\n", said.out)
    assert said.err == "checking strategy ./mine.py:Good\n"


def test_a_failure_says_what_was_checked_what_happened_and_what_to_do(alkit_ends: Alkit, mine: Path) -> None:
    said = alkit_ends("check", "./mine.py:Greedy")
    assert said.code == 1
    assert said.out.startswith("chooses-candidates (classification), and ")  # whichever check met it first
    assert (
        "  checked   It chooses exactly n distinct candidates, as positions in the whole pool.\n"
        "  happened  strategy 'mine.py:Greedy' returned 25 images instead of 5 (mine.py, line 13)\n"
        "  to do     return n distinct members of cycle.candidates"
    ) in said.out
    assert " failed, " in said.out.splitlines()[-1]


def test_failures_of_one_line_are_told_once(alkit_ends: Alkit, mine: Path) -> None:
    said = alkit_ends("check", "./mine.py:Raises")
    assert said.code == 1
    assert said.out.count("where     mine.py, line 17\n") == 1
    assert "more for the same reason" in said.out
    assert "happened  strategy 'mine.py:Raises' failed: ZeroDivisionError: division by zero" in said.out


def test_json_holds_every_check(alkit_ends: Alkit, mine: Path) -> None:
    said = alkit_ends("check", "./mine.py:Greedy", "--json")
    assert said.code == 1
    assert (said.json["kind"], said.json["name"], said.json["ok"]) == ("strategy", "./mine.py:Greedy", False)
    checks = {check["check"]: check for check in said.json["checks"]}
    assert checks["needs"]["ok"]
    failed = checks["one-candidate (regression)"]
    assert failed["ok"], "one candidate is all of them"
    assert set(failed) == {"check", "ok", "sentence", "place", "checked", "advice"}


@pytest.mark.slow
def test_a_composition_is_checked_with_what_stands_in_it(alkit: Alkit, mine: Path) -> None:
    said = alkit("check", "subset(20) > ./mine.py:Good", "--json")
    assert said.json["ok"]
    assert len(said.json["checks"]) == 59


def test_a_format_is_found_by_its_name(alkit: Alkit) -> None:
    assert re.fullmatch(r"15 checks passed, 0 failed, 0 .*\n", alkit("check", "jsonl").out)


def test_a_task_is_tried_with_labels(alkit: Alkit) -> None:
    options = ("-o", "model=small-cnn", "--answers", "owl,wren,owl,gull,gull")
    assert " 0 failed" in alkit("check", "classification", *options).out


def test_an_oracle_is_asked_about_a_pool(alkit: Alkit, alkit_ends: Alkit, here: Path) -> None:
    assert "3 checks passed" in alkit("check", "dataset").out
    for number in range(3):
        Image.new("RGB", (8, 8)).save(here / f"{number}.png")
    (here / "known.csv").write_text("image,label\n1.png,owl\n")
    words = ("check", "--kind", "oracle", "file", "-o", "path=known.csv")
    assert "3 checks passed" in alkit(*words, "--pool", ".").out
    said = alkit_ends(*words)
    assert said.code == 1
    assert "it knows none of these images" in said.out and "--pool" in said.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("nobody",), "plugin 'nobody'; 'alkit plugins'"),
        (("entropi", "--kind", "strategy"), "'entropi' in alkit.strategies; did you mean 'entropy'"),
        (("entropy > ", "--kind", "task"), "'entropy > ' is a strategy, .*--kind .*task"),
        (("./gone.py:Mine",), r"file .*gone\.py cannot be read"),
        (("file", "--kind", "oracle"), "oracle 'file' needs a file"),
        (("file",), "is the name of an oracle and of an encoder; add --kind"),
        (("csv", "--kind", "source"), "source 'csv' needs something to open; name it with --pool"),
        (("random", "-o", "colour=red"), "'random' has no option 'colour'"),
        (("dataset", "-o", "noise=2"), "option 'noise' of 'dataset' should be between 0 and 1, not 2"),
    ],
)
def test_what_cannot_be_checked_is_one_sentence(
    alkit_ends: Alkit, here: Path, words: tuple[str, ...], message: str
) -> None:
    said = alkit_ends("check", *words)
    assert said.code == 2
    assert re.search(message, said.error)


def test_a_source_with_a_data_set_opens_it(alkit: Alkit) -> None:
    assert " 0 failed" in alkit("check", "digit-angles").out
