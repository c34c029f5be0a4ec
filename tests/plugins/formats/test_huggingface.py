"""Folders for Hugging Face datasets: laid out as `load_dataset` reads them, with the files inside."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from alkit.errors import AlkitError, InvalidAnswers
from alkit.interfaces.format import Export, Format

parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
Make = Callable[..., Format]


def answered(export: Export, *answers: str | None) -> Export:
    items = [dataclasses.replace(item, answer=a) for item, a in zip(export.items, answers, strict=False)]
    return dataclasses.replace(export, items=items)


def test_rows_hold_the_original_files_and_numbers_of_classes(
    make: Make, export: Export, tmp_path: Path
) -> None:
    given = answered(export, "a/b", "cat", None)
    make("huggingface").write(given, tmp_path / "out")
    table = parquet.read_table(tmp_path / "out" / "data" / "train-00000-of-00001.parquet")
    rows = table.to_pylist()
    assert [row["label"] for row in rows] == [2, 0, None]
    for row, item in zip(rows, given.items, strict=True):
        assert hashlib.sha256(row["image"]["bytes"]).hexdigest() == item.hash == row["hash"]
        assert (row["image"]["path"], row["key"], row["index"]) == (item.image, item.image, item.index)
    features = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]
    assert features["image"] == {"_type": "Image"}
    assert features["label"] == {"names": list(export.classes), "_type": "ClassLabel"}
    assert set(features) == set(table.column_names)


def test_copied_labels_have_a_column_of_their_own(make: Make, export: Export, tmp_path: Path) -> None:
    given = answered(export, "cat", "cat")
    first, second = given.items
    given = dataclasses.replace(given, items=[first, dataclasses.replace(second, copied_from=first.image)])
    make("huggingface").write_splits({"train": given, "test": answered(export, "7")}, tmp_path / "out")
    for split, copied in (("train", [None, first.image]), ("test", [None])):
        table = parquet.read_table(tmp_path / "out" / "data" / f"{split}-00000-of-00001.parquet")
        assert table.column("copied_from").to_pylist() == copied
        features = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]
        assert list(features) == table.column_names
    assert (
        "  - name: copied_from\n    dtype: string\nconfigs:" in (tmp_path / "out" / "README.md").read_text()
    )
    assert [answer.label for answer in make("huggingface").read(tmp_path / "out").answers] == [
        "7",
        "cat",
        "cat",
    ]


def test_splits_are_named_in_files_and_card(make: Make, export: Export, tmp_path: Path) -> None:
    train, test = answered(export, "cat", "7", "7"), answered(export, "cat")
    make("huggingface").write_splits({"train": train, "test": test}, tmp_path / "out")
    files = sorted(path.name for path in (tmp_path / "out" / "data").iterdir())
    assert files == ["test-00000-of-00001.parquet", "train-00000-of-00001.parquet"]
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    head = yaml.safe_load(card.split("---\n")[1])
    assert head["configs"] == [
        {
            "config_name": "default",
            "data_files": [
                {"split": "train", "path": "data/train-*"},
                {"split": "test", "path": "data/test-*"},
            ],
        }
    ]
    described = head["dataset_info"]
    assert [feature["name"] for feature in described["features"]] == [
        "image",
        "label",
        "key",
        "index",
        "hash",
    ]
    names = described["features"][1]["dtype"]["class_label"]["names"]
    assert names == {str(number): name for number, name in enumerate(export.classes)}
    assert "| 7 | 2 | 0 |" in card


def test_large_splits_become_several_files(make: Make, export: Export, tmp_path: Path) -> None:
    assert export.items[0].file is not None
    size = export.items[0].file.stat().st_size
    make("huggingface", shard_bytes=4 * size + 10).write(answered(export, *["cat"] * 9), tmp_path / "out")
    files = sorted((tmp_path / "out" / "data").iterdir())
    assert [file.name for file in files] == [f"train-{n:05}-of-00003.parquet" for n in range(3)]
    assert [parquet.read_table(file).num_rows for file in files] == [4, 4, 1]
    assert len(make("huggingface").read(tmp_path / "out").answers) == 9


def test_other_parquet_files_are_refused_in_a_sentence(make: Make, tmp_path: Path) -> None:
    data = tmp_path / "other" / "data"
    data.mkdir(parents=True)
    (data / "a.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(InvalidAnswers, match="cannot be read as images with labels"):
        make("huggingface").read(tmp_path / "other")
    import pyarrow

    parquet.write_table(pyarrow.table({"label": [1]}), data / "a.parquet")
    with pytest.raises(InvalidAnswers, match="cannot be read as images with labels"):
        make("huggingface").read(tmp_path / "other")


def test_labels_that_have_no_name_are_left_out(make: Make, export: Export, tmp_path: Path) -> None:
    import pyarrow

    make("huggingface").write(answered(export, "cat", "cat"), tmp_path / "out")
    (file,) = (tmp_path / "out" / "data").iterdir()
    table = parquet.read_table(file)
    labels = pyarrow.array([99, -1], pyarrow.int64())
    parquet.write_table(table.set_column(1, table.schema.field("label"), labels), file)
    reply = make("huggingface").read(tmp_path / "out")
    assert (reply.answers, reply.blank) == ([], 1)
    assert reply.rejected[0].reason == "has the label 99, while the names end at 5"


def test_without_pyarrow_it_names_the_extra(
    make: Make, export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(AlkitError, match=r"pip install 'alkit\[parquet\]'"):
        make("huggingface").write(export, tmp_path / "out")
    assert not (tmp_path / "out").exists()
