"""Names that are too long, not text, or hostile end in one sentence, whatever they name."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

LONG = "n" * 300
Alkit = Callable[..., Any]


@pytest.mark.parametrize(
    "words",
    [
        ["init", LONG, "--pool", "{pool}"],
        ["init", "new", "--pool", LONG],
        ["init", "new", "--pool", "{pool}", "--labels", LONG + ".csv"],
        ["status", "-c", LONG],
        ["ingest", "-c", "{camp}", LONG + ".csv"],
        ["report", "-c", "{camp}", "--out", LONG + ".html"],
        ["export", "-c", "{camp}", "--labeled", "-f", "csv", "--out", LONG + ".csv"],
        ["export", "-c", "{camp}", "--labeled", "-f", "folders", "--out", LONG],
        ["bench", LONG],
        ["new-strategy", "mine", LONG],
    ],
)
def test_a_name_that_is_too_long_is_one_sentence(
    alkit_ends: Alkit, labeled: Path, pictures: Path, here: Path, words: list[str]
) -> None:
    said = alkit_ends(*(word.format(pool=pictures, camp=labeled) for word in words))
    assert said.code in (1, 2)
    assert said.error


def test_a_class_that_no_folder_can_have_is_one_sentence(
    alkit: Alkit, alkit_ends: Alkit, labeled: Path, here: Path
) -> None:
    (here / "long.csv").write_text(f"image,label\nred/10.png,{LONG}\n")
    alkit("ingest", "-c", labeled, "long.csv", "--allow-new-classes")
    said = alkit_ends("export", "-c", labeled, "--labeled", "-f", "folders", "--out", "labeled")
    assert said.code in (0, 1)
    assert said.code == 0 or "name too long" in said.error


@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="names are always text there")
@pytest.mark.parametrize(
    "words",
    [
        [b"init", b"caf\xe9", b"--pool", b"{pool}"],
        [b"status", b"-c", b"caf\xe9"],
        [b"init", b"x", b"--pool", b"caf\xe9"],
    ],
)
def test_a_folder_that_is_no_text_is_no_traceback(pictures: Path, here: Path, words: list[bytes]) -> None:
    given = [word.replace(b"{pool}", os.fsencode(pictures)) for word in words]
    done = subprocess.run([sys.executable, "-m", "alkit", *given], capture_output=True, check=False)
    assert done.returncode in (0, 1)
    assert b"Traceback" not in done.stderr
    assert done.returncode == 0 or done.stderr.startswith(b"Error: ")


def test_a_long_word_is_shortened_and_a_line_break_in_it_makes_no_second_sentence(alkit_ends: Alkit) -> None:
    said = alkit_ends("status", "x" * 5000)
    assert (said.code, len(said.error) < 300) == (2, True)
    said = alkit_ends("status", "a\nError: b")
    assert said.err.count("\nError: ") == 1


@pytest.mark.parametrize("words", [["report", "--worth"], ["query", "-n", "3", "--control"]])
def test_what_is_not_a_number_is_in_no_range(alkit_ends: Alkit, labeled: Path, words: list[str]) -> None:
    said = alkit_ends(*words, "nan", "-c", labeled)
    assert said.code == 2
    assert "not a number" in said.error
