"""The upper bound: it takes the batch worth most, sees labels that nobody else sees, and is no strategy."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from alkit.bench import records
from alkit.bench.protocol import UPPER_BOUND, Entry, Protocol
from alkit.bench.report import write_report
from alkit.bench.report.evidence import read_report_data
from alkit.bench.suite import SuiteOptions, run_suite
from alkit.bench.upper_bound import UpperBound, makers_of, participant
from alkit.composition.factory import make_strategy
from alkit.errors import AlkitError
from alkit.plugin import registry
from alkit.testing.world import make_world
from alkit.utils.progress import NullProgress

from .tiny import tiny_protocol

WORLD = make_world(candidates=30)
WORLD.train(make_strategy("entropy"))


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> tuple[Protocol, Path]:
    """Run the tiny benchmark with an upper bound of three batches."""
    folder = tmp_path_factory.mktemp("bound")
    plain = tiny_protocol(folder)
    entry = Entry(name=UPPER_BOUND, options={"batches": 3})
    protocol = dataclasses.replace(plain, strategies=(*plain.strategies, entry))
    options = SuiteOptions(executor="local", device="cpu")
    run_suite(protocol, folder / "results", options, progress=NullProgress())
    return protocol, folder / "results"


def test_the_batch_worth_most_is_taken() -> None:
    bound = UpperBound(batches=8)
    bound.makers = [make_strategy("random"), make_strategy("entropy")]
    seen: list[list[int]] = []

    def judge(picks: np.ndarray) -> float:
        seen.append(picks.tolist())
        return float(picks.sum())

    bound.judge = judge
    cycle = WORLD.cycle()
    picks = WORLD.choose(bound, 5, cycle)
    assert len(seen) == 8 and len({tuple(one) for one in seen}) > 4
    assert picks.tolist() == max(seen, key=sum)
    assert cycle.diagnostics["best"] == max(map(sum, seen))
    assert seen[1] == WORLD.choose(make_strategy("entropy"), 5).tolist()  # from all candidates at first


def test_it_is_no_strategy() -> None:
    with pytest.raises(AlkitError, match=UPPER_BOUND):
        make_strategy(UPPER_BOUND)
    assert UPPER_BOUND not in [plugin.name for plugin in registry.strategies]
    assert isinstance(participant(Entry(name=UPPER_BOUND, options={"batches": "4"})), UpperBound)


def test_strategies_with_a_companion_make_no_batches(tmp_path: Path) -> None:
    protocol = tiny_protocol(tmp_path)
    entries = [Entry(name=name) for name in ("random", "learning-loss", "entropy", UPPER_BOUND)]
    made = makers_of(dataclasses.replace(protocol, strategies=tuple(entries)), WORLD.model.spec)
    assert [strategy.name for strategy in made] == ["random", "entropy"]


def test_a_cell_pays_for_its_labels_and_is_judged_like_the_others(suite: tuple[Protocol, Path]) -> None:
    protocol, results = suite
    own = [one for one in records.cycles_of(records.read_all(results)) if one["strategy"] == UPPER_BOUND]
    assert len(own) == 2 * (protocol.labels.cycles + 1)
    for record in own:
        assert len(record["picks"]) == (
            protocol.labels.budget if record["cycle"] < protocol.labels.cycles else 0
        )
        if record["picks"]:
            assert 0.0 <= record["diagnostics"]["mean"] <= record["diagnostics"]["best"] <= 1.0


def test_the_report_marks_it_and_leaves_it_out_of_tests(suite: tuple[Protocol, Path]) -> None:
    _, results = suite
    evidence = read_report_data(results)
    assert UPPER_BOUND not in evidence.strategies and evidence.complete == evidence.expected
    assert [one.strategy for one in evidence.comparison.versus] == ["entropy"]
    assert evidence.upper is not None and evidence.upper.versus[0].strategy == UPPER_BOUND
    write_report(results)
    text = (results / "report.md").read_text()
    section = text.partition("## Upper bound")[2].partition("\n## ")[0]
    assert "no strategy" in section and "100%" in section
    assert UPPER_BOUND not in text.partition("## Results")[2].partition("\n## ")[0]
    summary = json.loads((results / "summary.json").read_text())
    assert summary["upper_bound"]["versus"][0]["strategy"] == UPPER_BOUND


def test_results_without_it_have_no_such_section(suite: tuple[Protocol, Path]) -> None:
    _, results = suite
    evidence = dataclasses.replace(read_report_data(results), bound=())
    assert evidence.upper is None
