"""Text from outside reaches a terminal as text, whatever it holds and whatever the terminal can show."""

from __future__ import annotations

import io
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tqdm import tqdm

from alkit.utils.console import UNPRINTABLE, Console, command_to_run, guarded, json_for, one_line, printable

HOSTILE = "a\x1b]0;owned\x07\x1b[2Jb\x9b31m\x7f\r\u202ecod"


@given(st.text(st.characters()))
def test_what_is_printed_commands_no_terminal(text: str) -> None:
    assert not UNPRINTABLE.search(printable(text))
    assert len(one_line(text).splitlines()) <= 1


@given(st.text(st.characters(exclude_categories=["Cs"])))
@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_json_stays_the_same_value_in_any_encoding(encoding: str, text: str) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    written = json_for(stream, json.dumps({text: text}, ensure_ascii=False))
    assert json.loads(written.encode(encoding).decode("utf-8")) == {text: text}
    assert not UNPRINTABLE.search(written)


def test_ordinary_text_is_unchanged() -> None:
    assert printable("Größe\t猫 😀\n") == "Größe\t猫 😀\n"


def test_a_console_shows_text_of_any_kind() -> None:
    plain = io.StringIO()
    assert Console(plain).write(HOSTILE + "\n") == len(HOSTILE) + 1
    assert plain.getvalue() == "a\\x1b]0;owned\\x07\\x1b[2Jb\\x9b31m\\x7f\\r\\u202ecod\n"


def test_bars_may_go_back_in_their_line_and_text_may_not() -> None:
    plain = io.StringIO()
    plain.isatty = lambda: True  # type: ignore[method-assign]
    Console(plain, bars=True).write("\rhalf\x1b[2J")
    assert plain.getvalue() == "\rhalf\\x1b[2J"


def test_a_log_has_only_what_a_bar_drew_last() -> None:
    plain = io.StringIO()
    console = Console(plain, bars=True)
    with tqdm(total=3, file=console, desc="fetch", mininterval=0) as bar:
        for _ in range(3):
            bar.update()
    console.write("done\n")
    first, *rest = plain.getvalue().splitlines()
    assert "\r" not in plain.getvalue()
    assert first.startswith("fetch: 100%")
    assert rest == ["done"]


def test_the_streams_are_as_before_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    before = sys.stdout, sys.stderr
    with guarded():
        assert isinstance(sys.stdout, Console)
    assert (sys.stdout, sys.stderr) == before


@pytest.mark.parametrize(
    "words", [["status", "-c"], ["init"], ["export", "-f"], ["check"], ["nonsense"], ["-x"]]
)
def test_errors_of_all_kinds_show_hostile_words_as_text(
    alkit_ends: Callable[..., Any], words: list[str]
) -> None:
    *before, last = words
    said = alkit_ends(
        *before, *([last, HOSTILE] if before or last in ("init", "check") else [last + HOSTILE])
    )
    assert said.code in (1, 2)
    assert not UNPRINTABLE.search(said.out + said.err)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_commands_report_in_whatever_encoding(labeled: Path, encoding: str, tmp_path: Path) -> None:
    answers = tmp_path / "answers.csv"
    names = ["猫", "é", "a\x1b[31mb"]
    lines = [f"red/{number:02d}.png,{name}" for number, name in enumerate(names, 10)]
    answers.write_text("\n".join(["image,label", *lines]), encoding="utf-8")
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}

    def run(*words: str | Path) -> bytes:
        done = subprocess.run(
            [sys.executable, "-m", "alkit", *map(str, words)],
            capture_output=True,
            env=environment,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert b"\x1b" not in done.stdout + done.stderr
        return done.stdout

    run("ingest", "-c", labeled, answers, "--allow-new-classes")
    assert b"classes" in run("status", "-c", labeled)
    classes = json.loads(run("status", "-c", labeled, "--json"))["classes"]
    assert set(names) <= set(classes)


@pytest.mark.parametrize("name", ["birds", "my birds", "Ada's", "ü\nb"])
def test_a_command_in_a_message_can_be_copied(name: str) -> None:
    command = command_to_run("update", "--campaign", name, "--pool", "NEW")
    assert command[0] == command[-1]
    assert shlex.split(command[1:-1]) == ["alkit", "update", "--campaign", name, "--pool", "NEW"]
    assert (command[0] == "'") == (name == "birds")
