"""Commands that torchrun starts: trainings in two processes on this machine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alkit import Campaign
from alkit.campaign.record.events import Trained
from alkit.errors import UsageError
from alkit.training import launch

START = """
import os, signal, sys
from pathlib import Path
from alkit.cli import main
from alkit.training import loop
from alkit.training.group import TrainingGroup

loop.SECONDS_BETWEEN_SAVES = 0.0
log, kill_in = Path(sys.argv.pop(1)), int(sys.argv.pop(1))

def watch(event, arguments):
    if event == "open" and "camp" in str(arguments[0]):
        mode, flags = arguments[1:3]
        if (mode or "r").strip("rb") or flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            log.open("a").write(f"{arguments[0]} {mode} {flags}\\n")

if os.environ["RANK"] == "1":
    begin_epoch = TrainingGroup.begin_epoch

    def killed(group, epoch):
        if epoch == kill_in:
            os.kill(os.getpid(), signal.SIGKILL)
        begin_epoch(group, epoch)

    TrainingGroup.begin_epoch = killed
    sys.addaudithook(watch)
main()
"""


@pytest.fixture
def camp(tmp_path: Path, pictures: Path, alkit: Callable[..., Any]) -> Path:
    """A campaign with 40 labels, whose network has batch normalization."""
    camp = tmp_path / "camp"
    options = ("-t", "epochs=4", "-t", "precision=float32", "-t", "model=small-cnn", "-t", "augment=true")
    alkit("init", camp, "--pool", pictures, "--test", pictures, "--oracle", "dataset", *options)
    alkit("query", "-c", camp, "-n", "40", "-s", "random")
    alkit("ingest", "-c", camp, "--oracle", "dataset")
    return camp


def torchrun(folder: Path, *words: object, kill_in: int = -1) -> tuple[int, str, str]:
    script = folder / "start.py"
    script.write_text(START)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", script]
    environment = {**os.environ, "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*map(str, [*command, folder / "log", kill_in, *words])],
        env=environment,
        capture_output=True,
        text=True,
        timeout=800,
    )
    return done.returncode, done.stdout, done.stderr


def last_training(camp: Path) -> Trained:
    with Campaign(camp) as campaign:
        trainings = campaign.ledger.events(Trained)
    return trainings[-1].data


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_processes_query_as_one_does_and_the_second_writes_nothing(
    tmp_path: Path, camp: Path, alkit: Callable[..., Any]
) -> None:
    one = tmp_path / "one-camp"
    shutil.copytree(camp, one)
    words = ("-n", "6", "-s", "learning-loss", "--json")
    alone = alkit("query", "-c", one, *words).json
    code, out, err = torchrun(tmp_path, "query", "-c", camp, *words)
    assert code == 0, err
    assert [pick["index"] for pick in json.loads(out)["picks"]] == [pick["index"] for pick in alone["picks"]]
    assert not (tmp_path / "log").exists()
    with Campaign(camp) as campaign:
        (training,) = [event.data for event in campaign.ledger.events(Trained)]
    expected = last_training(one)
    assert training.processes == 2 and expected.processes is None
    assert (training.fingerprint, training.order) == (expected.fingerprint, expected.order)
    assert training.loss == pytest.approx(expected.loss, rel=1e-3)
    assert training.metrics == pytest.approx(expected.metrics, rel=1e-3)
    again = alkit("train", "-c", camp, "-s", "learning-loss").out
    assert "already done" in again


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_killed_process_ends_the_command_with_a_sentence_and_the_training_goes_on(
    tmp_path: Path, camp: Path
) -> None:
    code, _, err = torchrun(tmp_path, "train", "-c", camp, kill_in=2)
    assert code == 1
    (sentence,) = [line for line in err.splitlines() if line.startswith("Error: ")]
    assert "run the same command again" in sentence
    code, _, err = torchrun(tmp_path, "train", "-c", camp)
    assert code == 0 and "resumed after epoch 2 of 4" in err
    assert last_training(camp).processes == 2


class Alone:
    """A launch whose other processes do not matter."""

    rank, ended = 0, False

    def end(self) -> None:
        self.ended = True


def test_a_command_that_trains_nothing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from alkit.cli.launched import run_launched

    alone = Alone()
    monkeypatch.setattr(launch.Launch, "join", lambda: alone)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    with pytest.raises(UsageError, match="'alkit bench' runs in one process"):
        run_launched(lambda: 0, ["bench", "protocol.toml"])
    assert alone.ended
    assert run_launched(lambda: 5, ["train", "-q"]) == 5


def test_variables_of_a_launcher(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("RANK", "0"), ("MASTER_ADDR", "localhost"), ("WORLD_SIZE", "2")):
        assert not launch.is_launched()
        monkeypatch.setenv(name, value)
    assert launch.is_launched()
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert not launch.is_launched()
