"""Asking for the next images from the page: with progress, one at a time, and errors in a sentence."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from alkit.campaign.campaign import Campaign
from alkit.label_app import asking

PATIENCE = 30


def ended(client: Any) -> Any:
    end = time.monotonic() + PATIENCE
    while (state := client.ask("asking").json["asking"])["running"]:
        assert time.monotonic() < end
        time.sleep(0.02)
    return state


def ask(client: Any, images: Any) -> Any:
    return client.ask("ask", {"images": images})


@pytest.fixture
def answered(client: Any) -> Any:
    """A page for a query that is answered."""
    assert client.state()["asking"] is None
    for image in client.state()["images"]:
        assert client.answer(image["index"], "red").status == 200
    return client


class Held:
    """A choice of images that waits until it is let go."""

    def __init__(self) -> None:
        self.begun, self.go = threading.Event(), threading.Event()

    def ask(self, campaign: Campaign, n: int) -> Any:
        with campaign.lock():
            campaign.progress.line("thinking")
            with campaign.progress.bar(10, "train") as bar:
                bar.update(3)
                bar.note("loss 0.5")
                self.begun.set()
                while not self.go.wait(0.01):
                    bar.update(0)
        return campaign.open_query or campaign.queries[-1]


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    """Let the next choice wait."""
    made = Held()

    class Waiting(Campaign):
        def ask(self, n: int, **_: Any) -> Any:
            return made.ask(self, n)

    monkeypatch.setattr(asking, "Campaign", Waiting)
    yield made
    made.go.set()


class AtRandom(Campaign):
    """Chooses without a model, which is quick."""

    def ask(self, n: int, **_: Any) -> Any:
        return super().ask(n, strategy="random")


def test_the_next_query_is_there_without_leaving_the_page(answered, asked, monkeypatch):
    monkeypatch.setattr(asking, "Campaign", AtRandom)
    reply = ask(answered, 3)
    assert reply.status == 200
    assert reply.json["asking"]["images"] == 3
    state = ended(answered)
    assert (state["query"], "error" in state) == (2, False)
    after = answered.state()
    assert (after["query"], len(after["images"])) == (2, 3)
    assert answered.answer(after["images"][0]["index"], "blue", query=2).status == 200
    with Campaign(asked) as campaign:
        assert campaign.open_query is not None and len(campaign.open_query.picks) == 3


def test_meanwhile_the_page_is_shown_and_changes_wait(answered, held):
    first = answered.state()["images"][0]["index"]
    ask(answered, 3)
    assert held.begun.wait(PATIENCE)
    shown = answered.state()["asking"]
    told = {key: shown[key] for key in ("running", "label", "done", "total", "note", "line")}
    assert told == {
        "running": True,
        "label": "train",
        "done": 3,
        "total": 10,
        "note": "loss 0.5",
        "line": "thinking",
    }
    assert answered.ask(f"image/1/{first}").status == 200
    began = time.monotonic()
    for reply in (answered.answer(first, "blue"), answered.undo(first), ask(answered, 2)):
        assert reply.status == 503
        assert "being chosen" in reply.json["error"]
    assert time.monotonic() - began < 5, "they do not wait for the lock"
    held.go.set()
    assert "query" in ended(answered)
    assert answered.answer(first, "blue").status == 200


def test_it_can_be_stopped_and_nothing_is_recorded(answered, asked, held):
    ask(answered, 3)
    assert held.begun.wait(PATIENCE)
    assert answered.ask("stop", {}).status == 200
    assert "stopped" in ended(answered)["error"]
    with Campaign(asked) as campaign:
        assert len(campaign.queries) == 1
        with campaign.lock():
            pass


def test_the_end_of_the_command_ends_it_too(answered, held):
    ask(answered, 3)
    assert held.begun.wait(PATIENCE)
    answered.page.close()
    assert not answered.page.asking.running


@pytest.mark.parametrize(
    ("images", "status"), [(0, 422), (-1, 422), ("3", 400), (True, 400), (2.5, 400), (None, 400)]
)
def test_what_is_no_number_of_images_is_refused(answered, images, status):
    assert ask(answered, images).status == status
    assert answered.state()["asking"] is None


def test_answers_come_first(client):
    reply = ask(client, 3)
    assert reply.status == 422
    assert "query 1 still waits for 4 answers" in reply.json["error"]
    assert client.state()["asking"] is None


def test_an_error_is_shown_in_a_sentence(answered, monkeypatch):
    monkeypatch.setattr(asking, "Campaign", AtRandom)
    ask(answered, 1000)
    assert "1,000" in ended(answered)["error"]
    assert ask(answered, 2).status == 200
    assert "error" not in ended(answered), "another try is free of it"


def test_a_bug_keeps_its_traceback(answered, monkeypatch, capfd):
    def fail(self: Any, n: int, **_: Any) -> Any:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(Campaign, "ask", fail)
    ask(answered, 3)
    assert "ZeroDivisionError: oh" in ended(answered)["error"]
    assert "Traceback" in capfd.readouterr().err


def test_the_state_says_how_many_are_left(client, asked: Path):
    with Campaign(asked) as campaign:
        assert client.state()["left"] == len(campaign.pool.candidates)
