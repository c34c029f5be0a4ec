"""Interrupted, killed, locked out, out of space: what is accepted stays, what is reported is recorded."""

from __future__ import annotations

import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from alkit.campaign.campaign import Campaign

from ..processes import Process

Alkit = Callable[..., Any]

# Runs the command line in a process that stops where a name is first called, and says so.
PAUSING = """
import importlib, sys, time
from alkit.cli import main
place, sys.argv = sys.argv[1], ["alkit", *sys.argv[2:]]
if place:
    module, name = place.split(":")
    owner = importlib.import_module(module)
    *path, last = name.split(".")
    for part in path:
        owner = getattr(owner, part)
    def pause(*args, **kwargs):
        print("HERE", flush=True)
        time.sleep(60)
    setattr(owner, last, pause)
main()
"""


@pytest.fixture
def stopped() -> Iterator[Callable[..., tuple[int, str]]]:
    """Start a command that pauses at a place, send a signal there; return exit code and standard error."""
    processes: list[Process] = []

    def start(place: str, send: int, *words: str | Path) -> tuple[int, str]:
        process = Process(PAUSING, place, *words)
        processes.append(process)
        for line in process.stdout:
            if line == "HERE\n":
                break
        else:
            raise AssertionError(process.communicate())
        process.send_signal(send)
        code, _, err = process.communicate(timeout=60)
        return code, err

    yield start
    for process in processes:
        process.close()


@pytest.mark.parametrize(
    "place",
    [
        "alkit.training.loop:fit",
        pytest.param("alkit_plugins.strategies.uncertainty.entropy:Entropy.score", marks=pytest.mark.slow),
        pytest.param("alkit.campaign.query_files:write_csv", marks=pytest.mark.slow),
    ],
)
def test_an_interrupted_query_is_continued_by_the_same_command(
    stopped: Callable[..., tuple[int, str]], alkit: Alkit, labeled: Path, tmp_path: Path, place: str
) -> None:
    twin = Path(shutil.copytree(labeled, tmp_path / "twin"))
    asked = ["-s", "entropy", "-n", "5"]
    code, err = stopped(place, signal.SIGINT, "query", "-c", labeled, *asked)
    assert code == 130
    assert re.search(r"\nInterrupted; .*the same command.*\.\n$", err)
    assert "Traceback" not in err
    said = alkit("query", "-c", labeled, *asked, "--json")
    assert said.json["query"] == 1
    assert said.json["reused"] == (place == "alkit.campaign.query_files:write_csv"), (
        "recorded, not yet reported"
    )
    expected = alkit("query", "-c", twin, *asked, "--json").json
    assert [pick["index"] for pick in said.json["picks"]] == [pick["index"] for pick in expected["picks"]]
    assert (labeled / "queries" / "001.csv").exists()


@pytest.mark.parametrize(
    ("place", "send"),
    [
        ("alkit.campaign.record.ledger:Ledger.add_images", signal.SIGINT),
        ("pathlib:Path.replace", signal.SIGKILL),
        pytest.param("alkit.data.preprocessing:StoreWriter.append", signal.SIGINT, marks=pytest.mark.slow),
        pytest.param("alkit.data.preprocessing:StoreWriter.append", signal.SIGKILL, marks=pytest.mark.slow),
        pytest.param(
            "alkit.campaign.record.ledger:Ledger.add_images", signal.SIGKILL, marks=pytest.mark.slow
        ),
        pytest.param("pathlib:Path.replace", signal.SIGINT, marks=pytest.mark.slow),
    ],
)
def test_an_interrupted_init_does_not_block_the_next(
    stopped: Callable[..., tuple[int, str]], alkit: Alkit, here: Path, pictures: Path, place: str, send: int
) -> None:
    code, _ = stopped(place, send, "init", "camp", "--pool", pictures)
    assert code == (130 if send == signal.SIGINT else -send)
    if send == signal.SIGINT:
        assert list(here.iterdir()) == []
    alkit("init", "camp", "--pool", pictures)
    assert not list((here / "camp").glob(".alkit-draft-*"))
    assert alkit("status", "-c", "camp", "--json").json["images"] == 60


# Runs the command line and dies, as by kill -9, a little after the n-th time it touches the campaign: the
# signal's default action ends the process wherever it is, and none of its code runs any more.
DYING = """
import signal, sys
touches, delay, directory = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
sys.argv = ["alkit", *sys.argv[4:]]
def watch(event, arguments):
    global touches
    if event in ("open", "os.rename", "os.remove", "os.mkdir", "sqlite3.connect"):
        if any(directory in str(argument) for argument in arguments):
            touches -= 1
            if touches == 0:
                signal.setitimer(signal.ITIMER_REAL, delay)
sys.addaudithook(watch)
from alkit.cli import main
main()
"""


def run_and_die(touches: int, delay: float, directory: Path, *words: str | Path) -> tuple[int, str]:
    process = Process(DYING, touches, delay, directory, *words)
    code, out, err = process.communicate()
    process.close()
    assert code in (0, -signal.SIGALRM), err
    return code, out


def survive(
    rounds: int, seed: int, alkit: Alkit, make_pictures: Callable[..., Path], folder: Path
) -> tuple[int, int]:
    """Kill init, query and ingest at random moments; check after each what must never be lost."""
    rng = random.Random(seed)
    pool = make_pictures(folder / "pool", each=15)
    camp = folder / "camp"
    killed = done = 0
    reported: dict[int, list[int]] = {}
    acknowledged: dict[int, str] = {}
    for _ in range(rounds):
        if not (camp / "campaign.toml").exists():
            (folder / "known.csv").write_text("image,label\nblue/00.png,blue\nred/00.png,red\n")
            words: list[Any] = [
                "init",
                camp,
                "--pool",
                pool,
                "-t",
                "epochs=2",
                "--labels",
                folder / "known.csv",
            ]
            words += ["--classes", "blue,green,red"]
        else:
            with Campaign(camp) as campaign:
                query = campaign.open_query
                if query is None:
                    words = ["query", "-c", camp, "-n", "3", "-q"]
                else:
                    answers = {pick.index: pick.image.split("/")[0] for pick in query.unanswered}
                    lines = [f"{index},{color}" for index, color in answers.items()]
                    (folder / "answers.csv").write_text("\n".join(["index,label", *lines]))
                    words = ["ingest", "-c", camp, folder / "answers.csv"]
        most = {"init": 50, "query": 32, "ingest": 8}[words[0]]  # they touch it 30, 19 and 4 times
        code, out = run_and_die(rng.randint(1, most), rng.expovariate(100) + 1e-6, camp, *words)
        killed += code != 0
        done += code == 0
        if not (camp / "campaign.toml").exists():
            assert words[0] == "init"
            continue
        with Campaign(camp) as campaign:  # it opens, and holds all that was said to be done
            database = sqlite3.connect(camp / "campaign.db")
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            database.close()
            assert len(campaign.state.records) == 45
            if words[0] == "query" and "images chosen" in out:
                number = int(out.split()[1].rstrip(":"))
                with open(camp / "queries" / f"{number:03d}.csv") as listed:
                    reported[number] = [int(line.split(",")[1]) for line in listed.readlines()[1:]]
            if words[0] == "ingest" and "answers accepted" in out:
                acknowledged.update(answers)
            for number, indices in reported.items():
                assert campaign.queries[number - 1].indices == indices, "reported is recorded"
            for index, color in acknowledged.items():
                answer = campaign.pool.answer_of(index)
                assert answer is not None
                assert answer.value == color, "accepted is kept"
            for query in campaign.queries:
                answered = [pick.answer is not None for pick in query.picks]
                assert all(answered) or not any(answered), "an ingest is all or nothing"
            open_query = campaign.open_query
        if open_query is not None and open_query.number not in reported:
            said = alkit("query", "-c", camp, "-n", "7", "--json")
            assert said.json["reused"], "recorded and not reported is what comes next"
            assert [pick["index"] for pick in said.json["picks"]] == open_query.indices
            reported[open_query.number] = open_query.indices
    return killed, done


def test_killed_at_random_moments_nothing_is_lost(
    alkit: Alkit, make_pictures: Callable[..., Path], tmp_path: Path
) -> None:
    killed, _ = survive(3, 1, alkit, make_pictures, tmp_path)
    assert killed > 0


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [2, 3])
def test_killed_at_many_random_moments_nothing_is_lost(
    alkit: Alkit, make_pictures: Callable[..., Path], tmp_path: Path, seed: int
) -> None:
    killed, done = survive(20, seed, alkit, make_pictures, tmp_path)
    assert killed >= 5
    assert done >= 5


def test_killed_after_the_record_the_query_is_what_comes_next(
    stopped: Callable[..., tuple[int, str]], alkit: Alkit, labeled: Path
) -> None:
    place = "alkit.campaign.choose:write_for_people"
    code, _ = stopped(place, signal.SIGKILL, "query", "-c", labeled, "-n", "5", "-s", "random")
    assert code == -signal.SIGKILL
    said = alkit("query", "-c", labeled, "-n", "2", "--json")
    assert (said.json["reused"], len(said.json["picks"])) == (True, 5)
    assert Path(said.json["list"]).exists()
    assert Path(said.json["contact_sheet"]).exists()


def test_killed_before_the_commit_nothing_was_asked(
    stopped: Callable[..., tuple[int, str]], alkit: Alkit, labeled: Path
) -> None:
    code, _ = stopped(
        "alkit.campaign.record.ledger:Ledger.add_picks", signal.SIGKILL, "query", "-c", labeled, "-n", "5"
    )
    assert code == -signal.SIGKILL
    status = alkit("status", "-c", labeled, "--json").json
    assert (status["queries"], status["pending"]) == (0, 0)


def test_a_locked_campaign_is_said_within_a_bounded_time(
    alkit_ends: Alkit, labeled: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alkit.campaign.session.LOCK_SECONDS", 0.2)
    (here / "a.csv").write_text("image,label\nred/10.png,red\n")
    with FileLock(labeled / "campaign.lock"):
        for words in (["query", "-n", "3"], ["ingest", "a.csv"], ["train"], ["update"]):
            started = time.monotonic()
            said = alkit_ends(*words, "-c", labeled)
            assert time.monotonic() - started < 5
            assert said.code == 1
            assert said.error.startswith(f"another process is working on {labeled}; wait")
            assert "waiting" in said.err
        assert alkit_ends("status", "-c", labeled).code == 0, "to look is allowed"
    assert alkit_ends("ingest", "a.csv", "-c", labeled).code == 0


def test_whoever_waits_sees_what_the_other_did(labeled: Path) -> None:
    with Campaign(labeled) as one, Campaign(labeled) as other:
        first = one.ask(4, strategy="random")
        assert other.open_query is None
        assert other.ask(4, strategy="random").picks == first.picks


def test_a_campaign_without_permission_is_one_sentence(alkit_ends: Alkit, labeled: Path) -> None:
    (labeled / "campaign.lock").unlink(missing_ok=True)
    (labeled / "campaign.lock").mkdir()  # what even root cannot open for writing
    said = alkit_ends("query", "-c", labeled, "-n", "3")
    assert said.code == 1
    assert f"{labeled} cannot be written" in said.error


def test_a_ledger_that_cannot_be_opened_says_what_it_needs(alkit_ends: Alkit, labeled: Path) -> None:
    (labeled / "campaign.db-wal").unlink(missing_ok=True)
    (labeled / "campaign.db-shm").unlink(missing_ok=True)
    (labeled / "campaign.db-wal").mkdir()  # as where nothing can be written, which root does not notice
    for words in (["status"], ["query", "-n", "3"]):
        said = alkit_ends(*words, "-c", labeled)
        assert said.code == 1
        assert "unable to open database file; make its directory writable" in said.error


@pytest.mark.parametrize("name", ["queries", "checkpoints"])
def test_a_file_where_a_folder_should_be_is_one_sentence(alkit_ends: Alkit, labeled: Path, name: str) -> None:
    (labeled / name).write_text("mine")
    said = alkit_ends("query", "-c", labeled, "-n", "3")
    assert said.code == 1
    assert name in said.error
    assert (labeled / name).read_text() == "mine"


# Runs the command line where no file may grow beyond so many bytes, as on a disk that is full.
CRAMPED = """
import resource, signal, sys
size = int(sys.argv.pop(1))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
from alkit.cli import main
main()
"""


def run_cramped(size: int, *words: str | Path) -> tuple[int, str]:
    process = Process(CRAMPED, size, *words)
    code, _, err = process.communicate()
    process.close()
    return code, err


@pytest.mark.parametrize(
    "size",
    [
        2_000,
        pytest.param(0, marks=pytest.mark.slow),
        pytest.param(20_000, marks=pytest.mark.slow),
        pytest.param(200_000, marks=pytest.mark.slow),
    ],
)
def test_no_space_is_one_sentence_and_loses_nothing(alkit: Alkit, labeled: Path, size: int) -> None:
    before = alkit("status", "-c", labeled, "--json").json
    code, err = run_cramped(size, "query", "-c", labeled, "-n", "5")
    assert code == 1, err
    assert "Traceback" not in err
    assert err.strip().splitlines()[-1].startswith("Error: ")
    after = alkit("status", "-c", labeled, "--json").json
    assert (after["labeled"], after["queries"]) == (before["labeled"], before["queries"])
    assert not list(labeled.rglob("*.tmp"))
    assert alkit("query", "-c", labeled, "-n", "5").out.startswith("query 1: 5 images")


def test_no_space_for_a_new_campaign_leaves_nothing(pictures: Path, tmp_path: Path) -> None:
    code, err = run_cramped(5_000, "init", tmp_path / "new", "--pool", pictures)
    assert code == 1, err
    assert "Traceback" not in err
    assert not (tmp_path / "new").exists()


def test_a_reader_that_goes_away_is_no_error(labeled: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "alkit", "status", "-c", str(labeled), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert "Traceback" not in process.stderr.read()
    process.stderr.close()
    process.wait(timeout=60)
