"""Queries that share their passes: the same picks for any number of shards, any executor, and after kills."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import alkit
from alkit.campaign.prepare import Selection, prepare
from alkit.campaign.shards.cycle_ref import CycleRef
from alkit.data.feature_blocks import FeatureBlocks
from alkit.errors import CampaignError, ExecutorError, InvalidOption, NotTrained, UsageError, WorkersLost
from alkit.interfaces import Executor

STRATEGIES = ["entropy", "coreset", "mix(0.5 learning-loss(hidden=4), 0.5 typiclust)"]
N, IMAGES = 20, 1_200


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A campaign on 1,200 images, which make five batches, with some labels, trained for each strategy."""
    folder = tmp_path_factory.mktemp("shards")
    rng = np.random.default_rng(0)
    labels = np.arange(IMAGES) % 3
    images = (rng.integers(0, 90, (IMAGES, 6, 6)) + 60 * labels[:, None, None]).astype(np.uint8)
    np.savez(folder / "pool.npz", images=images, labels=labels)
    with alkit.create(
        folder / "camp", pool=str(folder / "pool.npz"), oracle="dataset", task_options={"epochs": 1}
    ) as camp:
        camp.ask(24, strategy="random")
        oracle = camp.oracle()
        assert oracle is not None
        camp.consult(oracle)
        for text in STRATEGIES:
            camp.train(camp.resources.strategy(text).strategy)
    return folder / "camp"


@pytest.fixture
def camp(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "camp"))


def chosen(directory: Path, text: str, **details: Any) -> tuple[Any, ...]:
    """Ask a query in a copy of a campaign; return all that it chose, and what was recorded of it."""
    copy = directory.with_name(f"{directory.name}-{len(list(directory.parent.iterdir()))}")
    shutil.copytree(directory, copy)
    with alkit.Campaign(copy, device="cpu") as opened:
        query = opened.ask(N, strategy=text, control=0.2, **details)
        assert not (copy / "cache" / "scores").exists()
        picks = [
            (pick.index, pick.score, pick.control, pick.place, pick.predicted, pick.confidence)
            for pick in query.picks
        ]
        return picks, query.asked.diagnostics, query.asked.checkpoint, query.asked.candidates


@pytest.mark.parametrize("text", STRATEGIES)
def test_any_number_of_shards_chooses_what_one_process_chooses(camp: Path, text: str) -> None:
    usual = chosen(camp, text)
    for of in (1, 2, 7, 64):
        scores = camp.with_name(f"scores-{of}")
        with alkit.Campaign(camp, device="cpu") as opened:
            # Of 64 shards, most have nothing to do: there are five blocks.
            shards = [13, 26, 39, 52, 64] if of == 64 else [*range(1, of + 1)]
            random.Random(of).shuffle(shards)
            reports = [
                opened.score(N, shard=shard, of=of, scores=scores, strategy=text, control=0.2)
                for shard in shards
            ]
        assert sum(report.computed for report in reports) >= 5
        files = {path: path.stat().st_mtime_ns for path in scores.rglob("*.pt")}
        assert chosen(camp, text, scores=scores) == usual
        assert {path: path.stat().st_mtime_ns for path in files} == files


def test_executors_choose_what_one_process_chooses(camp: Path) -> None:
    usual = chosen(camp, "entropy")
    assert chosen(camp, "entropy", executor="local") == usual
    assert chosen(camp, "entropy", executor=Backwards()) == usual
    assert chosen(camp, "coreset", executor=Forgetful()) == chosen(camp, "coreset")
    with pytest.raises(ExecutorError, match="a worker died, 3 times in a row"):
        chosen(camp, "entropy", executor=Dying())
    with pytest.raises(InvalidOption, match="has one worker"):
        chosen(camp, "entropy", executor="local", executor_options={"workers": 2})


class Backwards(Executor):
    """Runs every job twice, the last one first."""

    name = "backwards"

    def run(self, function: Any, jobs: Any, *, say: Any) -> None:
        for job in [*reversed(jobs), *jobs]:
            function(job)


class Forgetful(Executor):
    """Loses its workers after each job."""

    name = "forgetful"

    def run(self, function: Any, jobs: Any, *, say: Any) -> None:
        function(jobs[-1])
        raise WorkersLost("a worker died")


class Dying(Executor):
    """Loses its workers before they have done anything."""

    name = "dying"

    def run(self, function: Any, jobs: Any, *, say: Any) -> None:
        raise WorkersLost("a worker died")


def test_a_cycle_is_opened_from_a_reference(camp: Path) -> None:
    with alkit.Campaign(camp, device="cpu") as opened:
        strategy = opened.resources.strategy("entropy")
        prepared = prepare(opened, strategy, Selection(n=N, control=0.2))
        ref = CycleRef.of(opened, prepared)
        cycle, again = prepared.open(), alkit.Cycle.open(ref)
    for name in ("candidates", "labeled"):
        assert np.array_equal(getattr(cycle, name), getattr(again, name))
    assert len(again.candidates) == IMAGES - 24 - 4
    some = cycle.candidates[::7]
    assert torch.equal(cycle.embeddings(some), again.embeddings(some))
    assert cycle.rng.integers(1000) == again.rng.integers(1000)
    with alkit.Campaign(camp, device="cpu") as opened:
        opened.ask(N, strategy="random")
    with pytest.raises(CampaignError, match="has changed since"):
        alkit.Cycle.open(ref)


def test_scoring_locks_and_writes_nothing_but_blocks(camp: Path, contents: Any) -> None:
    before = contents(camp)
    with alkit.Campaign(camp, device="cpu") as opened, opened.lock():
        report = opened.score(N, shard=2, of=2, scores=camp.with_name("scores"), strategy="entropy")
    assert (report.computed, report.missing, report.blocks) == (3, 2, 5)
    assert contents(camp) == before
    with alkit.Campaign(camp, device="cpu") as opened:
        strategy = "learning-loss(hidden=5)"
        with pytest.raises(NotTrained, match=r"run 'alkit train .*learning-loss"):
            opened.score(N, shard=1, of=2, scores=camp.with_name("scores"), strategy=strategy)
        with pytest.raises(UsageError, match="numbered from 1 to 2"):
            opened.score(N, shard=3, of=2, scores=camp.with_name("scores"), strategy="entropy")
        opened.ask(N, strategy="entropy")
        with pytest.raises(UsageError, match="query 2 is still open"):
            opened.score(N, shard=1, of=2, scores=camp.with_name("scores"), strategy="entropy")


def test_blocks_of_other_options_are_not_taken(camp: Path) -> None:
    scores = camp.with_name("scores")
    with alkit.Campaign(camp, device="cpu") as opened:
        opened.score(N, shard=1, of=1, scores=scores, strategy="margin", control=0.2)
    assert chosen(camp, "entropy", scores=scores) == chosen(camp, "entropy")


def test_the_command_line_scores_and_gathers(camp: Path, alkit: Any, alkit_ends: Any) -> None:
    given = ("-c", camp, "-s", "entropy", "-n", "20", "--device", "cpu", "--quiet")
    scores = camp.with_name("scores")
    told = alkit("score", *given, "--shard", "2/3", "--scores", scores, "--json").json
    assert (told["shard"], told["of"], told["blocks"]) == (2, 3, 5)
    said = alkit("score", *given, "--shard", "1/3", "--scores", scores).out
    assert said.startswith("shard 1 of 3: 1 block scored\nmissing        2 of 5 blocks\n")
    assert alkit_ends("score", *given, "--shard", "4/3", "--scores", scores).code == 2
    said = alkit_ends("query", *given, "--workers", "2")
    assert said.error.endswith("name one with --executor")
    assert "did you mean 'processes'" in alkit_ends("query", *given, "--executor", "proceses").error
    query = alkit("query", *given, "--scores", scores, "--executor", "local", "--json").json
    assert len(query["picks"]) == 20
    assert len(list(scores.rglob("*.pt"))) == 5


@pytest.mark.slow
@pytest.mark.parametrize("executor", ["processes", "dask"])
def test_killed_workers_and_a_killed_gatherer_change_nothing(
    camp: Path, tmp_path: Path, executor: str
) -> None:
    if executor == "dask":
        pytest.importorskip("distributed")
    usual = chosen(camp, "coreset")
    scores = tmp_path / "scores"
    words = ["query", "-c", str(camp), "-s", "coreset", "-n", str(N), "--control", "0.2", "--device", "cpu"]
    words += ["--executor", executor, "--workers", "2", "--scores", str(scores)]
    gatherer = subprocess.Popen(
        [sys.executable, "-m", "alkit", *words], stderr=subprocess.DEVNULL, start_new_session=True
    )
    wait_for(lambda: len(list(scores.rglob("*.pt"))) >= 1, gatherer)
    os.killpg(gatherer.pid, signal.SIGKILL)
    gatherer.wait()
    for path in [*scores.rglob("*.pt")][1:]:
        path.unlink()
    assert chosen(camp, "coreset", scores=scores, executor=executor, executor_options={"workers": 2}) == usual


def wait_for(condition: Any, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end and process.poll() is None and not condition():
        time.sleep(0.02)


MEANS = f"file:{Path(__file__).parents[2] / 'plugins' / 'encoders' / 'means.py'}:make"


def test_features_are_encoded_in_shards_and_by_executors(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, alkit: Any
) -> None:
    pool, options = made.with_name("pool.npz"), ("--task", "encoded", "-t", f"encoder={MEANS}")
    given = ("-s", "margin", "-n", "20", "--device", "cpu", "--quiet")
    monkeypatch.setattr("alkit.data.feature_blocks.ROWS_IN_A_BLOCK", 128)  # ten blocks
    features, listed = [], []
    for way in ("alone", "shards", "executor"):
        camp = tmp_path / way
        alkit("init", camp, "--pool", pool, "--oracle", "dataset", *options, "--quiet")
        alkit("query", "-c", camp, "-s", "random", "-n", "24", "--quiet")
        alkit("ingest", "-c", camp, "--oracle", "dataset", "--quiet")
        for path in (camp / "cache").glob("features-pool-*"):
            path.unlink()  # the first query needed them
        more: tuple[Any, ...] = ()
        if way == "shards":
            more = ("--scores", tmp_path / "scores")
            told = [alkit("score", "-c", camp, *given, *more, "--shard", f"{n}/3", "--json") for n in (3, 1)]
            assert [one.json["what"] for one in told] == ["features"] * 2
            assert [one.json["missing"] for one in told] == [6, 3]
            alkit("train", "-c", camp, "-s", "margin", "--quiet")

            assert alkit("score", "-c", camp, *given, *more, "--shard", "1/1", "--json").json["blocks"] == 5
        elif way == "executor":
            more = ("--executor", "local")
        query = alkit("query", "-c", camp, *given, *more, "--json").json
        listed.append((query["picks"], query["diagnostics"]))
        (kept,) = (camp / "cache").glob("features-pool-*.f32")
        features.append(kept.read_bytes())
        assert list((camp / "cache").glob("*.blocks-*")) == []
    assert features[0] == features[1] == features[2]
    assert listed[0] == listed[1] == listed[2]


@pytest.mark.parametrize("done", [0, 64, 100, 163])
def test_blocks_of_features_begin_where_batches_do(done: int, tmp_path: Path) -> None:
    blocks = FeatureBlocks(tmp_path / "f.f32", 5_000, done)
    rows = [blocks.rows(number) for number in blocks.numbers]
    assert rows[0][0] <= done < rows[0][1]
    assert all((begin - done) % 64 == 0 for begin, _ in rows)
    assert [begin for begin, _ in rows[1:]] == [end for _, end in rows[:-1]]
    assert rows[-1][1] == 5_000
    later = FeatureBlocks(blocks.path, 5_000, done + 64 * 20)  # after an interruption
    assert later.folder == blocks.folder
    assert [later.rows(number) for number in later.numbers] == rows[-len(later.numbers) :]
