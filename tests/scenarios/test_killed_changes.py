"""A command that changes a campaign and is killed leaves it as it was before, or as it is after."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from alkit.campaign.campaign import Campaign

from ..processes import Process
from .test_interruption import PAUSING

Alkit = Callable[..., Any]
Kill = Callable[..., None]


@pytest.fixture
def kill() -> Iterator[Kill]:
    """Start a command and kill it where a name is first called."""
    processes: list[Process] = []

    def start(place: str, *words: str | Path) -> None:
        process = Process(PAUSING, place, *words)
        processes.append(process)
        assert any(line == "HERE\n" for line in process.stdout), process.communicate()
        process.send_signal(signal.SIGKILL)
        assert process.communicate(timeout=60)[0] == -signal.SIGKILL

    yield start
    for process in processes:
        process.close()


@pytest.fixture
def pool(here: Path, alkit: Alkit, make_pictures: Callable[..., Path]) -> Path:
    """A pool that was labeled and has been moved since, with renamed and new images."""
    pool = make_pictures(here / "pool", each=4)
    (here / "known.csv").write_text("image,label\nblue/00.png,blue\nred/01.png,red\n")
    alkit("init", "camp", "--pool", "pool", "--labels", "known.csv", "-t", "epochs=1")
    (pool / "blue" / "00.png").rename(pool / "blue" / "x.png")
    new = make_pictures(here / "more", each=1, seed=5) / "red" / "00.png"
    new.rename(pool / "blue" / "00.png")
    return pool.rename(here / "moved")


def labels() -> dict[str, str]:
    """The label of each image by its hash."""
    with Campaign("camp") as campaign:
        hashes = [campaign.state.records[index].hash for index in campaign.pool.labeled.tolist()]
        return dict(zip(hashes, campaign.pool.values, strict=True))


@pytest.mark.parametrize(
    "place",
    [
        "alkit.campaign.record.ledger:Ledger.add_event",
        "alkit.campaign.changes.update:_take_found_back",
        "alkit.campaign.record.ledger:Ledger.add_images",
    ],
)
def test_a_move(kill: Kill, alkit: Alkit, pool: Path, place: str) -> None:
    before = labels()
    kill(place, "update", "-c", "camp", "--pool", pool)
    assert labels() == before
    report = alkit("update", "-c", "camp", "--pool", pool, "--json").json
    assert (report["pool"], report["missing"], report["changed"]) == (str(pool), [], [])
    assert labels() == before
    with Campaign("camp") as campaign:
        assert campaign.state.keys[0] == "blue/x.png"
        assert campaign.state.keys[12:] == ["blue/00.png"]
        for record in campaign.state.records:
            assert campaign.source.load(record.key)[0] == record.hash
    assert alkit("update", "-c", "camp", "--check", "--json").json["added"] == 0


def test_a_test_set(kill: Kill, alkit: Alkit, pool: Path, make_pictures: Callable[..., Path]) -> None:
    make_pictures(Path("first"), each=2, seed=6)
    make_pictures(Path("second"), each=2, seed=7)
    alkit("update", "-c", "camp", "--pool", pool)
    alkit("update", "-c", "camp", "--test", "first")
    kill("alkit.campaign.record.ledger:Ledger.add_test_set", "update", "-c", "camp", "--test", "second")
    assert alkit("train", "-c", "camp", "--json").json["metrics"]
    with Campaign("camp") as campaign:
        assert campaign.settings.test is not None
        assert Path(campaign.settings.test.location).name == "first"
    alkit("update", "-c", "camp", "--test", "second")
    assert alkit("train", "-c", "camp", "--json").json["metrics"]


@pytest.mark.parametrize(
    "place",
    ["alkit.campaign.record.ledger:Ledger.add_answers", "pathlib:Path.replace"],
)
def test_a_fork(kill: Kill, alkit: Alkit, pool: Path, place: str) -> None:
    alkit("update", "-c", "camp", "--pool", pool)
    kill(place, "fork", "second", "-c", "camp", "--image-size", "8")
    alkit("fork", "second", "-c", "camp", "--image-size", "8")
    assert not list(Path("second").glob(".alkit-draft-*"))
    assert alkit("status", "-c", "second", "--json").json["labeled"] == 2


@pytest.mark.parametrize(
    ("words", "place", "done"),
    [
        (["classes", "retire", "red"], "alkit.campaign.record.ledger:Ledger.add_event", False),
        (["classes", "retire", "red"], "alkit.campaign.changes.classes:class_report", True),
        (["remove", "red/01.png"], "alkit.campaign.changes.remove:_report", True),
    ],
)
def test_classes_and_images(
    kill: Kill, alkit: Alkit, pool: Path, words: list[str], place: str, *, done: bool
) -> None:
    alkit("update", "-c", "camp", "--pool", pool)
    alkit("classes", "add", "green", "-c", "camp")
    kill(place, *words, "-c", "camp")
    assert sorted(labels().values()) == (["blue"] if done else ["blue", "red"])
    assert alkit("status", "-c", "camp", "--json").json["images"] == 13
