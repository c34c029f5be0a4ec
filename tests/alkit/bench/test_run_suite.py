"""A suite runs its cells once, goes on after an end of any kind, and refuses what cannot be compared."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import alkit
from alkit.bench import cell as cell_module
from alkit.bench import records
from alkit.bench.checks import HiddenLabels, check_labels, check_pairing, unpaired
from alkit.bench.protocol import Entry, Labels, Protocol, read_protocol
from alkit.bench.report import write_report
from alkit.bench.report.evidence import read_report_data
from alkit.bench.resume import drop
from alkit.bench.suite import SuiteOptions, run_suite
from alkit.errors import BenchmarkError, CellsFailed, InvalidProtocol, UsageError
from alkit.plugin import registry
from alkit.utils.progress import NullProgress

from .tiny import tiny_protocol

Records = list[records.Record]


def _run(protocol: Protocol, results: Path, **options: Any) -> Records:
    progress = options.pop("progress", NullProgress())
    how = SuiteOptions(**{"executor": "local", "device": "cpu", **options})
    return run_suite(protocol, results, how, progress=progress)


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> tuple[Protocol, Path, Records]:
    """Run the tiny benchmark once."""
    folder = tmp_path_factory.mktemp("suite")
    protocol = tiny_protocol(folder)
    return protocol, folder / "results", _run(protocol, folder / "results")


def _computed(every: Records) -> Records:
    return [records.computed(record) for record in every]


def test_every_cell_has_its_cycles(suite: tuple[Protocol, Path, Records]) -> None:
    _, results, every = suite
    cycles = list(records.cycles_of(every))
    assert len(cycles) == 2 * 2 * 3
    assert [record["labels"] for record in cycles[:3]] == [12, 18, 24]
    assert all(0 <= record["metrics"]["accuracy"] <= 1 for record in cycles)
    assert records.read(results / records.RECORDS) == every
    assert not (results / records.CELLS).exists()


def test_a_cell_records_which_metrics_are_better_low(suite: tuple[Protocol, Path, Records]) -> None:
    _, results, every = suite
    assert [r["lower_is_better"] for r in every if r["kind"] == "cell"] == [["loss"]] * 4
    found = read_report_data(results)
    assert {name: found.is_better_high(name) for name in found.cycles[0]["metrics"]} == {
        "accuracy": True,
        "balanced_accuracy": True,
        "loss": False,
    }


def test_cells_of_a_seed_start_alike_and_differ_later(suite: tuple[Protocol, Path, Records]) -> None:
    _, _, every = suite
    first = {
        (record["strategy"], record["seed"]): record
        for record in records.cycles_of(every)
        if record["cycle"] == 0
    }
    for seed in (0, 1):
        random, entropy = first["random", seed], first["entropy", seed]
        for name in ("metrics", "starting_weights", "order", "classes_labeled"):
            assert random[name] == entropy[name]
        assert random["picks"] != entropy["picks"]
    assert first["random", 0]["starting_weights"] != first["random", 1]["starting_weights"]


def test_what_is_done_is_not_done_again(suite: tuple[Protocol, Path, Records], monkeypatch: Any) -> None:
    protocol, results, every = suite
    monkeypatch.setattr(cell_module, "_Run", _fail_if_run)
    assert _run(protocol, results) == every


def _fail_if_run(*_: object) -> None:
    raise AssertionError("a cell was run again")


def test_seeds_and_strategies_can_be_added(suite: tuple[Protocol, Path, Records], tmp_path: Path) -> None:
    protocol, results, every = suite
    copy = _copy(results, tmp_path / "results")
    more = dataclasses.replace(protocol, strategies=(Entry(name="random"), Entry(name="coreset")), seeds=(0,))
    found = _run(more, copy, cache=results.parent / "cache")
    assert {(r["strategy"], r["seed"]) for r in found} == {
        *((name, seed) for name in ("random", "entropy") for seed in (0, 1)),
        *(("coreset", seed) for seed in (0, 1)),
    }
    assert [r for r in found if r["strategy"] != "coreset"] == every
    other = dataclasses.replace(more, strategies=(Entry(name="coreset", options={"metric": "cosine"}),))
    with pytest.raises(InvalidProtocol, match="'coreset' with other options"):
        _run(other, copy, cache=results.parent / "cache")


@pytest.mark.parametrize(
    ("continued", "ran", "said"),
    [
        (False, [("random", 2)], "does not continue entropy (in {})"),
        (
            True,
            [("entropy", 1), ("random", 2), ("entropy", 2)],
            "also continues entropy (from the results in {})",
        ),
    ],
)
def test_other_strategies_of_the_results_run_only_if_that_is_wanted(
    suite: tuple[Protocol, Path, Records],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    continued: bool,
    ran: list[tuple[str, int]],
    said: str,
) -> None:
    protocol, results, every = suite
    copy = _copy(results, tmp_path / "results")
    unfinished = records.cell_path(copy, "entropy", 1)
    unfinished.with_suffix(records.WORK).mkdir(parents=True)
    records.write(unfinished, [r for r in every if (r["strategy"], r["seed"]) == ("entropy", 1)][:2])
    cells: list[Any] = []
    monkeypatch.setattr("alkit.bench.suite._run_all", lambda given, *_: cells.extend(given))
    more = dataclasses.replace(protocol, strategies=(Entry(name="random"),), seeds=(0, 1, 2))
    told = _Said()
    _run(more, copy, cache=results.parent / "cache", continue_others=continued, progress=told)
    assert [(cell.entry.shown, cell.seed) for cell in cells] == ran
    assert any(said.format(copy) in line for line in told.lines)
    assert any("1 begun earlier" in line for line in told.lines) == continued
    assert len(records.read(unfinished)) == 2  # it resumes from there


def test_records_of_another_protocol_are_not_mixed_in(suite: tuple[Protocol, Path, Records]) -> None:
    protocol, results, _ = suite
    other = dataclasses.replace(protocol, labels=dataclasses.replace(protocol.labels, budget=5))
    with pytest.raises(BenchmarkError, match="another protocol"):
        _run(other, results)


def test_records_of_another_task_are_not_mixed_in(
    suite: tuple[Protocol, Path, Records], tmp_path: Path
) -> None:
    protocol, results, every = suite
    copy = _copy(results, tmp_path / "results")
    changed = json.loads(json.dumps(every))
    next(r for r in changed if r["kind"] == "cell")["task_options"]["momentum"] = 0.8
    records.write(copy / records.RECORDS, changed)
    with pytest.raises(BenchmarkError, match=r"whose task had other options \(momentum\)"):
        _run(protocol, copy, cache=results.parent / "cache")


def test_an_interrupted_suite_ends_as_an_uninterrupted_one(
    suite: tuple[Protocol, Path, Records], tmp_path: Path, monkeypatch: Any
) -> None:
    protocol, results, every = suite
    appended = 0
    append = records.append

    def stopping(path: Path, record: Any) -> None:
        nonlocal appended
        append(path, record)
        appended += 1
        if appended in (2, 5, 6, 11):  # within cells and between them
            raise KeyboardInterrupt

    monkeypatch.setattr(records, "append", stopping)
    for _ in range(5):
        try:
            found = _run(protocol, tmp_path / "results", cache=results.parent / "cache")
        except KeyboardInterrupt:
            continue
        break
    assert appended > 11
    assert _computed(found) == _computed(every)


@pytest.mark.slow
def test_killed_workers_and_a_killed_suite_change_nothing(
    suite: tuple[Protocol, Path, Records], tmp_path: Path
) -> None:
    protocol, _, every = suite
    path = tmp_path / "tiny.toml"
    path.write_text(protocol.to_toml())
    words = ["bench", str(path), "--out", str(tmp_path / "results"), "--workers", "2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    cells = tmp_path / "results" / records.CELLS
    for _ in range(2):
        process = subprocess.Popen(
            [sys.executable, "-m", "alkit", *words],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        _wait_for(lambda: any(b'"cycle"' in p.read_bytes() for p in cells.glob("*.jsonl")), process)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    found = _run(
        protocol,
        tmp_path / "results",
        cache=tmp_path / "cache",
        executor="processes",
        executor_options={"workers": 2},
    )
    assert _computed(found) == _computed(every)


def _wait_for(condition: Any, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end and process.poll() is None and not condition():
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.parametrize("executor", ["processes", "dask"])
def test_a_killed_worker_is_replaced(
    suite: tuple[Protocol, Path, Records], tmp_path: Path, executor: str
) -> None:
    if executor == "dask":
        pytest.importorskip("distributed")
    protocol, results, every = suite
    killed: list[int] = []
    killer = threading.Thread(target=_kill_a_worker, args=(tmp_path / "results", executor, killed))
    killer.start()
    cache = results.parent / "cache"
    workers = {"workers": 2}
    found = _run(protocol, tmp_path / "results", cache=cache, executor=executor, executor_options=workers)
    killer.join()
    assert killed
    assert _computed(found) == _computed(every)


def _kill_a_worker(results: Path, executor: str, killed: list[int]) -> None:
    """Kill one worker process as soon as a cell has a record."""
    end = time.monotonic() + 200
    while time.monotonic() < end and not killed:
        time.sleep(0.02)
        if any(b'"cycle"' in path.read_bytes() for path in (results / records.CELLS).glob("*.jsonl")):
            mark = "LokyProcess" if executor == "processes" else "spawn_main"
            for process in _descendants(os.getpid()):
                with contextlib.suppress(OSError):
                    if mark in Path(f"/proc/{process}/cmdline").read_text():
                        os.kill(process, signal.SIGKILL)
                        killed.append(process)
                        return


def _descendants(process: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == process:
                found += [int(entry.name), *_descendants(int(entry.name))]
    return found


def test_a_strategy_that_fails_fails_its_cells_only(
    tmp_path: Path, monkeypatch: Any, suite: tuple[Protocol, Path, Records]
) -> None:
    class Broken(alkit.Strategy):
        name = "broken"

        def select(self, cycle: Any, n: int) -> Any:
            if cycle.number == 1:
                raise RuntimeError("no idea")
            return cycle.candidates[:n]

    _offer(monkeypatch, Broken)
    protocol = tiny_protocol(tmp_path, strategies=["random", "broken"], seeds=1)
    with pytest.raises(BenchmarkError, match="1 of 2 cells failed"):
        _run(protocol, tmp_path / "results")
    every = records.read_all(tmp_path / "results")
    failed = [record for record in every if record["kind"] == "failed"]
    assert [(r["strategy"], r["cycle"]) for r in failed] == [("broken", 1)]
    assert "no idea" in failed[0]["error"]
    assert sum(r["kind"] == "cycle" and r["strategy"] == "random" for r in every) == 3
    monkeypatch.setattr(Broken, "select", lambda self, cycle, n: cycle.candidates[:n])
    every = _run(protocol, tmp_path / "results")
    assert [r["cycle"] for r in every if r["kind"] == "cycle" and r["strategy"] == "broken"] == [0, 1, 2]
    assert not [r for r in every if r["kind"] == "failed"]


def _offer(monkeypatch: Any, cls: type[alkit.Strategy]) -> None:
    """Let the registry know a class that no distribution offers."""
    get, owner = registry.strategies.get, registry.strategies.owner
    monkeypatch.setattr(registry.strategies, "get", lambda name: cls if name == cls.name else get(name))
    monkeypatch.setattr(registry.strategies, "owner", lambda found: None if found is cls else owner(found))


def test_candidates_are_as_far_as_possible_the_same(tmp_path: Path, monkeypatch: Any) -> None:
    seen: dict[str, list[set[int]]] = {}

    class First(alkit.Strategy):
        name = "first"

        def select(self, cycle: Any, n: int) -> Any:
            seen.setdefault("first", []).append(set(cycle.candidates.tolist()))
            return cycle.candidates[:n]

    class Last(First):
        name = "last"

        def select(self, cycle: Any, n: int) -> Any:
            seen.setdefault("last", []).append(set(cycle.candidates.tolist()))
            return cycle.candidates[-n:]

    get, owner = registry.strategies.get, registry.strategies.owner
    both: dict[str, Any] = {"first": First, "last": Last}
    monkeypatch.setattr(registry.strategies, "get", lambda name: both.get(name) or get(name))
    monkeypatch.setattr(registry.strategies, "owner", lambda c: None if c in both.values() else owner(c))
    labels = {"start": 12, "budget": 6, "cycles": 2, "candidates": 40}
    _run(tiny_protocol(tmp_path, labels=labels, strategies=["first", "last"], seeds=1), tmp_path / "results")
    assert [len(candidates) for candidates in seen["first"]] == [40, 40]
    assert seen["first"][0] == seen["last"][0]
    assert len(seen["first"][1] & seen["last"][1]) >= 40 - 2 * 6


def test_both_judgments_are_recorded(tmp_path: Path) -> None:
    protocol = tiny_protocol(tmp_path, strategies=["random", "learning-loss"], seeds=1, judge="both")
    for record in records.cycles_of(_run(protocol, tmp_path / "results")):
        metrics = record["metrics"]
        same = metrics["accuracy"] == metrics["plain_accuracy"] and metrics["loss"] == metrics["plain_loss"]
        assert same is (record["strategy"] == "random")
        if record["cycle"] == 0:
            assert metrics["plain_loss"] == pytest.approx(_first_loss(tmp_path))
    every = records.read_all(tmp_path / "results")
    trained = [r for r in records.cycles_of(every) if r["strategy"] == "learning-loss"]
    assert all(-1 <= r["diagnostics"]["predicted_loss_correlation"] <= 1 for r in trained)


def _first_loss(folder: Path) -> float:
    every = records.read_all(folder / "results")
    return float(next(r["metrics"]["loss"] for r in records.cycles_of(every) if r["strategy"] == "random"))


def test_a_hidden_label_cannot_be_read() -> None:
    hidden = HiddenLabels(["a", "b"])
    hidden.reveal(np.array([1]))
    assert hidden.revealed(1) == "b"
    with pytest.raises(BenchmarkError, match="label of image 0 was read before"):
        hidden.revealed(0)


@pytest.mark.parametrize(
    ("picks", "known", "sentence"),
    [
        ([3, 3], [0, 3], "labeled twice"),
        ([0, 3], [0, 3], "labeled twice"),
        ([3], [0, 3], "cycle 0: the number of distinct labels is 2"),
        ([3, 4], [0, 3, 4, 5], "cycle 0: the revealed labels"),
    ],
)
def test_a_violated_check_is_loud(picks: list[int], known: list[int], sentence: str) -> None:
    hidden = HiddenLabels("abcdef")
    hidden.reveal(np.array(known))
    before, chosen = np.array([0]), np.array(picks)
    with pytest.raises(BenchmarkError, match=sentence):
        check_labels(
            hidden, before, chosen, np.union1d(before, chosen), Labels(start=1, budget=2, cycles=1), 0
        )


def test_cells_that_do_not_pair_are_told(suite: tuple[Protocol, Path, Records]) -> None:
    _, _, every = suite
    assert unpaired(every) == {}
    for name in ("order", "starting_weights"):
        changed = json.loads(json.dumps(every))
        next(r for r in changed if r["kind"] == "cycle" and r["cycle"] == 0)[name] = "other"
        assert list(unpaired(changed)) == [("entropy", 0)]  # the baseline is believed
        with pytest.raises(
            BenchmarkError, match=f"'entropy' and 'random' differ in their {name.replace('_', ' ')}"
        ):
            check_pairing(changed)


def test_most_are_believed() -> None:
    every = [
        {"kind": "cycle", "cycle": 0, "strategy": name, "seed": 3, "order": order}
        for name, order in (("random", "b"), ("entropy", "a"), ("coreset", "a"))
    ]
    assert list(unpaired(every)) == [("random", 3)]


def test_a_cell_that_does_not_pair_fails_and_is_run_again(
    suite: tuple[Protocol, Path, Records], tmp_path: Path
) -> None:
    protocol, results, every = suite
    copy = _copy(results, tmp_path / "results")
    changed = json.loads(json.dumps(every))
    next(r for r in changed if r["kind"] == "cycle" and r["strategy"] == "entropy")["order"] = "other"
    records.write(copy / records.RECORDS, changed)
    with pytest.raises(CellsFailed, match="1 of 4 cells failed"):
        _run(protocol, copy, cache=results.parent / "cache")
    found = records.read(copy / records.RECORDS)
    assert [r["kind"] for r in found if (r["strategy"], r["seed"]) == ("entropy", 0)] == ["failed"]
    write_report(copy)
    assert "differ in their order" in (copy / "report.md").read_text()
    again = _run(protocol, copy, cache=results.parent / "cache")
    assert _computed(again) == _computed(every)


def test_a_strategy_is_dropped_and_comes_back(suite: tuple[Protocol, Path, Records], tmp_path: Path) -> None:
    protocol, results, every = suite
    copy = _copy(results, tmp_path / "results")
    with pytest.raises(UsageError, match="no strategy 'coreset' to drop; it has random, entropy"):
        drop(copy, ["coreset"])
    with pytest.raises(UsageError, match="no strategy would be left"):
        drop(copy, ["random", "entropy"])
    drop(copy, ["entropy"])
    assert records.read_all(copy) == [record for record in every if record["strategy"] == "random"]
    assert [entry.shown for entry in read_protocol(copy / "protocol.toml").strategies] == ["random"]
    write_report(copy)
    assert "entropy" not in (copy / "report.md").read_text()
    assert _computed(_run(protocol, copy, cache=results.parent / "cache")) == _computed(every)


class _Said(NullProgress):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def line(self, text: str) -> None:
        self.lines.append(text)


def _packed(results: Path, copy: Path) -> Path:
    """Copy results, and compress the copy as the project's own results are."""
    root = Path(alkit.__file__).resolve().parents[1]
    subprocess.run(
        [sys.executable, root / "scripts" / "pack-results", _copy(results, copy)], check=True, timeout=60
    )
    assert not (copy / "records.jsonl").exists()
    return copy


def test_compressed_results_are_continued_once_they_are_unpacked(
    suite: tuple[Protocol, Path, Records], tmp_path: Path
) -> None:
    protocol, results, every = suite
    partial, said = _copy(results, tmp_path / "partial"), _Said()
    kept = [record for record in every if (record["strategy"], record["seed"]) != ("random", 1)]
    records.write(partial / records.RECORDS, kept)
    copy = _packed(partial, tmp_path / "results")
    found = _run(protocol, copy, cache=results.parent / "cache", progress=said)
    assert f"the compressed records in {copy} are unpacked to records.jsonl" in said.lines
    assert any("4 cells, 3 of them already done" in line for line in said.lines)
    assert [record for record in found if record in kept] == kept
    assert _computed(found) == _computed(every)
    assert records.read(copy / records.RECORDS) == found
    assert not list(copy.glob("*.xz"))


def test_a_benchmark_that_may_not_continue_leaves_compressed_results_as_they_are(
    suite: tuple[Protocol, Path, Records], tmp_path: Path
) -> None:
    protocol, results, every = suite
    copy = _packed(results, tmp_path / "results")
    other = dataclasses.replace(protocol, labels=dataclasses.replace(protocol.labels, budget=3))
    with pytest.raises(BenchmarkError, match="records from another protocol"):
        _run(other, copy, cache=results.parent / "cache")
    assert not (copy / "records.jsonl").exists()
    assert records.read_all(copy) == every


def test_a_strategy_is_dropped_from_compressed_results(
    suite: tuple[Protocol, Path, Records], tmp_path: Path
) -> None:
    _, results, every = suite
    copy = _packed(results, tmp_path / "results")
    drop(copy, ["entropy"])
    assert records.read_all(copy) == [record for record in every if record["strategy"] == "random"]
    assert not (copy / "records.jsonl.xz").exists()


def _copy(results: Path, copy: Path) -> Path:
    copy.mkdir()
    for path in filter(Path.is_file, results.iterdir()):
        (copy / path.name).write_bytes(path.read_bytes())
    return copy


def test_the_baseline_may_have_no_companion(tmp_path: Path, monkeypatch: Any) -> None:
    from alkit_plugins.strategies.learned.learning_loss import LearningLoss

    class Crooked(LearningLoss):
        name = "random"

    _offer(monkeypatch, Crooked)
    with pytest.raises(BenchmarkError, match="cells failed"):
        _run(tiny_protocol(tmp_path, strategies=["random"], seeds=1), tmp_path / "results")
    every = records.read_all(tmp_path / "results")
    assert "trained with a companion" in next(r["error"] for r in every if r["kind"] == "failed")
