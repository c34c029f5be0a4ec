"""A failure that cells have in common stops a benchmark; one of a single strategy does not."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import alkit
from alkit.bench import common_failure, records
from alkit.bench.suite import SuiteOptions, run_suite
from alkit.errors import CellsFailed
from alkit.plugin import registry
from alkit.utils.progress import NullProgress

from .tiny import tiny_protocol


def cells_that_ended(results: Path, ended: str, *, keep_going: bool = False) -> list[Any]:
    """Note the ends of cells: `a1 bx` is one of strategy a with error 1, then one of b without an error."""
    (results / records.CELLS).mkdir(parents=True, exist_ok=True)
    words = ended.split()
    cells: list[Any] = [
        SimpleNamespace(results=results, run="run", entry=SimpleNamespace(shown=word[0]), seed=seed)
        for seed, word in enumerate(words)
    ]
    strategies = len({word[0] for word in words})
    common_failure.watch(results, "run", strategies=strategies, keep_going=keep_going)
    for cell, word in zip(cells, words, strict=True):
        common_failure.note(cell, None if word[1] == "x" else word[1])
    return cells


@pytest.mark.parametrize(
    ("ended", "stops"),
    [
        ("a1 b1 a1", True),
        ("ax b1 a1 b1 ax", True),  # one that was still running ends well
        ("a1 b1", False),
        ("a1 b1 a2", False),
        ("a1 ax b1 a1", False),
        ("a1 a1 a1 a1 bx", False),
        ("a1 a1 a1", True),
    ],
)
def test_three_in_a_row_with_the_same_error_stop_a_run(tmp_path: Path, ended: str, stops: bool) -> None:
    cells = cells_that_ended(tmp_path, ended)
    assert common_failure.shared_error(cells[0]) == ("1" if stops else None)
    assert common_failure.not_tried([*cells, SimpleNamespace(**vars(cells[0]))]) == int(stops)
    assert common_failure.shared_error(cells_that_ended(tmp_path, ended, keep_going=True)[0]) is None
    common_failure.forget(tmp_path)
    assert not list(tmp_path.rglob("*.ended"))


class Broken(alkit.Strategy):
    name = "broken"

    def select(self, cycle: Any, n: int) -> Any:
        raise RuntimeError("no idea")


@pytest.mark.slow
def test_a_benchmark_that_stopped_continues_when_the_cause_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    get, owner = registry.strategies.get, registry.strategies.owner
    monkeypatch.setattr(registry.strategies, "get", lambda name: Broken if name == "broken" else get(name))
    monkeypatch.setattr(registry.strategies, "owner", lambda cls: None if cls is Broken else owner(cls))
    labels = [{"name": "broken", "label": label} for label in ("one", "two", "three")]
    protocol = tiny_protocol(
        tmp_path, strategies=["random", *labels], labels={"start": 12, "budget": 6, "cycles": 1}
    )

    def run(**options: Any) -> list[records.Record]:
        how = SuiteOptions(executor="local", device="cpu", **options)
        return run_suite(protocol, tmp_path / "results", how, progress=NullProgress())

    with pytest.raises(
        CellsFailed, match=r"3 of 8 cells failed, 3 in a row .*no idea.*with 4 cells not tried.*--keep-going"
    ):
        run()
    with pytest.raises(CellsFailed, match=r"3 of 8 cells failed, .* with 4 cells not tried"):
        run()
    with pytest.raises(CellsFailed, match="6 of 8 cells failed; the others"):
        run(keep_going=True)
    monkeypatch.setattr(Broken, "select", lambda self, cycle, n: cycle.candidates[:n])
    assert sum(record["kind"] == "cell" for record in run()) == 8
    assert not (tmp_path / "results" / records.CELLS).exists()
