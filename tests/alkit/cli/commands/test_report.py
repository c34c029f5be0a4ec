"""`alkit report`."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Alkit = Callable[..., Any]


def test_the_page_is_in_the_campaign_and_the_suggestion_on_the_screen(alkit: Alkit, labeled: Path) -> None:
    alkit("train", "-c", labeled)
    lines = alkit("report", "-c", labeled).out.splitlines()
    assert lines[0] == "suggestion     go on"
    assert lines[-1] == f"report         {labeled / 'report.html'}"
    page = (labeled / "report.html").read_text(encoding="utf-8")
    assert "Campaign camp" in page and "principal components" in page
    assert "t-SNE" in (
        alkit("report", "-c", labeled, "--map", "tsne") and (labeled / "report.html").read_text()
    )


def test_json_says_the_same_and_writes_no_page(alkit: Alkit, labeled: Path) -> None:
    found = alkit("report", "-c", labeled, "--json", "--stop", "budget=12", "--stop", "accuracy=0.5").json
    assert not (labeled / "report.html").exists()
    assert found["campaign"]["labeled"] == 12
    assert found["suggestion"]["action"] == "stop"
    assert [(rule["rule"], rule["holds"]) for rule in found["rules"]] == [
        ("budget=12", True),
        ("accuracy=0.5", None),
    ]
    assert found["evidence"]["curve"] == [] and found["queries"] == []
    assert len(found["findings"]) == 3
    assert found["versions"].keys() >= {"alkit", "torch"}
    assert [count["labels"] for count in found["classes"]] == [4, 4, 4]


def test_json_and_a_page_where_one_is_named(alkit: Alkit, labeled: Path, here: Path) -> None:
    assert (
        alkit("report", "-c", labeled, "--json", "--out", "deep/r.html", "--map", "none").json["rules"] == []
    )
    assert Path("deep/r.html").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--stop", "never"], "'never' is not a stopping rule; use budget=LABELS"),
        (
            ["--out", "known.csv"],
            "known.csv exists and is not a report; move it away",
        ),
    ],
)
def test_what_cannot_be_is_one_sentence(
    alkit_ends: Alkit, labeled: Path, here: Path, words: list[str], message: str
) -> None:
    Path("known.csv").write_text("image,label\n")
    said = alkit_ends("report", "-c", labeled, *words)
    assert (said.code, said.out) == (2, "")
    assert message in said.error
    assert Path("known.csv").read_text() == "image,label\n"


def test_without_matplotlib_the_extra_is_named(
    alkit: Alkit, alkit_ends: Alkit, labeled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == "matplotlib" else found(name, *more)
    )
    said = alkit_ends("report", "-c", labeled)
    assert said.code == 2
    assert "needs matplotlib; install it with: pip install 'alkit[report]'" in said.error
    assert alkit("report", "-c", labeled, "--json").json["campaign"]["labeled"] == 12
