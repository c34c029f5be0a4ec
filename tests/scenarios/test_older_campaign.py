"""Campaigns that an older alkit made (commit d0e008a, see `data/`) open, say what they said, and go on."""

from __future__ import annotations

import importlib
import json
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from alkit import Campaign, Query
from alkit.plugin import registry as plugins

DATA = Path(__file__).parent / "data"
KINDS = {
    "created",
    "classes",
    "extended",
    "trained",
    "aggregate",
    "asked",
    "answered",
    "retracted",
    "passed",
    "ran",
    "stopped",
    "lost",
    "found",
    "withdrawn",
}
RUN = ("-n", "6", "--cycles", "3", "--oracle", "file", "--oracle-option", "path=answers.csv", "-q", "--json")
LEARNING_LOSS = ("-s", "learning-loss", "-o", "hidden=4")

Alkit = Callable[..., Any]


@pytest.fixture
def said(here: Path) -> Any:
    """What the older alkit said of the campaigns `people` and `simulated`, which are put here."""
    with zipfile.ZipFile(DATA / "older-campaigns.zip") as archive:
        archive.extractall(here)
    for path in (*here.glob("*/campaign.toml"), here / "said.json"):
        path.write_text(path.read_text().replace("@FOLDER@", here.as_posix()))
    return json.loads((here / "said.json").read_text())


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The plugin that chose in one of them is installed; nothing of it stays."""
    monkeypatch.syspath_prepend(str(DATA / "plugin"))
    importlib.invalidate_caches()
    plugins.strategies.refresh()
    yield
    monkeypatch.undo()
    sys.modules.pop("alkit_counting", None)
    plugins.strategies.refresh()


def missing(was: Any, now: Any, where: str = "") -> list[str]:
    """Say what is not as it was; a mapping may say more than before."""
    if isinstance(was, Mapping) and isinstance(now, Mapping):
        return [
            line
            for key in was
            for line in (missing(was[key], now[key], f"{where}.{key}") if key in now else [f"{where}.{key}"])
        ]
    if isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        pairs = enumerate(zip(was, now, strict=True))
        return [line for n, (one, other) in pairs for line in missing(one, other, f"{where}[{n}]")]
    return [] if was == now else [f"{where}: {was!r} is now {now!r}"]


def attributes(query: Query) -> dict[str, Any]:
    """Return what the attributes of a query say."""
    names = ("number", "cycle", "event", "strategy", "options", "open", "reused", "record")
    return {name: getattr(query, name) for name in names} | {"picks": [asdict(pick) for pick in query.picks]}


def kinds(name: str) -> list[str]:
    with Campaign(name) as campaign:
        return [event.kind for event in campaign.ledger.all_events()]


def fill_in(listed: Path, read_list: Callable[[Path], list[dict[str, str]]]) -> Path:
    """Answer what is open in the list of a query as the folders say."""
    rows = [row for row in read_list(listed) if not row["label"]]
    answers = listed.with_name("answers.csv")
    answers.write_text(
        "\n".join(["image,label", *(f"{r['image']},{r['image'].split('/')[0]}" for r in rows)])
    )
    return answers


def test_they_hold_events_of_all_kinds(said: Any) -> None:
    assert {*kinds("people"), *kinds("simulated")} == KINDS


@pytest.mark.parametrize("name", ["people", "simulated"])
def test_it_says_what_it_said(said: Any, name: str, alkit: Alkit) -> None:
    before = kinds(name)
    assert missing(said[name]["status"], alkit("status", "-c", name, "--images", "--json").json) == []
    with Campaign(name) as campaign:
        queries = json.loads(json.dumps([attributes(query) for query in campaign.queries]))
        labels = dict(zip(map(str, campaign.pool.labeled), campaign.pool.values, strict=True))
    assert missing(said[name]["queries"], queries) == []
    assert labels == said[name]["labels"]
    assert kinds(name) == before


def test_what_is_compared_can_differ(said: Any) -> None:
    changed = json.loads(json.dumps(said))
    changed["people"]["queries"][0]["picks"][2]["score"] = 0.25
    del changed["simulated"]["status"]["stopped"]
    assert [line.split(":")[0] for line in missing(said, changed)] == [
        ".people.queries[0].picks[2].score",
        ".simulated.status.stopped",
    ]


def test_the_next_draw_is_what_it_would_have_been(said: Any, alkit: Alkit) -> None:
    query = alkit("query", "-c", "people", "-n", "4", "-s", "random", "--new", "-q", "--json").json
    assert missing(said["people"]["then"]["random"], query["picks"]) == []
    assert kinds("people").count("lost") == 1, "the cache was made again from the same images"


def test_labeling_goes_on(said: Any, alkit: Alkit, read_list: Callable[[Path], list[dict[str, str]]]) -> None:
    here = ("-c", "people")
    Path("people/queries/004.csv").unlink()
    again = alkit("query", *here, "-n", "10", "-q", "--json").json
    assert (again["reused"], again["query"], Path(again["contact_sheet"]).exists()) == (True, 4, True)
    receipt = alkit(
        "ingest", *here, fill_in(Path(again["list"]), read_list), "--annotator", "ben", "--json"
    ).json
    assert (receipt["accepted"], receipt["rejected"], receipt["still_open"]) == (4, [], 0)
    status = alkit("status", *here, "--json").json
    assert (status["labeled"], status["pending"], status["disputed"]) == (24, 0, 3)
    query = alkit("query", *here, "-n", "5", "--control", "0.4", "-q", "--json").json
    assert (query["cycle"], query["strategy"], len(query["picks"])) == (4, "mix(counting, entropy)", 5)
    assert query["diagnostics"]["strategies-1"]["asked"] == 3, "the strategy remembers"
    with Campaign("people") as campaign:
        assert not {pick["index"] for pick in query["picks"]} & set(campaign.pool.labeled.tolist())
        known = dict(zip(map(str, campaign.pool.labeled), campaign.pool.values, strict=True))
    assert said["people"]["labels"].items() <= known.items()
    trained = alkit("train", *here, "-q", "--json").json
    assert (trained["cycle"], trained["labels"]) == (5, 24)
    alkit("report", *here, "--out", "report.html")
    assert "mix(counting, entropy)" in Path("report.html").read_text(encoding="utf-8")


def test_who_answered_what_is_known(said: Any, alkit: Alkit) -> None:
    def told(image: str, label: str, annotator: str) -> tuple[int, int]:
        Path("more.csv").write_text(f"image,label\n{image},{label}\n")
        receipt = alkit("ingest", "-c", "people", "more.csv", "--annotator", annotator, "--json").json
        return receipt["accepted"], receipt["unchanged"]

    assert told("red/12.png", "red", "ada") == (0, 1)
    assert told("red/12.png", "red", "ben") == (1, 0)
    assert told("green/11.png", "blue", "ben") == (1, 0), "he took it back, so it is new"


def test_a_run_goes_on(said: Any, alkit: Alkit) -> None:
    before = kinds("simulated")
    ended = alkit("run", "-c", "simulated", *RUN, *LEARNING_LOSS, "--stop", "budget=12").json
    assert ([record["labels"] for record in ended], kinds("simulated")) == ([5, 10], before)
    on = alkit("run", "-c", "simulated", *RUN, *LEARNING_LOSS).json
    assert [record["cycle"] for record in on] == [1, 2, 3, 4]
    history = said["simulated"]["status"]["history"]
    assert missing(history[0], on[0]) == []
    for fact in ("labels", "companion", "order"):  # trained again, since its checkpoint is gone
        assert on[1][fact] == history[1][fact]
    assert kinds("simulated")[: len(before)] == before
