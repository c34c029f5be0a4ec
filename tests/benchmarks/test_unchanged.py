"""The comparison of two checkouts sees what differs, however little it is."""

from __future__ import annotations

import contextlib
import json
import math
import shutil
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import BENCHMARKS

ROOT = BENCHMARKS.parent
CAMPAIGNS = ROOT / "tests" / "scenarios" / "data" / "older-campaigns.zip"
BROKEN = """

_score = Entropy.score
Entropy.score = lambda self, cycle, output: _score(self, cycle, output) * (1 + 2**-20)
"""


@pytest.fixture
def records(benchmark_module: Callable[[str], Any]) -> Any:
    return benchmark_module("comparison.records")


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    """A campaign with queries by two people, twice."""
    found = []
    for name in ("old", "new"):
        with zipfile.ZipFile(CAMPAIGNS) as archive:
            archive.extract("people/campaign.db", tmp_path / name)
        found.append(tmp_path / name / "people")
    return found[0], found[1]


def change(campaign: Path, table: str, statement: str, *values: Any, rows: int = 1) -> None:
    """Write to a ledger as alkit never does."""
    with contextlib.closing(sqlite3.connect(campaign / "campaign.db")) as db, db:
        for verb in ("UPDATE", "DELETE"):
            db.execute(f"DROP TRIGGER {table}_no_{verb}")
        assert db.execute(statement, values).rowcount == rows


def compared(records: Any, old: Path, new: Path) -> dict[int, list[str]]:
    was, now = records.read_campaign(old), records.read_campaign(new)
    found = {cycle: records.differences(was.get(cycle, {}), now.get(cycle, {})) for cycle in {*was, *now}}
    return {cycle: said for cycle, said in found.items() if said}


def test_what_is_the_same_is_identical(records: Any, two: tuple[Path, Path]) -> None:
    assert compared(records, *two) == {}
    assert sorted(records.read_campaign(two[0])) == [0, 1, 2, 3]


def test_a_score_that_differs_in_its_last_bit(records: Any, two: tuple[Path, Path]) -> None:
    scores = records.read_campaign(two[0])[0]["scores"]
    place = next(number for number, score in enumerate(scores) if score is not None)
    more = math.nextafter(scores[place], 9)
    where = "event = 5 AND rank = ?"
    change(two[1], "picks", f"UPDATE picks SET score = ? WHERE {where}", more, place + 1)
    assert compared(records, *two) == {0: [f"scores[{place}]: {scores[place]!r} before, {more!r} now"]}


def test_a_pick_that_is_another_image(records: Any, two: tuple[Path, Path]) -> None:
    first = records.read_campaign(two[0])[1]["picks"][0]
    change(two[1], "picks", "UPDATE picks SET idx = 39 WHERE event = 14 AND rank = 1")
    assert compared(records, *two) == {1: [f"picks[0]: {first} before, 39 now"]}


@pytest.mark.parametrize(
    ("kind", "cycle", "path", "value", "said"),
    [
        ("trained", 2, "$.metrics.accuracy", 0.5, "metrics[0].accuracy: 1.0 before, 0.5 now"),
        ("trained", 2, "$.metrics.accuracy", 1, "metrics[0].accuracy: 1.0 before, 1 now"),
        ("trained", 2, "$.loss[1]", 1.096897, "training[0].loss[1]: 1.096896 before, 1.096897 now"),
        ("asked", 2, "$.options.pca", 3, "query.options.pca: 0 before, 3 now"),
        ("asked", 2, "$.diagnostics.new", 3, "query.diagnostics.new: nothing before, 3 now"),
    ],
)
def test_a_record_that_says_something_else(
    records: Any, two: tuple[Path, Path], kind: str, cycle: int, path: str, value: float, said: str
) -> None:
    where = "kind = ? AND json_extract(data, '$.cycle') = ?"
    change(
        two[1],
        "events",
        f"UPDATE events SET data = json_set(data, ?, ?) WHERE {where}",
        path,
        value,
        kind,
        cycle,
    )
    assert compared(records, *two) == {cycle: [said]}


def test_an_event_that_is_missing(records: Any, two: tuple[Path, Path]) -> None:
    change(
        two[1], "events", "DELETE FROM events WHERE kind = 'trained' AND json_extract(data, '$.cycle') = 2"
    )
    said = compared(records, *two)
    assert set(said) == {2} and [line.split(":")[0] for line in said[2]] == ["events", "metrics", "training"]


def test_times_and_names_of_checkpoints_do_not_count(records: Any, two: tuple[Path, Path]) -> None:
    other = "json_set(data, '$.measures', 'm', '$.checkpoint', 'c', '$.fingerprint', 'f')"
    change(two[1], "events", f"UPDATE events SET data = {other} WHERE kind = 'trained'", rows=4)
    assert compared(records, *two) == {}


def test_an_option_counts_unless_only_the_new_code_has_it(records: Any) -> None:
    def differ(old: Any, new: Any) -> list[str]:
        found: list[str] = records.differences({"training": [old]}, {"training": [new]})
        return found

    assert differ({"options": {"a": 1}}, {"options": {"a": 1, "b": 2}}) == []
    assert differ({"options": {"a": 1, "b": 2}}, {"options": {"a": 1}}) != []
    assert differ({"options": {"a": 1}}, {"options": {"a": 2, "b": 2}}) != []


def test_of_a_sentence_only_the_numbers_count(records: Any) -> None:
    was, other_words, other_number = (
        records.wordless({"warnings": [said], "metric": "cosine", "auc": 0.41})
        for said in ("AUC 0.41 is below chance", "the AUC, 0.41, is too low", "AUC 0.42 is below chance")
    )
    assert records.differences(was, other_words) == []
    assert records.differences(was, other_number) == ["warnings[0][0]: '0.41' before, '0.42' now"]
    assert was["metric"] == "cosine" and was["auc"] == 0.41


def test_a_cell_of_a_benchmark(records: Any, tmp_path: Path) -> None:
    cell = {
        "kind": "cycle",
        "strategy": "entropy",
        "seed": 1,
        "cycle": 0,
        "picks": [3, 4],
        "seconds": {"train": 2.0},
    }
    suites = []
    for number, changed in enumerate(({}, {"seconds": {"train": 3.0}}, {"picks": [3, 5]})):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "records.jsonl").write_text(json.dumps(cell | changed) + "\n")
        suites.append(records.read_suite(tmp_path / str(number))["entropy", 1][0])
    assert records.differences(suites[0], suites[1]) == []
    assert records.differences(suites[0], suites[2]) == ["picks[1]: 4 before, 5 now"]


def unchanged(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(BENCHMARKS / "unchanged.py"), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=280)


def test_what_is_no_checkout_is_refused(tmp_path: Path) -> None:
    ended = unchanged(tmp_path)
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith(f"Error: {tmp_path} is no checkout of alkit")


@pytest.mark.slow
def test_a_strategy_whose_scores_are_a_millionth_larger(tmp_path: Path) -> None:
    for folder in ("alkit", "plugins"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy(path, tmp_path)
    [module] = (tmp_path / "plugins").rglob("entropy.py")
    before = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    with open(module, "a") as file:
        file.write(BROKEN)
    ended = unchanged(ROOT, tmp_path, "--parts", "digits", "--only", "entropy", "random", "--json")
    assert ended.returncode == 1, ended.stderr
    rows = json.loads(ended.stdout)["rows"]
    assert {row["strategy"] for row in rows} == {"entropy", "random"}
    assert {row["strategy"] for row in rows if row["differences"]} == {"entropy"}
    said = [line for row in rows for line in row["differences"]]
    assert said and all(line.startswith("scores[") for line in said)
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == before
