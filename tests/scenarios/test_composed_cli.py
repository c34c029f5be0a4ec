"""`--strategy "subset(300) > ta-vaal"` and what `alkit strategies` says of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Alkit = Callable[..., Any]


@pytest.mark.slow
def test_a_composition_queries_from_start_to_end(alkit: Alkit, here: Path) -> None:
    text = "subset(300) > ta-vaal(iterations=10)"
    said = alkit("query", "--strategy", text, "--pool", "digits", "-n", "20", "-t", "epochs=2", "-q")
    assert f"query 2: 20 images chosen by '{text}'" in said.out
    query = alkit("query", "-c", "digits-campaign", "-n", "20", "-q", "--json").json
    assert query["reused"]
    assert query["diagnostics"]["second"]["adversary"]["seen"] == 300


def test_a_composition_is_described_with_the_effective_options(alkit: Alkit) -> None:
    text = "entropy(30) > coreset(metric=cosine)"
    described = alkit("strategies", text, "--json").json
    assert described["name"] == text
    assert described["needs"] == ["embedding", "probabilities"]
    values = {option["name"]: option["default"] for option in described["options"]}
    assert values["keep"] == 30
    assert values["second.metric"] == "cosine"
    shown = alkit("strategies", text).out
    assert shown.startswith(f"{text} (alkit ")
    assert "options in effect" in shown
    assert "needs    what the nested strategies need" in alkit("strategies", "then").out


def test_a_file_is_described(alkit: Alkit, here: Path) -> None:
    (here / "mine.py").write_text("from alkit_plugins.strategies.diversity.coreset import CoreSet as Mine\n")
    assert alkit("strategies", "mine.py:Mine").out.startswith(f"mine.py:Mine ({here / 'mine.py'} ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("subset(10",),
            r"strategy 'subset\(10' cannot be read at its end: .*',' or '\)'",
        ),
        (
            ("coreset(metric=near)",),
            r"option 'metric' of 'coreset' should be euclidean\|cosine, not 'near'",
        ),
        (
            ("balanced(coreset)", "-o", "metric=cosine"),
            r"options of 'balanced\(coreset\)' .*inside its parentheses, as in coreset\(metric=cosine\)",
        ),
    ],
)
def test_what_is_wrong_is_said_before_images_are_read(
    alkit_ends: Alkit, here: Path, words: tuple[str, ...], said: str
) -> None:
    ended = alkit_ends("query", "--pool", "digits", "-n", "5", "--strategy", *words)
    assert ended.code == 2
    assert re.match(said, ended.error)
    assert list(here.iterdir()) == []
