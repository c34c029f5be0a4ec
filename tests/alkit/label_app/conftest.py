"""An open query with a page for it, served in this process, and plain requests to it."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from alkit.campaign.campaign import Campaign
from alkit.label_app.page import Page
from alkit.label_app.server import serving
from alkit.label_app.session import LabelSession


@dataclass
class Reply:
    """What came back."""

    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)


@dataclass
class Client:
    """Asks a page; headers are a browser's unless others are given."""

    port: int
    page: Page
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, path: str, body: Any = None, *, raw: str | None = None, **headers: str) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        sent = {**headers, **({} if body is None else {"Content-Type": "application/json"})}
        sent = {name.replace("_", "-"): value for name, value in sent.items()}
        where = f"/{self.page.token}/{path}" if raw is None else raw
        try:
            content = None if body is None else json.dumps(body)
            connection.request("GET" if body is None else "POST", where, content, sent)
            response = connection.getresponse()
            return Reply(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def state(self) -> Any:
        return self.ask("state").json

    def answer(self, index: int, label: str, query: int = 1, **headers: str) -> Reply:
        return self.ask(
            "answer", {"query": query, "index": index, "label": label, "saw_guess": False}, **headers
        )

    def undo(self, index: int, query: int = 1) -> Reply:
        return self.ask("undo", {"query": query, "index": index})


@pytest.fixture
def served() -> Iterator[Callable[..., Client]]:
    """Serve a page for a campaign's open query to somebody called ada."""
    ends: list[Callable[[], None]] = []

    def serve(directory: Path, annotator: str = "ada", **options: Any) -> Client:
        recorder = ThreadPoolExecutor(1)
        session = recorder.submit(lambda: LabelSession(Campaign(directory), annotator)).result()
        page = Page(session, recorder, **options)
        context = serving(page)
        server = context.__enter__()
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()

        def end() -> None:
            server.shutdown()
            thread.join()
            context.__exit__(None, None, None)
            page.close()
            recorder.submit(session.campaign.close).result()
            recorder.shutdown()

        ends.append(end)
        return Client(server.port, page)

    yield serve
    for end in ends:
        end()


@pytest.fixture
def asked(labeled: Path) -> Path:
    """A campaign with an open query of 4, chosen at random."""
    with Campaign(labeled) as campaign:
        campaign.ask(4, strategy="random")
    return labeled


@pytest.fixture
def client(asked: Path, served: Callable[..., Client]) -> Client:
    """A page for that query."""
    return served(asked)
