"""Damage to cached pixels is noticed by block, whatever was appended, cut and written over before."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from alkit.campaign.campaign import Campaign
from alkit.campaign.create import create
from alkit.data.checksums import ROWS, Checksums, move_store, sums_path
from alkit.data.preprocessing import ensure_store, scan
from alkit.data.store import StoreWriter, damaged_blocks
from alkit.plugin.sources import open_source

SHAPE = (1, 2, 3)


def pixels(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, *SHAPE), dtype=np.uint8)


def test_blocks_are_checked_however_they_were_appended(tmp_path: Path) -> None:
    file, rows = tmp_path / "store", pixels(3 * ROWS + 5)
    with StoreWriter(file, SHAPE) as store:
        store.append(rows[:1])
        store.append(rows[1 : ROWS + 7])
    with StoreWriter(file, SHAPE, count=ROWS + 3) as store:  # some rows were never recorded
        store.append(rows[ROWS + 3 :])
    sums = Checksums.load(file, 6)
    assert sums is not None
    assert (sums.rows, len(sums.blocks)) == (3 * ROWS + 5, 4)
    assert damaged_blocks(file, SHAPE, len(rows)) == []
    rng = random.Random(0)
    for block in (0, 1, 3):
        content = bytearray(file.read_bytes())
        content[(block * ROWS + rng.randrange(5)) * 6] ^= 1
        file.write_bytes(content)
    assert damaged_blocks(file, SHAPE, len(rows)) == [0, 1, 3]
    assert damaged_blocks(file, SHAPE, ROWS) == [0], "only of the rows that count"


def test_rows_of_another_size_or_missing_ones_are_damage_as_a_whole(tmp_path: Path) -> None:
    file = tmp_path / "store"
    with StoreWriter(file, SHAPE) as store:
        store.append(pixels(10))
    assert damaged_blocks(file, (1, 1, 3), 20) is None
    assert damaged_blocks(file, SHAPE, 11) is None
    sums_path(file).write_text("[" * 100_000)
    assert damaged_blocks(file, SHAPE, 10) is None
    sums_path(file).unlink()
    assert damaged_blocks(file, SHAPE, 10) == [], "older versions wrote none"


def test_a_store_moves_with_its_checksums(tmp_path: Path) -> None:
    for name in ("old", "new"):
        with StoreWriter(tmp_path / name, SHAPE) as store:
            store.append(pixels(10, seed=len(name + name[0])))
    move_store(tmp_path / "new", tmp_path / "old")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["old", "old.crc"]
    assert damaged_blocks(tmp_path / "old", SHAPE, 10) == []


def test_only_damaged_blocks_are_read_again(
    tmp_path: Path, make_pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = open_source(str(make_pictures(tmp_path / "pool", each=70)))
    file, shape = tmp_path / "store", (3, 4, 4)
    with StoreWriter(file, shape) as store:
        records = scan(source, source.keys(), store=store)
    whole = file.read_bytes()
    content = bytearray(whole)
    content[70 * 48] ^= 4
    content[-1] ^= 4
    file.write_bytes(content)
    read: list[str] = []
    original = type(source).read

    def counted(self, key: str, **how):
        read.append(key)
        return original(self, key, **how)

    monkeypatch.setattr(type(source), "read", counted)
    assert ensure_store(file, shape, source, records) == []
    assert file.read_bytes() == whole
    assert sorted(read) == [record.key for record in records[64:128] + records[192:]]
    assert damaged_blocks(file, shape, len(records)) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pool", "store", "store.crc"]


def test_a_campaign_says_that_it_read_damaged_images_again(labeled: Path, alkit) -> None:
    cache = labeled / "cache" / "pool.u8"
    whole = cache.read_bytes()
    content = bytearray(whole)
    content[1000] ^= 128
    cache.write_bytes(content)
    said = alkit("query", "-c", labeled, "-n", "5", "-s", "entropy", "--json")
    assert "reading 60 damaged images of the cache" in said.err
    assert f"{cache.name}' again" in said.err
    assert cache.read_bytes() == whole


def test_originals_of_damaged_images_that_have_changed_are_lost(tmp_path: Path, make_pictures) -> None:
    pool = make_pictures(tmp_path / "pool", each=50)
    create(tmp_path / "camp", str(pool)).close()
    cache = tmp_path / "camp" / "cache" / "pool.u8"
    content = bytearray(cache.read_bytes())
    content[-1] ^= 1
    cache.write_bytes(content)
    (pool / "blue" / "00.png").unlink()  # of a block that is whole: nobody looks at it
    (pool / "red" / "49.png").unlink()
    with Campaign(tmp_path / "camp") as campaign:
        campaign.ask(3, strategy="random")
        assert [campaign.state.keys[index] for index in campaign.pool.lost] == ["red/49.png"]
    with Campaign(tmp_path / "camp") as campaign:
        campaign.ask(3, strategy="random")
        assert len(campaign.pool.lost) == 1
