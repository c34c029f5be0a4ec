"""`alkit labelstudio`, with no server behind it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alkit.campaign.record.events import Answered
from alkit.interfaces.format import Push, Reply, Server
from alkit.labeling.given_answer import GivenAnswer
from alkit.plugin import registry

Alkit = Callable[..., Any]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://ann:secret@localhost:8080/", "http://localhost:8080"),
        ("HTTPS://ann@x@example.org/a@b/", "HTTPS://example.org/a@b"),
        ("ann:secret@localhost", "localhost"),
        ("http://localhost:8080/studio", "http://localhost:8080/studio"),
    ],
)
def test_an_address_is_shown_without_name_and_password(url: str, shown: str) -> None:
    assert Server(url, "token").shown == shown


def test_no_password_is_shown_or_recorded(
    alkit: Alkit, labeled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from alkit.campaign.record.ledger import Ledger

    format = registry.formats.get("label-studio")
    seen: list[Server] = []

    def push(_: Any, export: Any, server: Server, *, campaign: str) -> Push:
        seen.append(server)
        return Push(7, 4, 0)

    def pull(_: Any, server: Server, *, campaign: str) -> Reply:
        seen.append(server)
        return Reply([GivenAnswer(1, "red/10.png", "red")])

    monkeypatch.setattr(format, "push", push)
    monkeypatch.setattr(format, "pull", pull)
    alkit("query", "-c", labeled, "-n", "4", "-s", "random")
    live = ("-c", labeled, "--url", "http://ann:secret@localhost:8080", "--token", "t")
    said = [alkit("labelstudio", direction, *live) for direction in ("push", "pull")]
    assert "project        http://localhost:8080/projects/7" in said[0].out
    assert "1 answer accepted" in said[1].out
    assert "secret" not in "".join(s.out + s.err for s in said)
    assert all(server.url == "http://ann:secret@localhost:8080" for server in seen)
    ledger = Ledger(labeled / "campaign.db")
    assert ledger.events(Answered)[-1].data.file == "http://localhost:8080"
    ledger.close()
