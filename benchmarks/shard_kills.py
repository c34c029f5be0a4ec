"""Kill shards, workers and gatherers at random, and compare what is chosen in the end with one process.

    python benchmarks/shard_kills.py --kills 100 --seed 0

Rounds take turns: shards of `alkit score` in several processes, gathered by `alkit query --scores`, and
`alkit query --executor processes`. In every round, processes are killed by SIGKILL at random times until the
round has had its kills; who was killed is started again with the same command. A round passes if the query is
the same as that of one process: picks, scores, predictions, diagnostics and checkpoint.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch

import alkit
from alkit.cli import main

IMAGES, SIDE, BUDGET = 20_000, 20, 50
STRATEGIES = ("entropy", "coreset", "mix(0.5 margin, 0.5 learning-loss(hidden=8))")
STOPPED = "times in a row"  # alkit gives up where workers die before any of them has done a job
KILLS_OF_EXECUTOR = 3  # in a round; workers take seconds to import torch


@dataclass
class Fault:
    """What a round was, and how it differed."""

    round_: int
    kind: str
    reason: str


@dataclass
class Trial:
    """The campaigns to kill in, and what has happened so far."""

    folder: Path
    random: Random
    kills: int = 0
    killed: dict[str, int] = field(default_factory=dict)

    def note(self, who: str) -> None:
        """Count a kill."""
        self.kills += 1
        self.killed[who] = self.killed.get(who, 0) + 1


def prepare(folder: Path) -> None:
    """Make a campaign with labels, trained for each strategy."""
    rng = np.random.default_rng(0)
    labels = np.arange(IMAGES) % 4
    pixels = rng.integers(0, 150, (IMAGES, SIDE, SIDE), dtype=np.uint8)
    pixels += (25 * labels[:, None, None]).astype(np.uint8)
    np.savez(folder / "pool.npz", images=pixels, labels=labels)
    options = {"epochs": 2}
    with alkit.create(
        folder / "camp", pool=str(folder / "pool.npz"), oracle="dataset", task_options=options
    ) as camp:
        camp.ask(60, strategy="random")
        oracle = camp.oracle()
        assert oracle is not None
        camp.consult(oracle)
        for text in STRATEGIES:
            camp.train(camp.resources.strategy(text).strategy)


def words_of(campaign: Path, text: str) -> list[str]:
    """Return the options that all commands of a round share."""
    given = ["-c", str(campaign), "-s", text, "-n", str(BUDGET), "--control", "0.1", "--device", "cpu"]
    return [*given, "--quiet"]


def started(words: Sequence[str], out: Path) -> int:
    """Start a command in a process of its own, which need not import torch again."""
    process = os.fork()
    if process:
        return process
    os.setsid()
    with open(out, "w") as file, open(f"{out}.err", "w") as talk:
        os.dup2(file.fileno(), 1)
        os.dup2(talk.fileno(), 2)
        sys.argv = ["alkit", *words]
        code = 1
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        finally:
            sys.stdout.flush()
            os._exit(code)


def ended(process: int) -> int | None:
    """Return the exit code of a process, None while it runs."""
    found, status = os.waitpid(process, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def kill(process: int) -> None:
    """Kill a process at once."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


def workers_of(process: int) -> list[int]:
    """Return the processes that compute for a gatherer."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, IndexError, ValueError):
            number = int(entry.name)
            session = int((entry / "stat").read_text().rpartition(")")[2].split()[3])
            if session == process and "LokyProcess" in (entry / "cmdline").read_text():
                found.append(number)
    return found


def in_shards(trial: Trial, campaign: Path, text: str, kills: int) -> None:
    """Score in shards, some of them at once, and kill some."""
    of, scores = trial.random.choice([2, 7, 64]), campaign / "scores"
    shards = trial.random.sample(range(1, of + 1), min(of, 7))
    left = trial.kills + kills
    for shard in shards:
        words = ["score", *words_of(campaign, text), "--scores", str(scores), "--shard", f"{shard}/{of}"]
        running = [started(words, campaign / f"shard-{shard}-{number}") for number in range(2)]
        if trial.kills < left:
            time.sleep(trial.random.uniform(0.05, 1.0))
            kill(trial.random.choice(running))
            trial.note("shard")
        for process in running:
            os.waitpid(process, 0)
    words = ["query", *words_of(campaign, text), "--scores", str(scores), "--json"]
    gatherer(trial, words, campaign, kills=max(1, left - trial.kills), workers=False)


def by_executor(trial: Trial, campaign: Path, text: str, kills: int) -> None:
    """Query with an executor, and kill workers and the gatherer."""
    executor = ["--executor", "processes", "--workers", "2"]
    words = ["query", *words_of(campaign, text), *executor, "--json"]
    gatherer(trial, words, campaign, kills=kills, workers=True)


def gatherer(trial: Trial, words: Sequence[str], campaign: Path, *, kills: int, workers: bool) -> None:
    """Run a query to its end; kill it, or a worker of its, so many times on the way."""
    out = campaign / "query.json"
    process = started(words, out)
    while True:
        wait = trial.random.uniform(0.1, 6.0 if workers else 1.0) if kills else 600.0
        end = time.monotonic() + wait
        while (code := ended(process)) is None and time.monotonic() < end:
            time.sleep(0.02)
        if code == 0:
            break
        if code is not None:
            said = Path(f"{out}.err").read_text().strip()
            if STOPPED not in said:
                raise RuntimeError(f"{' '.join(words)} ended with {code}: {said}")
            process = started(words, out)  # as the sentence says
            continue
        victims = workers_of(process)
        if workers and victims and trial.random.random() < 0.7:
            kill(trial.random.choice(victims))
            trial.note("worker")
        else:
            kill(process)
            os.waitpid(process, 0)
            trial.note("gatherer")
            process = started(words, out)  # beside the workers of the one that was killed
        kills -= 1


def found(out: Path) -> dict[str, Any]:
    """Return all of a query that has to be the same."""
    query = json.loads(out.read_text())
    return {name: query[name] for name in ("picks", "diagnostics", "checkpoint", "candidates")}


def one_round(trial: Trial, number: int, usual: dict[str, Any], text: str, most: int) -> Fault | None:
    """Make one round; return what was wrong, or None."""
    kind = ("shards", "executor")[number % 2]
    campaign = trial.folder / f"round-{number}"
    shutil.copytree(trial.folder / "camp", campaign)
    try:
        if kind == "shards":
            in_shards(trial, campaign, text, min(most, 6))
        else:
            by_executor(trial, campaign, text, min(most, KILLS_OF_EXECUTOR))
        result = found(campaign / "query.json")
        differing = [name for name, value in usual.items() if result[name] != value]
        return Fault(number, kind, f"{', '.join(differing)} of {text} differ") if differing else None
    except (RuntimeError, OSError, ValueError, KeyError) as error:
        return Fault(number, kind, f"{text}: {type(error).__name__}: {error}")
    finally:
        shutil.rmtree(campaign, ignore_errors=True)


def run() -> int:
    """Kill as often as asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    began, faults, number = time.monotonic(), list[Fault](), 0
    with tempfile.TemporaryDirectory() as name:
        trial = Trial(Path(name), Random(given.seed))
        prepare(trial.folder)
        usual: dict[str, dict[str, Any]] = {}
        for text in STRATEGIES:
            campaign = Path(shutil.copytree(trial.folder / "camp", trial.folder / "usual"))
            os.waitpid(started(["query", *words_of(campaign, text), "--json"], campaign / "query.json"), 0)
            usual[text] = found(campaign / "query.json")
            shutil.rmtree(campaign)
        while trial.kills < given.kills:
            text = STRATEGIES[number // 2 % len(STRATEGIES)]
            fault = one_round(trial, number, usual[text], text, given.kills - trial.kills)
            if fault is not None:
                faults.append(fault)
                print(f"round {number} ({fault.kind}): {fault.reason}", flush=True)
            number += 1
            print(f"{trial.kills} kills in {number} rounds: {trial.killed}", flush=True)
    minutes = (time.monotonic() - began) / 60
    print(f"{trial.kills} kills in {number} rounds and {minutes:.1f} minutes, {len(faults)} rounds differ")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(run())
