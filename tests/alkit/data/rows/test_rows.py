"""Reading embeddings and predictions from files, and one clear sentence for what is wrong in them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as arrow
import pytest
from pyarrow import parquet

from alkit.campaign.given.files import read_files
from alkit.data.rows import NamedRows, read_rows
from alkit.errors import InvalidRows

ROWS = [[0.7, 0.3], [0.25, 0.75], [1.0, 0.0]]
NAMES = ["a.jpg", "b.jpg", "c.jpg"]
CLASSES = ["cat", "dog"]


def _csv(path: Path) -> None:
    rows = [f"{name},dog,{row[0]},{row[1]}" for name, row in zip(NAMES, ROWS, strict=True)]
    path.write_text("\n".join(["path,class,p_cat,p_dog", *rows, "broken.jpg,,,"]))


def _plain_csv(path: Path) -> None:
    rows = [f"{row[0]};{row[1]};{name}" for name, row in zip(NAMES, ROWS, strict=True)]
    path.write_text("\n".join(["cat;dog;image", *rows]))


def _lines(path: Path) -> None:
    rows = [
        {"path": name, "probabilities": dict(zip(CLASSES, row, strict=True))}
        for name, row in zip(NAMES, ROWS, strict=True)
    ]
    broken = {"path": "broken.jpg", "error": "no image"}
    path.write_text("\n".join(json.dumps(row) for row in [*rows, broken]))


def _npz(path: Path) -> None:
    np.savez(path, probabilities=np.array(ROWS), images=np.array(NAMES), classes=np.array(CLASSES))


def _columns(path: Path) -> None:
    cat, dog = (arrow.array([*column, None]) for column in zip(*ROWS, strict=True))
    parquet.write_table(arrow.table({"image": [*NAMES, "broken.jpg"], "p_cat": cat, "p_dog": dog}), path)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("a.csv", _csv),
        ("b.csv", _plain_csv),
        ("a.jsonl", _lines),
        ("a.npz", _npz),
        ("a.parquet", _columns),
    ],
)
def test_every_format_gives_the_same_rows(tmp_path: Path, name: str, write: Any) -> None:
    write(tmp_path / name)
    rows = read_rows(tmp_path / name, "predictions")
    assert np.array_equal(rows.values, ROWS)
    assert (rows.names, rows.columns) == (NAMES, CLASSES)
    assert read_files(predictions=tmp_path / name) is not None


def test_embeddings_in_lists(tmp_path: Path) -> None:
    parquet.write_table(arrow.table({"file_name": NAMES, "embedding": ROWS}), tmp_path / "emb.parquet")
    lines = [json.dumps({"image": n, "embedding": r}) for n, r in zip(NAMES, ROWS, strict=True)]
    (tmp_path / "emb.jsonl").write_text("\n".join(lines))
    np.save(tmp_path / "emb.npy", np.array(ROWS))
    for name in ("emb.parquet", "emb.jsonl", "emb.npy"):
        rows = read_rows(tmp_path / name, "embeddings")
        assert np.array_equal(rows.values, ROWS)
        assert rows.columns is None
        assert rows.names == (None if name == "emb.npy" else NAMES)


def test_results_of_detection(tmp_path: Path) -> None:
    results = [{"image_id": 7, "category_id": 1, "bbox": [0, 0, 1, 1], "score": s} for s in (0.5, 0.9)]
    results.append({"image_id": 8, "category_id": 2, "bbox": [0, 0, 1, 1], "score": 1.0})
    (tmp_path / "r.json").write_text(json.dumps(results))
    rows = read_rows(tmp_path / "r.json", "predictions")
    assert rows.names == ["7", "8"]
    assert rows.values.shape == (2, 2, 2)
    assert np.allclose(rows.values[0, 1], [0.9, 0.5])
    assert np.allclose(rows.values[1, 1], [1.0, 0.0])
    assert rows.nameless_is_empty
    images = [
        {"id": 7, "file_name": "a.jpg"},
        {"id": 8, "file_name": "b.jpg"},
        {"id": 9, "file_name": "c.jpg"},
    ]
    (tmp_path / "r.json").write_text(json.dumps({"images": images, "annotations": results}))
    rows = read_rows(tmp_path / "r.json", "predictions")
    assert rows.names == NAMES
    assert not rows.nameless_is_empty


def test_boxes_of_yolo_and_of_json_lines(tmp_path: Path) -> None:
    folder = tmp_path / "labels"
    folder.mkdir()
    (folder / "a.txt").write_text("0 0.5 0.5 0.1 0.1 0.5\n3 0.2 0.2 0.1 0.1 0.9\n")
    (folder / "b.txt").write_text("1 0.5 0.5 0.1 0.1 1.0\n")
    rows = read_rows(folder, "predictions")
    assert rows.names == ["a", "b"]
    assert np.allclose(rows.values[:, 1], [[0.9, 0.5], [1.0, 0.0]])
    assert rows.nameless_is_empty
    (folder / "b.txt").write_text("1 0.5 0.5 0.1 0.1\n")
    with pytest.raises(InvalidRows, match=r"line 1 of .*b.txt' has no confidence; .*save_conf=True"):
        read_rows(folder, "predictions")
    lines = [{"image": "a.jpg", "boxes": [{"score": 0.5}, {"score": 0.9}]}, {"image": "b.jpg", "boxes": []}]
    (tmp_path / "r.jsonl").write_text("\n".join(map(json.dumps, lines)))
    rows = read_rows(tmp_path / "r.jsonl", "predictions")
    assert rows.names == NAMES[:2]
    assert np.allclose(rows.values[:, 1], [[0.9, 0.5], [0.0, 0.0]])
    (tmp_path / "r.jsonl").write_text('{"image": "a.jpg", "boxes": [{"score": 2}]}')
    with pytest.raises(InvalidRows, match=r"line 1 of .* each with a score in \[0, 1\]"):
        read_rows(tmp_path / "r.jsonl", "predictions")


WRONG: list[tuple[str, str, str]] = [
    ("a.csv", "image,cat,dog\na.jpg,0.5,nan\n", "not a finite number in line 2 ('a.jpg'), column 2"),
    (
        "a.csv",
        "image,cat,dog\na.jpg,0.5,0.9\n",
        "line 2 ('a.jpg') of 'a.csv' sum to 1.4 instead of 1; if these",
    ),
    (
        "a.csv",
        "image,cat,dog\na.jpg,-3,4\n",
        "has -3, which is not a probability; if these are logits, add --logits",
    ),
    (
        "a.csv",
        "image,cat,dog\na.jpg,0.5,x\n",
        "line 2 of 'a.csv' has 'x' in column 'dog', which is not a number",
    ),
    ("a.csv", "image,cat,dog\na.jpg,0.5\n", "line 2 of 'a.csv' has 2 fields and the header 3"),
    ("a.csv", "path,class,confidence\na.jpg,cat,0.5\n", "alkit predict writes them with --probabilities"),
    ("a.csv", "image,yes\na.jpg,0.5\n", "a single column of probabilities"),
    ("a.csv", "image,p_cat,p_cat\na.jpg,0.5,0.5\n", "'cat' twice"),
    (
        "a.jsonl",
        '{"image": "a", "probabilities": [1]}\n{"image": "b", "probabilities": [1, 0]}',
        "has 2 numbers, and",
    ),
    (
        "a.jsonl",
        '{"image": "a", "probabilities": {"x": 1}}\n{"image": "b", "probabilities": {"y": 1}}',
        "other classes",
    ),
    ("a.jsonl", '{"probabilities": [1]}', "names no image"),
    ("a.jsonl", "not json", "cannot be read as JSON Lines"),
    ("a.json", "[{}]", "should have an 'image_id' and a 'score'"),
    ("a.json", '[{"image_id": 1, "score": 2}]', "has the score 2, which is not in [0, 1]"),
    ("a.json", '[{"image_id": [1], "score": 1}]', "should have an 'image_id' and a 'score'"),
    ("a.json", f'[{{"image_id": 1, "score": {10**400}}}]', "has the score 1000"),
    ("a.npy", "no array", "cannot be read as arrays"),
    ("a.parquet", "no table", "cannot be read as Parquet"),
    ("a.txt", "", "should end with .npy, .npz"),
]


@pytest.mark.parametrize(("name", "text", "message"), WRONG)
def test_what_is_wrong_is_said_in_a_sentence(here: Path, name: str, text: str, message: str) -> None:
    Path(name).write_text(text)
    with pytest.raises(InvalidRows) as raised:
        read_files(predictions=name)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    odd = np.array([{"a": 1}, None], dtype=object)
    np.save(tmp_path / "a.npy", odd)
    np.savez(tmp_path / "a.npz", embeddings=odd)
    for name in ("a.npy", "a.npz"):
        with pytest.raises(InvalidRows, match="Python objects, which are never loaded"):
            read_rows(tmp_path / name, "embeddings")


def test_logits_become_probabilities() -> None:
    logits = np.array([[1000.0, 1000.0], [0.0, np.log(3)]])
    files = read_files(predictions=logits, logits=True, classes=CLASSES)
    assert files is not None and isinstance(files.predictions, NamedRows)
    assert np.allclose(files.predictions.values, [[0.5, 0.5], [0.25, 0.75]])
    assert files.predictions.columns == CLASSES


def test_a_file_may_hold_both_kinds(tmp_path: Path) -> None:
    columns = {"image": NAMES, "embedding": [[5.0, -1.0, 2.0]] * 3, "cat": [r[0] for r in ROWS]}
    parquet.write_table(arrow.table({**columns, "dog": [r[1] for r in ROWS]}), tmp_path / "both.parquet")
    assert read_rows(tmp_path / "both.parquet", "embeddings").width == 3
    predictions = read_rows(tmp_path / "both.parquet", "predictions")
    assert (predictions.columns, predictions.values.tolist()) == (CLASSES, ROWS)


def test_a_message_says_what_a_file_is_not_and_which_line_is_wrong(here: Path) -> None:
    for name, message in (("a.npy", "only its name says .npy"), ("a.npz", "only its name says .npz")):
        Path(name).write_text("hello")
        with pytest.raises(InvalidRows, match=message):
            read_rows(Path(name), "embeddings")
    Path("a.jsonl").write_text('{"image": "a", "embedding": [1]}\n{"image"\n')
    with pytest.raises(InvalidRows, match="JSON Lines: line 2: Expecting"):
        read_rows(Path("a.jsonl"), "embeddings")
