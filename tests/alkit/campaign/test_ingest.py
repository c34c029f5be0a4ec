"""What comes back: which format a file is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from alkit.campaign.ingest import find_format
from alkit.errors import InvalidAnswers
from alkit.plugin import registry


def test_a_format_that_breaks_stops_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: object) -> bool:
        raise TypeError("not made\nfor this")

    monkeypatch.setattr(registry.formats.get("coco"), "recognizes", breaks)
    path = tmp_path / "answers.csv"
    path.write_text("image,label\n")
    assert find_format(path).name == "csv"
    other = tmp_path / "notes.txt"
    other.write_text("nothing")
    with pytest.raises(InvalidAnswers) as raised:
        find_format(other)
    version = next(plugin.version for plugin in registry.formats if plugin.name == "coco")
    assert re.fullmatch(
        rf"{re.escape(str(other))} cannot be read: .* coco, csv, cvat, fiftyone, folders, "
        rf"huggingface, jsonl, label-studio: it is text that begins with 'nothing' "
        rf"\(coco \(alkit {re.escape(version)}\) "
        r".*: TypeError: not made for this\); .*--format.*",
        str(raised.value),
    )
