"""`alkit label`, from its address to Ctrl-C."""

from __future__ import annotations

import json
import re
import signal
import socket
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from alkit.campaign.campaign import Campaign

from ....processes import Process

Alkit = Callable[..., Any]
TIMEOUT = 60


@pytest.fixture
def asked(labeled: Path) -> Path:
    """A campaign with an open query of 4."""
    with Campaign(labeled) as campaign:
        campaign.ask(4, strategy="random")
    return labeled


@pytest.fixture
def start() -> Iterator[Callable[..., tuple[Process, str]]]:
    """Start the command; return the process and the address that it prints."""
    processes: list[Process] = []

    def started(*words: str | Path) -> tuple[Process, str]:
        process = Process("from alkit.cli import main; main()", "label", "--no-browser", *words)
        processes.append(process)
        found = re.fullmatch(r"labeling page  (http://127\.0\.0\.1:\d+/\S+/)\n", process.stdout.readline())
        assert found is not None
        return process, found[1]

    yield started
    for process in processes:
        process.close()


def get(address: str) -> Any:
    with urllib.request.urlopen(address, timeout=TIMEOUT) as reply:
        return json.load(reply)


def answer(address: str, index: int, label: str) -> Any:
    body = json.dumps({"query": 1, "index": index, "label": label, "saw_guess": False}).encode()
    request = urllib.request.Request(f"{address}answer", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=TIMEOUT) as reply:
        return json.load(reply)


def test_ctrl_c_ends_it_and_says_how_many_answers_were_taken(
    start, asked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "grace")
    process, address = start("-c", asked)
    images = get(f"{address}state")["images"]
    answer(address, images[0]["index"], "red")
    answer(address, images[1]["index"], "abstain")
    process.send_signal(signal.SIGINT)
    code, out, err = process.communicate(timeout=TIMEOUT)
    assert code == 0
    assert re.fullmatch(r"\n2 answers \w+, 2 images still open\n", out)
    assert err.startswith("Ctrl-C ")
    with Campaign(asked) as campaign:
        assert {row.answer.annotator for row in campaign.ledger.answers(images[0]["index"])} == {"grace"}


@pytest.mark.slow
def test_an_answer_that_was_acknowledged_survives_kill(start, asked: Path) -> None:
    process, address = start("-c", asked)
    index = get(f"{address}state")["images"][0]["index"]
    answer(address, index, "red")
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=TIMEOUT)
    with Campaign(asked) as campaign:
        kept = campaign.pool.answer_of(index)
        assert kept is not None and kept.value == "red"
    _, address = start("-c", asked)
    assert get(f"{address}state")["images"][0]["answer"] == "red"


@pytest.mark.slow
def test_other_commands_work_meanwhile(start, alkit: Alkit, asked: Path) -> None:
    _, address = start("-c", asked)
    alkit("ingest", "-c", asked, "--oracle", "dataset")
    assert all(image["answer"] for image in get(f"{address}state")["images"])


def test_without_an_open_query_it_says_what_to_do(alkit_ends: Alkit, labeled: Path, here: Path) -> None:
    said = alkit_ends("label", "-c", labeled)
    assert (said.code, said.error) == (1, "no query is open; make one with 'alkit query' first")
    assert "no campaign in this directory" in alkit_ends("label").error


def test_without_werkzeug_the_extra_is_named(
    alkit_ends: Alkit, asked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "werkzeug", None)
    said = alkit_ends("label", "-c", asked, "--no-browser")
    assert said.code == 1
    assert said.error == "'alkit label' needs werkzeug; install it with: pip install 'alkit[label]'"


def test_a_port_that_is_taken(alkit_ends: Alkit, asked: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = alkit_ends("label", "-c", asked, "--port", str(port), "--no-browser")
    assert said.code == 2
    assert re.match(rf"port {port} .*--port", said.error)


@pytest.mark.parametrize(("words", "opened"), [((), True), (("--no-browser",), False)])
def test_the_browser_gets_an_address_that_works_once(
    alkit_ends: Alkit, asked: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], opened: bool
) -> None:
    from werkzeug.serving import BaseWSGIServer

    addresses: list[str] = []
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr("webbrowser.open", addresses.append)
    monkeypatch.setattr(BaseWSGIServer, "serve_forever", lambda self: None)
    said = alkit_ends("label", "-c", asked, *words)
    assert said.code == 0
    printed = said.out.split()[2]
    assert len(addresses) == opened
    assert printed not in addresses
