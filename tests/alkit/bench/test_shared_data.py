"""The arena: what all cells share is drawn once, and the same for every strategy."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from alkit.bench.prepare import prepare, seed_set
from alkit.bench.shared_data import Arena
from alkit.errors import InvalidProtocol, SourceError
from alkit.utils.progress import Silent

from .tiny import tiny_protocol, write_digits


def _prepared(folder: Path, **changes: object) -> Arena:
    return prepare(tiny_protocol(folder, **changes), folder / "cache", device="cpu", progress=Silent())


def test_images_are_read_once_and_travel_as_json(tmp_path: Path) -> None:
    arena = _prepared(tmp_path)
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").iterdir()}
    again = _prepared(tmp_path)
    assert files == {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").iterdir()}
    arena.save(tmp_path / "arena.json")
    assert Arena.load(tmp_path / "arena.json") == arena == again
    assert arena.classes == ("0", "1", "2")
    assert arena.shape == (1, 8, 8)


def test_other_labels_make_another_fingerprint(tmp_path: Path) -> None:
    arena = _prepared(tmp_path)
    labels = ("2", *arena.pool.labels[1:])
    other = dataclasses.replace(arena, pool=dataclasses.replace(arena.pool, labels=labels))
    assert other.fingerprint() != arena.fingerprint()


def test_a_seed_set_is_the_seeds_own(tmp_path: Path) -> None:
    protocol, arena = tiny_protocol(tmp_path), _prepared(tmp_path)
    first = seed_set(protocol, arena, 0)
    assert len(np.unique(first)) == protocol.labels.start
    assert np.isin(first, arena.pool.members).all()
    assert np.array_equal(first, seed_set(protocol, arena, 0))
    assert not np.array_equal(first, seed_set(protocol, arena, 1))


def test_a_balanced_seed_set_has_every_class_alike(tmp_path: Path) -> None:
    labels = {"start": 12, "budget": 6, "cycles": 2, "draw": "balanced"}
    protocol, arena = tiny_protocol(tmp_path, labels=labels), _prepared(tmp_path, labels=labels)
    drawn = Counter(arena.pool.labels[index] for index in seed_set(protocol, arena, 3).tolist())
    assert drawn == {"0": 4, "1": 4, "2": 4}


@pytest.mark.parametrize(
    ("kind", "expected"), [("step", (0.2, 1.0, 0.2)), ("long-tailed", (1.0, 0.447, 0.2))]
)
def test_imbalance_leaves_these_shares(tmp_path: Path, kind: str, expected: tuple[float, ...]) -> None:
    pool, test = write_digits(tmp_path)
    data = {"pool": str(pool), "test": str(test), "imbalance": kind, "ratio": 5}
    whole, arena = _prepared(tmp_path), _prepared(tmp_path, data=data)
    counts = Counter(arena.pool.labels[index] for index in arena.pool.members)
    largest = min(Counter(whole.pool.labels[index] for index in whole.pool.members).values())
    assert [counts[name] for name in "012"] == [round(largest * share) for share in expected]
    assert set(arena.pool.members) < set(whole.pool.members)


def test_copies_and_unlabeled_images_take_no_part(tmp_path: Path) -> None:
    pool, test = write_digits(tmp_path)
    with np.load(pool) as arrays:
        images, labels = arrays["images"].copy(), arrays["labels"].copy()
    images[5] = images[3]
    np.savez(pool, images=images, labels=labels)
    other = tmp_path / "other"
    other.mkdir()
    arena = _prepared(other, data={"pool": str(pool), "test": str(test)})
    assert 3 in arena.pool.members
    assert 5 not in arena.pool.members


def test_the_first_pool_at_hand_is_used_and_said(tmp_path: Path) -> None:
    pool, test = write_digits(tmp_path)
    data = {"pool": [str(tmp_path / "none"), str(pool)], "test": str(test)}
    arena = _prepared(tmp_path, data=data)
    assert arena.location == str(pool)
    assert "is not at hand" in arena.notes[0]
    with pytest.raises(SourceError, match="finds none of its pools"):
        _prepared(tmp_path, data={"pool": [str(tmp_path / "none")], "test": str(test)})


def test_more_labels_than_images_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidProtocol, match="more than the"):
        _prepared(tmp_path, labels={"start": 12, "budget": 600, "cycles": 2})


def test_a_backbone_takes_its_images_out_of_the_pool(tmp_path: Path) -> None:
    whole = _prepared(tmp_path)
    options = {"epochs": 1, "batch-size": 32}
    arena = _prepared(tmp_path, backbone={"images": 100, "model": "tiny-cnn", "options": options}, task={})
    assert len(arena.pool.members) == len(whole.pool.members) - 100
    assert arena.task_options["freeze_backbone"] is True
    weights = Path(arena.task_options["weights"])
    before = weights.read_bytes()
    again = _prepared(tmp_path, backbone={"images": 100, "model": "tiny-cnn", "options": options}, task={})
    assert again == arena
    assert weights.read_bytes() == before
