"""The arena: what all cells share is drawn once, and the same for every strategy."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from alkit.bench.prepare import prepare, seed_set
from alkit.bench.shared_data import SharedData
from alkit.errors import InvalidProtocol, SourceError
from alkit.utils.progress import NullProgress

from .tiny import tiny_protocol, write_digits


def _prepared(folder: Path, **changes: object) -> SharedData:
    return prepare(tiny_protocol(folder, **changes), folder / "cache", device="cpu", progress=NullProgress())


def test_images_are_read_once_and_travel_as_json(tmp_path: Path) -> None:
    shared = _prepared(tmp_path)
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").iterdir()}
    again = _prepared(tmp_path)
    assert files == {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").iterdir()}
    shared.save(tmp_path / "arena.json")
    assert SharedData.load(tmp_path / "arena.json") == shared == again
    assert shared.classes == ("0", "1", "2")
    assert shared.shape == (1, 8, 8)


def test_other_labels_make_another_fingerprint(tmp_path: Path) -> None:
    shared = _prepared(tmp_path)
    labels = ("2", *shared.pool.labels[1:])
    other = dataclasses.replace(shared, pool=dataclasses.replace(shared.pool, labels=labels))
    assert other.fingerprint() != shared.fingerprint()


def test_a_seed_set_is_the_seeds_own(tmp_path: Path) -> None:
    protocol, shared = tiny_protocol(tmp_path), _prepared(tmp_path)
    first = seed_set(protocol, shared, 0)
    assert len(np.unique(first)) == protocol.labels.start
    assert np.isin(first, shared.pool.members).all()
    assert np.array_equal(first, seed_set(protocol, shared, 0))
    assert not np.array_equal(first, seed_set(protocol, shared, 1))


def test_a_balanced_seed_set_has_every_class_alike(tmp_path: Path) -> None:
    labels = {"start": 12, "budget": 6, "cycles": 2, "draw": "balanced"}
    protocol, shared = tiny_protocol(tmp_path, labels=labels), _prepared(tmp_path, labels=labels)
    drawn = Counter(shared.pool.labels[index] for index in seed_set(protocol, shared, 3).tolist())
    assert drawn == {"0": 4, "1": 4, "2": 4}


@pytest.mark.parametrize(
    ("kind", "expected"), [("step", (0.2, 1.0, 0.2)), ("long-tailed", (1.0, 0.447, 0.2))]
)
def test_imbalance_leaves_these_shares(tmp_path: Path, kind: str, expected: tuple[float, ...]) -> None:
    pool, test = write_digits(tmp_path)
    data = {"pool": str(pool), "test": str(test), "imbalance": kind, "ratio": 5}
    whole, shared = _prepared(tmp_path), _prepared(tmp_path, data=data)
    counts = Counter(shared.pool.labels[index] for index in shared.pool.members)
    largest = min(Counter(whole.pool.labels[index] for index in whole.pool.members).values())
    assert [counts[name] for name in "012"] == [round(largest * share) for share in expected]
    assert set(shared.pool.members) < set(whole.pool.members)


def test_copies_and_unlabeled_images_take_no_part(tmp_path: Path) -> None:
    pool, test = write_digits(tmp_path)
    with np.load(pool) as arrays:
        images, labels = arrays["images"].copy(), arrays["labels"].copy()
    images[5] = images[3]
    np.savez(pool, images=images, labels=labels)
    other = tmp_path / "other"
    other.mkdir()
    shared = _prepared(other, data={"pool": str(pool), "test": str(test)})
    assert 3 in shared.pool.members
    assert 5 not in shared.pool.members


def test_the_first_pool_at_hand_is_used_and_said(tmp_path: Path) -> None:
    pool, test = write_digits(tmp_path)
    data = {"pool": [str(tmp_path / "none"), str(pool)], "test": str(test)}
    shared = _prepared(tmp_path, data=data)
    assert shared.location == str(pool)
    assert "none is not available" in shared.notes[0]
    with pytest.raises(SourceError, match="finds none of its pools"):
        _prepared(tmp_path, data={"pool": [str(tmp_path / "none")], "test": str(test)})


def test_more_labels_than_images_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidProtocol, match="more than the"):
        _prepared(tmp_path, labels={"start": 12, "budget": 600, "cycles": 2})


def test_a_backbone_takes_its_images_out_of_the_pool(tmp_path: Path) -> None:
    whole = _prepared(tmp_path)
    options = {"epochs": 1, "batch-size": 32}
    shared = _prepared(tmp_path, backbone={"images": 100, "model": "tiny-cnn", "options": options}, task={})
    assert len(shared.pool.members) == len(whole.pool.members) - 100
    assert shared.task_options["freeze_backbone"] is True
    weights = Path(shared.task_options["weights"])
    before = weights.read_bytes()
    again = _prepared(tmp_path, backbone={"images": 100, "model": "tiny-cnn", "options": options}, task={})
    assert again == shared
    assert weights.read_bytes() == before


def test_a_table_of_sets_has_the_classes_of_its_sets(tmp_path: Path, pictures: Path) -> None:
    files = sorted(path for path in pictures.rglob("*") if path.suffix == ".png")[:8]
    for name in ("pool", "test"):
        sets = ["cat;dog", "dog", "none", "bird;cat"] * 2
        rows = [f"{file},{value}" for file, value in zip(files, sets, strict=True)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["image,label", *rows]) + "\n")
    data = {"pool": str(tmp_path / "pool.csv"), "test": str(tmp_path / "test.csv")}
    task = {"name": "multi-label", "options": {"epochs": 1, "model": "tiny-cnn"}}
    labels = {"start": 2, "budget": 1, "cycles": 1}
    shared = _prepared(tmp_path, data=data, task=task, labels=labels)
    assert set(shared.classes) == {"bird", "cat", "dog"}
