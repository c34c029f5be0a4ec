"""A model's input from any images: the same numbers as in training, in any batches, without the unusable."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from alkit.data.loader import Loader
from alkit.data.model_input import Preprocessing
from alkit.data.preprocessing import scan
from alkit.data.store import ImageStore, StoreWriter
from alkit.plugin.sources import open_source

SHAPE = (3, 8, 10)


@pytest.fixture
def store(pictures: Path, tmp_path: Path) -> ImageStore:
    source = open_source(str(pictures))
    with StoreWriter(tmp_path / "pool.u8", SHAPE) as writer:
        scan(source, source.keys(), store=writer)
    return ImageStore.open(tmp_path / "pool.u8", SHAPE, 60)


@pytest.mark.parametrize("size", [1, 7, 60, 1000])
def test_it_is_bit_for_bit_what_the_loader_gives_in_training(
    store: ImageStore, pictures: Path, size: int
) -> None:
    source = open_source(str(pictures))
    loader = Loader(store, torch.device("cpu"))
    wanted = loader.load(np.arange(60, dtype=np.int64), None)
    batches = list(Preprocessing.of(store).batches(source, source.keys(), size))
    assert [len(readings) for readings, _ in batches[:-1]] == [size] * (len(batches) - 1)
    assert torch.equal(torch.cat([images for _, images in batches]), wanted)


def test_unusable_images_are_told_but_have_no_row(store: ImageStore, pictures: Path, tmp_path: Path) -> None:
    for name in ("a.png", "c.png"):
        (tmp_path / name).write_bytes((pictures / "red" / "00.png").read_bytes())
    (tmp_path / "b.png").write_bytes(b"nothing")
    (tmp_path / "d.png").write_bytes(b"")
    source = open_source(str(tmp_path))
    keys = ["a.png", "b.png", "c.png", "d.png"]
    found = list(Preprocessing.of(store).batches(source, keys, 3))
    assert [[reading.unusable is None for reading in readings] for readings, _ in found] == [
        [True, False, True],
        [False],
    ]
    assert [len(images) for _, images in found] == [2, 0]
    assert torch.equal(found[0][1][0], found[0][1][1])
