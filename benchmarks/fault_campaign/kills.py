"""Real processes, killed at any moment: nothing that was reported is lost, and the next command goes on."""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import select
import signal
import sqlite3
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.process import BaseProcess
from pathlib import Path
from random import Random

from .trial import SECONDS, Fault, Said, call, judged, shown
from .world import COLORS, World, recorded

PRELOADED = [
    "torch",
    "alkit.cli",
    "alkit.campaign.run",
    "alkit_plugins.tasks.classification",
    "alkit.bench.suite",
]
START = """
import os, sys, torch
os.setsid()
os.dup2(out.fileno(), 1)
os.dup2(err.fileno(), 2)
os.chdir(directory)
sys.argv = argv
torch.set_num_threads(1)
from alkit.cli import main
main()
"""
PROTOCOL = """
name = "tiny"
seeds = [0, 1]
[data]
pool = "{pool}"
test = "{test}"
[task]
name = "classification"
[task.options]
epochs = 1
[labels]
start = 9
budget = 3
cycles = 2
[[strategies]]
name = "random"
[[strategies]]
name = "entropy"
"""


class Process:
    """A command in a process of its own, forked from one that has imported torch."""

    def __init__(self, *words: str | Path) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(PRELOADED)
        (self._out, out), (self._err, err) = context.Pipe(duplex=False), context.Pipe(duplex=False)
        self.words = tuple(map(str, words))
        given = {"argv": ["alkit", *self.words], "directory": str(Path.cwd()), "out": out, "err": err}
        self._process: BaseProcess = context.Process(target=exec, args=(START, given))
        self._process.start()
        out.close()
        err.close()
        self.said: dict[int, bytes] = {self._out.fileno(): b"", self._err.fileno(): b""}

    def kill(self) -> None:
        """Kill the process and all that it started."""
        assert self._process.pid is not None
        for target in (os.killpg, os.kill):
            with suppress(ProcessLookupError):
                target(self._process.pid, signal.SIGKILL)

    def read(self, seconds: float, until: bytes = b"") -> bool:
        """Take in what it says for a time, or until it says something or ends; return whether it goes on."""
        ends = time.monotonic() + seconds
        open_pipes = list(self.said)
        while open_pipes and (left := ends - time.monotonic()) > 0:
            for pipe in select.select(open_pipes, [], [], left)[0]:
                if piece := os.read(pipe, 65536):
                    self.said[pipe] += piece
                else:
                    open_pipes.remove(pipe)
            if until and until in self.said[self._out.fileno()]:
                return True
        return bool(open_pipes)

    def end(self) -> Said:
        """Wait until it has ended, and return what it said."""
        if self.read(2 * SECONDS):
            self.kill()
            raise Fault(f"{shown(self.words)} runs still after {2 * SECONDS:.0f} seconds")
        self._process.join(SECONDS)
        code = self._process.exitcode
        out, err = (text.decode() for text in self.said.values())
        self._out.close()
        self._err.close()
        return Said(self.words, 1 if code is None else code, out, err)


def attempt(world: World, number: int, rng: Random) -> str:
    """Kill something, and check what must never be lost."""
    name, trial = ALL[number % len(ALL)]
    trial(world, world.room(), rng)
    return name


def _killed(rng: Random, most: float, *words: str | Path) -> Said:
    """Run a command and kill it at a moment up to `most` seconds from its start."""
    process = Process(*words)
    if process.read(rng.uniform(0, most)):
        process.kill()
    said = process.end()
    return said if said.code == -signal.SIGKILL else judged(said)


def _check(camp: Path, before: list[tuple[object, ...]]) -> None:
    """Check that a campaign is whole and has lost nothing."""
    database = sqlite3.connect(camp / "campaign.db")
    try:
        if (found := database.execute("PRAGMA integrity_check").fetchone()) != ("ok",):
            raise Fault(f"the ledger is damaged: {found}")
    finally:
        database.close()
    call("status", "-c", camp, expect=(0,))
    if recorded(camp)[: len(before)] != before:
        raise Fault("recorded answers are lost")


def _init(world: World, room: Path, rng: Random) -> None:
    camp = room / "camp"
    words = ("init", camp, "--pool", world.pool, "--labels", world.known, "-q", "-t", "epochs=1")
    said = _killed(rng, 0.5, *words)
    if (camp / "campaign.toml").exists():
        _check(camp, [])
    else:
        if said.code == 0:
            raise Fault("a campaign that was reported is not there")
        call(*words, expect=(0,))
        _check(camp, [])


def _query(world: World, room: Path, rng: Random) -> None:
    camp = world.copy("labeled", room)
    before = recorded(camp)
    strategy = rng.choice(("entropy", "random", "badge"))
    said = _killed(rng, 0.6, "query", "-c", camp, "-n", "3", "-s", strategy, "-q", "--json")
    _check(camp, before)
    again = json.loads(call("query", "-c", camp, "-n", "3", "-s", strategy, "-q", "--json", expect=(0,)).out)
    if said.out.rstrip().endswith("}"):
        told = json.loads(said.out)
        if [pick["index"] for pick in told["picks"]] != [pick["index"] for pick in again["picks"]]:
            raise Fault("a query that was reported is not the open one")


def _ingest(world: World, room: Path, rng: Random) -> None:
    camp = world.copy("labeled", room)
    before = recorded(camp)
    answers = room / "answers.csv"
    lines = [f"{color}/{n:02d}.png,{color}" for color in COLORS for n in range(3, 8)]
    answers.write_text("\n".join(["image,label", *lines]))
    said = _killed(rng, 0.15, "ingest", "-c", camp, answers)
    _check(camp, before)
    taken = len(recorded(camp)) - len(before)
    if taken not in (0, len(lines)) or ("15 answers accepted" in said.out and not taken):
        raise Fault(f"{taken} of {len(lines)} answers are there, after {said.out!r}")


def _other(world: World, room: Path, rng: Random) -> None:
    """Kill any other command."""
    camp = world.copy("asked", room)
    before = recorded(camp)
    words = rng.choice(
        (
            ("train", "-c", camp, "-q"),
            ("update", "-c", camp, "-q"),
            ("report", "-c", camp),
            ("export", "-c", camp, "-f", "folders", "-q"),
            ("status", "-c", camp),
            ("predict", "-c", camp, world.pool, "--out", room / "predicted.csv", "--force", "-q"),
            ("remove", "-c", camp, "red/00.png"),
            ("ingest", "-c", camp, "--undo"),
            ("classes", "rename", "-c", camp, "red", "rot"),
            ("fork", "-c", camp, room / "forked", "-q"),
            ("query", "-c", camp, "-n", "2", "--new", "-q"),
            ("ingest", "-c", camp, "--aggregate", "majority"),
        )
    )
    if words[0] == "update":
        (room / "more").mkdir()
    for rest in range(2):
        _killed(rng, 0.5, *words)
        _check(camp, before)
        if rest:
            call(*words)


def _run(world: World, room: Path, rng: Random) -> None:
    camp = world.copy("fresh", room)
    words = (
        "run",
        "-c",
        camp,
        "-n",
        "3",
        "--cycles",
        "2",
        "-s",
        "random",
        "--seed-size",
        "9",
        "--oracle",
        "dataset",
        "-q",
        "--json",
    )
    before: list[tuple[object, ...]] = []
    for _ in range(2):
        _killed(rng, 1.0, *words)
        _check(camp, before)
        before = recorded(camp)
    done = json.loads(call(*words, expect=(0,)).out)
    if [record["cycle"] for record in done] != [1, 2, 3] and len(done) < 2:
        raise Fault(f"the run ended with the cycles {[record['cycle'] for record in done]}")
    _check(camp, before)


class _Page:
    """A real `alkit label`, and requests to it."""

    def __init__(self, camp: Path) -> None:
        self.process = Process("label", "-c", camp, "--no-browser", "--annotator", "ada")
        self.process.read(SECONDS, b"/\n")
        found = re.search(rb"http://\S+/", next(iter(self.process.said.values())))
        if found is None:
            raise Fault(f"the page does not start: {self.process.end().err[-300:]}")
        self.address = found[0].decode()

    def ask(self, path: str, body: object = None) -> dict[str, object]:
        """Ask the page, and return its JSON."""
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.address + path, content, {"Content-Type": "application/json"} if content else {}
        )
        with urllib.request.urlopen(request, timeout=SECONDS) as reply:
            found: dict[str, object] = json.loads(reply.read())
            return found


def _label(world: World, room: Path, rng: Random) -> None:
    """Kill the page after some answers: each answer that it acknowledged is there."""
    camp = world.copy("asked", room)
    page, told = _Page(camp), []
    state = page.ask("state")
    images = [image["index"] for image in state["images"]]  # type: ignore[attr-defined]
    for index in images[: rng.randint(1, len(images))]:
        page.ask("answer", {"query": state["query"], "index": index, "label": "red", "saw_guess": False})
        told.append(index)
    if rng.random() < 0.5:  # and one more, whose reply never comes
        last = {"query": state["query"], "index": images[0], "label": "blue", "saw_guess": False}
        request = urllib.request.Request(
            page.address + "answer", json.dumps(last).encode(), {"Content-Type": "application/json"}
        )
        with suppress(TimeoutError, urllib.error.URLError):
            urllib.request.urlopen(request, timeout=rng.uniform(0.001, 0.02))
    page.process.kill()
    page.process.end()
    _check(camp, [])
    there = {row[1] for row in recorded(camp) if row[4] == "ada"}
    if lost := set(told) - there:
        raise Fault(f"answers that the page acknowledged are lost: {sorted(lost)}")


def _beside_the_page(world: World, room: Path, rng: Random) -> None:
    """Kill an ingest in the moments of its commit while the page holds the campaign open."""
    camp = world.copy("asked", room)
    before = recorded(camp)
    answers = room / "answers.csv"
    lines = [f"{color}/{n:02d}.png,{color}" for color in COLORS for n in range(3, 8)]
    answers.write_text("\n".join(["image,label", *lines]))
    new = json.loads(call("ingest", "-c", camp, answers, "--dry-run", "--json", expect=(0,)).out)["accepted"]
    page = _Page(camp)
    try:
        process = Process("ingest", "-c", camp, answers)
        log, ends = camp / "campaign.db-wal", time.monotonic() + SECONDS
        size = log.stat().st_size if log.exists() else 0
        while process.read(0.0005) and time.monotonic() < ends:
            if log.exists() and log.stat().st_size != size:  # it is writing now
                time.sleep(rng.expovariate(2000))
                break
        process.kill()
        said = process.end()
        taken = len(recorded(camp)) - len(before)
        if taken not in (0, new) or ("answers accepted" in said.out and not taken):
            raise Fault(f"{taken} of {new} answers are there, after {said.out!r}")
        state = page.ask("state")
        index = state["images"][0]["index"]  # type: ignore[index]
        page.ask("answer", {"query": state["query"], "index": index, "label": "red", "saw_guess": False})
    except urllib.error.HTTPError as error:
        raise Fault(
            f"the page answers {error.code} after a kill beside it: {error.read()[:200]!r}"
        ) from error
    finally:
        page.process.kill()
        page.process.end()
    _check(camp, before)
    if not any(row[4] == "ada" for row in recorded(camp)):
        raise Fault("an answer that the page acknowledged is lost")


def _bench(world: World, room: Path, rng: Random) -> None:
    """Kill a benchmark and go on with it: the records are those of one that was left alone."""
    protocol, cache = room.parent / "tiny.toml", room.parent / "tiny-cache"
    protocol.write_text(PROTOCOL.format(pool=world.pool, test=world.test))
    words = ("bench", protocol, "--cache", cache, "-q", "--executor", "local")
    alone = room.parent / "tiny-alone"
    if not (alone / "records.jsonl").exists():
        call(*words, "--out", alone, expect=(0,))
    for _ in range(2):
        _killed(rng, 1.5, *words, "--out", room / "out")
    said = Process(*words, "--out", room / "out").end()
    judged(said, (0,))
    if _computed(room / "out") != _computed(alone):
        raise Fault("the records of a benchmark that was killed differ from those of another")


def _computed(results: Path) -> list[dict[str, object]]:
    from alkit.bench.records import computed, read_all

    return [
        {key: value for key, value in computed(record).items() if key != "diagnostics"}
        for record in read_all(results)
    ]


Trial = Callable[[World, Path, Random], None]
ALL: tuple[tuple[str, Trial], ...] = (
    *(("ingest", _ingest), ("beside the page", _beside_the_page), ("query", _query), ("init", _init)),
    *(("label", _label), ("beside the page", _beside_the_page), ("other", _other), ("run", _run)),
    *(("ingest", _ingest), ("bench", _bench), ("beside the page", _beside_the_page), ("query", _query)),
    *(("label", _label), ("other", _other), ("ingest", _ingest), ("query", _query)),
)
