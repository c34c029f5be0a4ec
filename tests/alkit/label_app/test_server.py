"""The labeling page's server, by plain requests: who may speak, what is recorded, what is shown."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from alkit.campaign import session
from alkit.campaign.campaign import Campaign
from alkit.campaign.record.events import Answered
from alkit.errors import InvalidAnswers, UsageError
from alkit.label_app.page import HEADERS
from alkit.label_app.server import serving
from alkit.label_app.session import LabelSession
from alkit.labeling.given_answer import GivenAnswer


def recorded(directory: Path, index: int) -> list[tuple[str, Any, str]]:
    with Campaign(directory) as campaign:
        rows = campaign.ledger.answers(index)
        assert all(row.answer.time for row in rows)
        return [(row.answer.kind, row.answer.value, row.answer.annotator) for row in rows]


# -- who may speak -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/state", "/wrong/state", "/wrong/", "/{token}", "/{token}x/state"])
def test_without_the_token_nothing_is_said(client, path):
    reply = client.ask("", raw=path.replace("{token}", client.page.token))
    assert reply.status == 403
    assert client.page.token not in reply.content.decode()


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "[::1]", ""])
def test_a_foreign_name_that_leads_here_is_refused(client, host):
    assert client.ask("state", Host=host).status == 403


@pytest.mark.parametrize("host", ["127.0.0.1:9", "localhost:8000", "localhost"])
def test_a_forwarded_port_is_served(client, host):
    assert client.ask("state", Host=host).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
def test_answers_from_foreign_pages_are_refused(client, asked, headers):
    index = client.state()["images"][0]["index"]
    assert client.answer(index, "red", **headers).status == 403
    assert recorded(asked, index) == []


def test_answers_of_its_own_page_are_taken(client, asked):
    index = client.state()["images"][0]["index"]
    reply = client.answer(index, "red", Origin=client.origin, Sec_Fetch_Site="same-origin")
    assert reply.status == 200
    assert recorded(asked, index) == [("label", "red", "ada")]


def test_the_invitation_works_once(client):
    invitation = f"/{client.page.invitation}"
    reply = client.ask("", raw=invitation)
    assert (reply.status, reply.headers["Location"]) == (303, f"{client.page.token}/")
    assert client.ask("", raw=invitation).status == 403
    assert client.ask("", raw="/").status == 403


def test_every_reply_is_fenced(client):
    for reply in (client.ask(""), client.ask("state"), client.ask("nowhere"), client.ask("", raw="/")):
        assert reply.headers["Cache-Control"] == "no-store"
        assert reply.headers["Referrer-Policy"] == "no-referrer"
        policy = reply.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy


DEEP = b"[" * 16_000
HEAD = b"POST /{token}/answer HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    "request_",
    [
        b"nonsense\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X-%d: y\r\n" * 200 + b"\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
        HEAD + b"Content-Length: 16000\r\n\r\n" + DEEP,
        HEAD + b"Content-Length: 9\r\n\r\nnot JSON!",
        HEAD + b"Content-Length: 4\r\n\r\n\xff\xfe\x00\x00",
        HEAD + b"Content-Length: 0\r\n\r\n",
    ],
)
def test_what_is_malformed_is_answered_with_400_and_fenced(client, request_, capfd):
    with socket.create_connection(("127.0.0.1", client.port), timeout=30) as connection:
        connection.sendall(request_.replace(b"{token}", client.page.token.encode()))
        connection.shutdown(socket.SHUT_WR)
        reply = b""
        while piece := connection.recv(65_536):
            reply += piece
    head, _, content = reply.partition(b"\r\n\r\n")
    assert head.split()[1] == b"400", reply[:300]
    for name, value in HEADERS.items():
        assert f"{name}: {value}".encode() in head
    assert json.loads(content)["error"]
    assert client.ask("state").status == 200
    assert capfd.readouterr().err == ""


def test_a_label_that_is_no_text_is_refused(client):
    body = {"query": 1, "index": client.state()["images"][0]["index"], "label": "\ud800", "saw_guess": False}
    assert client.ask("answer", body).status in (400, 422)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("", "text/html"),
        ("style.css", "text/css"),
        ("page.js", "text/javascript"),
        ("icon.svg", "image/svg+xml"),
    ],
)
def test_the_page_is_there_and_names_nothing_elsewhere(client, path, kind):
    reply = client.ask(path)
    assert reply.status == 200
    assert reply.headers["Content-Type"].split(";")[0] == kind
    assert "https:" not in reply.content.decode()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ([], 400),
        ({"query": 1, "index": "0", "label": "red", "saw_guess": False}, 400),
        ({"query": 1, "index": True, "label": "red", "saw_guess": False}, 400),
        ({"query": 1, "index": 0, "label": "red" * 9000, "saw_guess": False}, 413),
    ],
)
def test_what_is_no_answer_is_refused(client, body, status):
    reply = client.ask("answer", body)
    assert reply.status == status
    assert reply.json["error"]


def test_only_127_0_0_1_listens(client):
    with serving(client.page) as server:
        assert server.socket.getsockname()[0] == "127.0.0.1"


def test_a_port_that_is_taken_is_one_sentence(client):
    with (
        pytest.raises(UsageError, match=f"port {client.port} .*--port"),
        serving(client.page, client.port),
    ):
        pass


# -- answers -----------------------------------------------------------------------------------------------


def test_a_whole_query(client, asked):
    state = client.state()
    assert state["classes"] == ["blue", "green", "red"]
    assert [image["answer"] for image in state["images"]] == [None] * 4
    given = ["red", "abstain", "unusable", "blue"]
    for number, (image, label) in enumerate(zip(state["images"], given, strict=True), 1):
        after = client.answer(image["index"], label).json
        assert [i["answer"] for i in after["images"]] == given[:number] + [None] * (4 - number)
        assert len(recorded(asked, image["index"])) == 1
    assert client.page.session.taken == 4
    with Campaign(asked) as campaign:
        assert campaign.open_query is None
        assert campaign.pool.set_aside["abstained"] == campaign.pool.set_aside["judged unusable"] == 1
    assert client.state()["query"] == 1, "the page goes on to show the query that is done"


def test_where_an_answer_came_from_is_recorded(client, asked):
    client.answer(client.state()["images"][0]["index"], "red")
    with Campaign(asked) as campaign:
        event = campaign.ledger.events(Answered)[-1].data
    assert (event.query, event.page, event.saw_guess) == (1, True, False)


def test_a_correction_keeps_the_history_and_the_order_of_what_was_said(client, asked):
    first, second = (image["index"] for image in client.state()["images"][:2])
    client.answer(first, "red")
    client.answer(second, "red")
    said = {image["index"]: image["said"] for image in client.state()["images"]}
    assert said[second] > said[first] > 0
    after = client.answer(first, "blue").json["images"]
    assert after[0]["answer"] == "blue"
    assert after[0]["said"] > after[1]["said"]
    assert recorded(asked, first) == [("label", "red", "ada"), ("label", "blue", "ada")]


def test_what_is_taken_back_counts_no_more(client, asked):
    first, second = (image["index"] for image in client.state()["images"][:2])
    client.answer(first, "red")
    client.answer(second, "abstain")
    reply = client.undo(second)
    assert (reply.status, reply.json["taken_back"]) == (200, "abstain")
    assert client.state()["images"][1] == {"index": second, "answer": None, "said": 0}
    assert client.undo(first).json["taken_back"] == "red"
    with Campaign(asked) as campaign:
        assert campaign.pool.answer_of(first) is None
        assert sorted(campaign.pool.pending) == sorted(campaign.queries[0].indices)
    assert recorded(asked, first) == [("label", "red", "ada")], "it stays in the history"
    assert client.undo(first).status == 422
    assert client.ask("undo", {"query": 1}).status == 400


def test_only_ones_own_answer_to_the_query_is_taken_back(client, asked):
    index, other = (image["index"] for image in client.state()["images"][:2])
    stranger = next(i for i in range(60) if i not in {image["index"] for image in client.state()["images"]})
    with Campaign(asked) as campaign:
        campaign.tell([GivenAnswer(0, "", "green", "bob", index=i) for i in (index, stranger)])
    client.answer(index, "red")
    assert client.undo(other).status == 422
    assert client.undo(stranger).status == 422
    after = client.undo(index).json["images"][0]
    assert after == {"index": index, "answer": "green", "said": 0}, "others' answers stand"


def test_what_others_say_is_shown_and_not_ones_own_to_undo(client, asked):
    index = client.state()["images"][0]["index"]
    with Campaign(asked) as campaign:
        campaign.tell([GivenAnswer(0, "", "green", "bob", index=index)])
    assert client.state()["images"][0] == {"index": index, "answer": "green", "said": 0}


def test_two_pages_do_no_harm(client, asked, served):
    other = served(asked, "bob")
    images = client.state()["images"]
    assert [i["index"] for i in other.state()["images"]] == [i["index"] for i in images]
    client.answer(images[0]["index"], "red")
    assert other.state()["images"][0]["answer"] == "red"
    other.answer(images[0]["index"], "blue")
    after = client.answer(images[1]["index"], "green").json["images"]
    assert [image["answer"] for image in after] == ["blue", "green", None, None]
    assert recorded(asked, images[0]["index"]) == [("label", "red", "ada"), ("label", "blue", "bob")]


def test_a_label_that_does_not_fit_is_named(client, asked):
    index = client.state()["images"][0]["index"]
    reply = client.answer(index, "rde")
    assert reply.status == 422
    assert "did you mean 'red'?" in reply.json["error"]
    assert recorded(asked, index) == []


def test_an_image_that_was_not_asked_for_is_refused(client):
    known = {image["index"] for image in client.state()["images"]}
    stranger = next(index for index in range(60) if index not in known)
    assert client.answer(stranger, "red").status == 422
    assert client.answer(known.pop(), "red", query=2).status == 422
    assert client.answer(10**30, "red").status == 422
    assert client.ask(f"image/1/{stranger}").status == 404
    assert client.ask("image/7/0").status == 404


def test_a_query_that_is_replaced_is_noticed_and_late_answers_are_kept(client, asked):
    old = client.state()["images"]
    with Campaign(asked) as campaign:
        campaign.ask(3, strategy="random", new=True)
    reply = client.answer(old[0]["index"], "red")
    assert (reply.status, reply.json["query"]) == (200, 2)
    assert len(reply.json["images"]) == 3
    assert recorded(asked, old[0]["index"]) == [("label", "red", "ada")]
    assert client.ask(f"image/1/{old[1]['index']}").status == 200


def test_a_locked_campaign_says_so_and_takes_the_answer_later(client, asked, monkeypatch):
    monkeypatch.setattr(session, "LOCK_SECONDS", 0.1)
    index = client.state()["images"][0]["index"]
    with FileLock(asked / session.LOCK):
        reply = client.answer(index, "red")
        assert (reply.status, "another process is working on" in reply.json["error"]) == (503, True)
        assert client.state()["images"][0]["answer"] is None, "it can be looked at meanwhile"
    assert client.answer(index, "red").status == 200
    with FileLock(asked / session.LOCK, timeout=0):
        pass  # other commands work between answers


def test_nothing_tells_why_an_image_was_chosen(labeled: Path, served):
    with Campaign(labeled) as campaign:
        query = campaign.ask(20, strategy="entropy")
    assert query.picks[0].score is not None
    state = served(labeled).state()
    assert {key for image in state["images"] for key in image} == {"index", "answer", "said"}
    shown = [image["index"] for image in state["images"]]
    assert sorted(shown) == sorted(query.indices)
    assert shown not in (query.indices, query.indices[::-1], sorted(shown))
    assert "score" not in json.dumps(state)
    assert shown == [image["index"] for image in served(labeled, "bob").state()["images"]]


def test_there_must_be_something_to_answer(labeled: Path):
    with (
        Campaign(labeled) as campaign,
        pytest.raises(InvalidAnswers, match="no query is open; make one with"),
    ):
        LabelSession(campaign, "ada")


def test_there_must_be_classes(tmp_path: Path, make_pictures: Callable[..., Path]):
    from alkit.campaign.create import create

    pool = make_pictures(tmp_path / "pool") / "red"
    with create(tmp_path / "camp", str(pool)) as campaign:
        campaign.ask(2)
        with pytest.raises(InvalidAnswers, match="camp has no classes"):
            LabelSession(campaign, "ada")


# -- guesses -----------------------------------------------------------------------------------------------


def test_no_guess_without_a_model(client):
    state = client.state()
    assert state["guesses"] is False
    assert client.ask(f"guess/1/{state['images'][0]['index']}").status == 404


def test_the_guess_is_that_of_the_querys_own_model(labeled: Path, served):
    import numpy as np
    import torch

    from alkit.data.loader import Loader
    from alkit.training.checkpoints import load_safely
    from alkit.training.precision import autocast

    with Campaign(labeled) as campaign:
        query = campaign.ask(5)
        task = campaign.resources.task(campaign.state)
        state = load_safely(campaign.directory / query.record["checkpoint"], torch.device("cpu"))
        task.network.load_state_dict(state["network"])
        task.network.eval()
        loader = Loader(campaign.resources.images(campaign.state), torch.device("cpu"))
        with torch.inference_mode(), autocast(torch.device("cpu"), "auto"):
            output = task.forward(loader.load(np.array(query.indices), None))
        best = output.prediction.float().softmax(dim=1).max(dim=1)
        wanted = {
            index: (campaign.classes[number], pytest.approx(probability, abs=1e-5))
            for index, number, probability in zip(
                query.indices, best.indices.tolist(), best.values.tolist(), strict=True
            )
        }
    client = served(labeled, show_guess=True)
    state = client.state()
    assert (state["guesses"], state["show_guess"]) == (True, True)
    for index, (label, probability) in wanted.items():
        assert client.ask(f"guess/1/{index}").json == {"label": label, "probability": probability}


def test_caches_that_are_lost_cost_nothing(labeled: Path, served):
    with Campaign(labeled) as campaign:
        predicted = {pick.index: pick.predicted for pick in campaign.ask(3).picks}
    for folder in ("cache", "checkpoints"):
        shutil.rmtree(labeled / folder)
    client = served(labeled)
    assert client.state()["guesses"] is True
    for index, label in predicted.items():
        assert client.ask(f"guess/1/{index}").json["label"] == label
        assert client.ask(f"image/1/{index}").status == 200
        assert client.answer(index, "red").status == 200
