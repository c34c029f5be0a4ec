"""Files from elsewhere are read within limits of time and memory."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from alkit.errors import InvalidAnswers
from alkit.labeling.safe_reading import MOST_TOKEN, elements, load_json, read_text


@pytest.mark.parametrize("start", ['<a><b c="', "<a><!--", "<a><b", "<a><?x "])
def test_a_token_without_end_is_refused_early(tmp_path: Path, start: str) -> None:
    path = tmp_path / "long.xml"
    path.write_text(start + "x" * (2 * MOST_TOKEN))
    with pytest.raises(InvalidAnswers, match=r"long\.xml has a tag or comment of over"):
        list(elements(path, ".xml"))


def test_long_texts_between_tags_are_read(tmp_path: Path) -> None:
    path = tmp_path / "long.xml"
    path.write_text("<a>" + "x" * (2 * MOST_TOKEN) + "</a>")
    assert [element.name for element in elements(path, ".xml")] == ["a", "a"]


def test_deep_json_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "deep.json"
    path.write_text("[" * 200_000)
    with pytest.raises(InvalidAnswers, match="cannot be read as JSON"):
        load_json(path)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "answers.json")
    started = time.monotonic()
    with pytest.raises(InvalidAnswers, match="not a file but a pipe"):
        read_text(tmp_path / "answers.json")
    assert time.monotonic() - started < 5
