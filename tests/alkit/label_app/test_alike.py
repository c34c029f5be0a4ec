"""Which images are nearly the same, by features or by tiny copies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from alkit.campaign.groups.vectors import Known
from alkit.data.checksums import Checksums
from alkit.data.store import StoreWriter
from alkit.label_app import alike
from alkit.label_app.alike import compare

SHAPE = (3, 24, 20)
COUNT = 40


@pytest.fixture
def pixels(tmp_path: Path) -> np.ndarray:
    """A cache of images of noise; 7 is 3 but for a little noise, and 30 is black."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (COUNT, *SHAPE), dtype=np.uint8)
    images[7] = np.clip(images[3].astype(int) + rng.integers(-9, 10, SHAPE), 0, 255)
    images[30] = 0
    with StoreWriter(tmp_path / "pool.u8", SHAPE) as writer:
        writer.append(images)
    return images


def write_features(folder: Path, rows: np.ndarray) -> None:
    path = folder / "features-pool-0123.f32"
    path.write_bytes(rows.astype(np.float32).tobytes())
    sums = Checksums(4 * rows.shape[1])
    sums.add(rows.astype(np.float32).tobytes())
    sums.save(path)


@pytest.mark.parametrize("rows", [5, 4096])
def test_by_tiny_copies(tmp_path: Path, pixels, monkeypatch, rows):
    monkeypatch.setattr(alike, "ROWS", rows)
    usable = np.ones(COUNT, dtype=bool)
    found = compare(Known(tmp_path, SHAPE), [3, 7, 8, 30], usable)
    assert found.neighbors == {3: [7], 7: [3], 8: [], 30: []}
    assert found.order[:2] == [3, 7]
    assert sorted(found.order) == [3, 7, 8, 30]
    usable[7] = False
    assert compare(Known(tmp_path, SHAPE), [3], usable).neighbors == {3: []}


def test_by_features_if_there_are_any(tmp_path: Path, pixels):
    rng = np.random.default_rng(1)
    features = rng.normal(5, 1, (COUNT, 64))
    features[20] = features[1] + 0.05
    features[21] = features[1] + rng.normal(0, 0.2, 64)
    write_features(tmp_path, features)
    found = compare(Known(tmp_path, SHAPE), [1, 3], np.ones(COUNT, dtype=bool))
    assert found.neighbors == {1: [20, 21], 3: []}


def test_features_of_a_part_of_the_pool_are_not_used(tmp_path: Path, pixels):
    write_features(tmp_path, np.ones((COUNT // 2, 8)))
    assert compare(Known(tmp_path, SHAPE), [3], np.ones(COUNT, dtype=bool)).neighbors == {3: [7]}


def test_many_neighbors_are_the_nearest(tmp_path: Path):
    line = np.stack([np.cos(np.arange(COUNT) / 30), np.sin(np.arange(COUNT) / 30)], axis=1)
    write_features(tmp_path, np.concatenate([line, -line.sum(axis=1, keepdims=True)], axis=1))
    found = compare(Known(tmp_path, SHAPE), [0], np.ones(COUNT, dtype=bool)).neighbors[0]
    assert found == [1, 2, 3, 4, 5, 6]


def test_without_a_cache_nothing_is_alike(tmp_path: Path):
    assert compare(Known(tmp_path, SHAPE), [2, 1], np.ones(COUNT, dtype=bool)) == ({2: [], 1: []}, [2, 1])
    (tmp_path / "pool.u8").write_bytes(b"short")
    assert compare(Known(tmp_path, SHAPE), [2, 1], np.ones(COUNT, dtype=bool)).order == [2, 1]


def test_vectors_of_a_pool_of_vectors_come_first(tmp_path: Path, pixels):
    vectors = np.random.default_rng(2).normal(0, 1, (COUNT, 16))
    vectors[9] = vectors[2]
    known = Known(tmp_path, SHAPE, vectors=vectors)
    assert compare(known, [2, 3], np.ones(COUNT, dtype=bool)).neighbors == {2: [9], 3: []}


@pytest.mark.parametrize("kind", ["uint16", "float32"])
def test_small_copies_of_other_types(tmp_path: Path, kind):
    images = np.random.default_rng(3).random((6, 4, 16, 16))
    images[5] = images[1]
    stored = images.astype(kind) if kind == "float32" else (images * 60_000).astype(kind)
    with StoreWriter(tmp_path / "pool.u8", (4, 16, 16), pixel_type=kind) as writer:
        writer.append(stored)
    known = Known(tmp_path, (4, 16, 16), kind)
    assert compare(known, [1, 2], np.ones(6, dtype=bool)).neighbors == {1: [5], 2: []}
