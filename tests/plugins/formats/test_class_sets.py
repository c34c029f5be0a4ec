"""Sets of classes in COCO, Label Studio and tables of several columns."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alkit.errors import InvalidOption
from alkit.interfaces import ClassSet, ImageFacts
from alkit.interfaces.format import Export, Format
from alkit.labeling.csv_table import read_answers

Make = Callable[..., Format]


@pytest.mark.parametrize("name", ["coco", "label-studio", "csv", "jsonl"])
def test_sets_come_back(make: Make, export: Export, tmp_path: Path, name: str) -> None:
    one, other, *_ = export.classes
    answers = [f"{one};{other}", one, "none"]
    items = [
        dataclasses.replace(item, answer=said) for item, said in zip(export.items, answers, strict=False)
    ]
    format_ = make(name)
    format_.carry("classes")
    path = tmp_path / f"out{format_.extensions[0]}"
    format_.write(dataclasses.replace(export, items=items), path)
    reply = format_.read(path)
    labels: Any = ClassSet()
    found = [labels.parse(given.label, ImageFacts()) for given in reply.answers]
    assert not reply.rejected
    assert found == [sorted([one, other]), [one], []]


def test_coco_keeps_what_is_unknown(make: Make, export: Export, tmp_path: Path) -> None:
    one, other, *_ = export.classes
    items = [dataclasses.replace(export.items[0], answer=f"{one};?{other}")]
    format_ = make("coco")
    format_.carry("classes")
    format_.write(dataclasses.replace(export, items=items), tmp_path / "a.json")
    (given,) = format_.read(tmp_path / "a.json").answers
    assert ClassSet().parse(given.label, ImageFacts()) == sorted([one, f"?{other}"])


def test_folders_hold_one_class_an_image(make: Make) -> None:
    with pytest.raises(InvalidOption, match="does not carry labels of kind 'classes'"):
        make("folders").carry("classes")


def test_several_columns_are_one_label(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("file,cat,dog,x,y\na.jpg,1,0,0.5,2\nb.jpg,,yes,1,3\nc.jpg,,,,\nd.jpg,maybe,0,1,1\n")
    table = read_answers(path, {"image": "file", "classes": "cat+dog"})
    assert [given.label for given in table.answers] == ['["cat"]', '["?cat", "dog"]']
    assert table.blank == 1
    assert [(entry.line, entry.reason.split(",")[0]) for entry in table.rejected] == [
        (5, "has 'maybe' in column 'cat'")
    ]
    numbers = read_answers(path, {"image": "file", "numbers": "x+y"})
    assert [given.label for given in numbers.answers] == ["0.5;2", "1;3", "1;1"]
