"""The random baseline of published code: its draws, the images it trains on, and its section of a report."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from alkit.bench import records
from alkit.bench.protocol import Entry
from alkit.bench.published_random import PUBLISHED_RANDOM, PublishedRandom, arm_of, draws
from alkit.bench.report import write_report
from alkit.bench.suite import SuiteOptions, run_suite
from alkit.composition.factory import make_strategy
from alkit.errors import AlkitError
from alkit.utils.progress import NullProgress

from .tiny import tiny_protocol

SMALL = {"stage": 6, "subset": 20, "pool": 60}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run random sampling in its four arms."""
    folder = tmp_path_factory.mktemp("defects")
    entries = (
        Entry(name="random"),
        Entry(name=PUBLISHED_RANDOM, label="again", options=SMALL),
        Entry(name=PUBLISHED_RANDOM, label="beside", options={"repeats": False, "beside": "learning-loss"}),
        Entry(name=PUBLISHED_RANDOM, label="both", options={"beside": "learning-loss", **SMALL}),
    )
    labels = {"start": 6, "budget": 24, "cycles": 1}
    protocol = dataclasses.replace(tiny_protocol(folder, labels=labels), strategies=entries)
    options = SuiteOptions(executor="local", device="cpu")
    run_suite(protocol, folder / "results", options, progress=NullProgress())
    return folder / "results"


def test_ten_thousand_published_labels_are_about_8700_images() -> None:
    drawn = draws(10_000, stage=1_000, subset=10_000, pool=50_000, rng=np.random.default_rng(0))
    assert len(drawn) == 10_000 and len(np.unique(drawn[:1_000])) == 1_000
    assert 8_600 < len(np.unique(drawn)) < 8_800
    before = draws(3_000, stage=1_000, subset=10_000, pool=50_000, rng=np.random.default_rng(0))
    assert (before == drawn[:3_000]).all()  # what was drawn stays


def test_labels_of_repeated_draws_are_lost_and_the_others_stay() -> None:
    asked = np.random.default_rng(1).permutation(1_000)[:30]
    trained = PublishedRandom(**SMALL).trained_on(asked, np.random.default_rng(0))
    distinct = np.unique(trained)
    assert len(trained) == 30 and len(distinct) < 30
    assert set(distinct.tolist()) == set(asked[: len(distinct)].tolist())
    assert (trained == np.sort(trained)).all()
    without = PublishedRandom(repeats=False).trained_on(asked, np.random.default_rng(0))
    assert without.tolist() == sorted(asked.tolist())


@pytest.mark.slow
def test_all_arms_ask_for_the_same_images_and_train_on_what_they_should(results: Path) -> None:
    cycles = records.cycles_of(records.read_all(results))
    by_cell = {(one["strategy"], one["seed"], one["cycle"]): one for one in cycles}
    for seed in (0, 1):
        asked = by_cell["random", seed, 0]["picks"]
        assert all(by_cell[name, seed, 0]["picks"] == asked for name in ("again", "beside", "both"))
        last = {name: by_cell[name, seed, 1] for name in ("random", "again", "beside", "both")}
        assert {one["labels"] for one in last.values()} == {30}
        distinct = [last[name]["diagnostics"]["distinct_images"] for name in ("again", "beside", "both")]
        assert distinct[0] == distinct[2] < distinct[1] == 30
        assert last["random"]["order"] == last["beside"]["order"] != last["again"]["order"]
        assert "companion" in last["both"]["seconds"] and "companion" not in last["again"]["seconds"]


@pytest.mark.slow
def test_the_report_shows_both_effects_and_their_interaction(results: Path) -> None:
    write_report(results)
    section = (results / "report.md").read_text().partition("## Defects of a baseline")[2]
    rows = [line for line in section.partition("\n## ")[0].splitlines() if line.startswith("|")]
    assert [row.split("|")[1].strip() for row in rows[2:]] == [
        "drawn with replacement",
        "trained beside a ranker",
        "interaction",
    ]
    found = json.loads((results / "summary.json").read_text())["effects"]
    assert [one["area"]["estimate"]["n"] for one in found] == [2, 2, 2]


def test_it_is_no_strategy_and_the_arms_are_told_by_its_options() -> None:
    with pytest.raises(AlkitError, match=PUBLISHED_RANDOM):
        make_strategy(PUBLISHED_RANDOM)
    assert arm_of(Entry(name="random")) == (False, False)
    assert arm_of(Entry(name=PUBLISHED_RANDOM)) == (True, False)
    assert arm_of(Entry(name=PUBLISHED_RANDOM, options={"repeats": False, "beside": "x"})) == (False, True)
    assert arm_of(Entry(name="entropy")) is None
