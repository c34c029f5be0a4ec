"""The conformance kit on every source, and what each kind of pool says of its images."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import alkit
from alkit import testing
from alkit.errors import SourceError

KINDS = ("folder", "manifest", "arrays", "digits", "shards", "braces", "parquet", "split", "saved", "remote")


@pytest.mark.parametrize("kind", KINDS)
def test_kit(kind: str, making: ModuleType, tmp_path: Path) -> None:
    name, make = making.MAKERS[kind]
    failed = [r for r in testing.check_source(make(tmp_path), name) if not r.ok]
    assert failed == []


def test_every_maker_is_tested(making: ModuleType) -> None:
    assert set(making.MAKERS) == set(KINDS)


def test_shards_bring_labels_and_columns(making: ModuleType, tmp_path: Path, caches: Path) -> None:
    source = alkit.open_source(making.shards(tmp_path))
    assert source.keys()[:2] == ["s-000.tar/0000.png", "s-000.tar/0001.png"]
    assert len(source.keys()) == 6
    assert source.classes == ("0", "1")
    assert source.answers()["s-001.tar/0011.png"] == "1"
    assert source.columns()["site"]["s-000.tar/0000.png"] == "<b>&"
    assert source.columns()["number"]["s-001.tar/0012.png"] == "12"
    assert "nested" not in source.columns()
    assert source.original("s-000.tar/0001.png") == making.png(1)
    assert len(list((caches / "shards").iterdir())) == 2  # what is in a shard is looked up once


def test_a_changed_shard_is_read_again(making: ModuleType, tmp_path: Path) -> None:
    place = making.shards(tmp_path)
    assert len(alkit.open_source(place).keys()) == 6
    making.shard(tmp_path / "shards" / "s-001.tar", 10, 5)
    assert len(alkit.open_source(place).keys()) == 8


def test_nothing_leaves_a_shard(tmp_path: Path, making: ModuleType) -> None:
    with tarfile.open(tmp_path / "odd.tar", "w") as archive:
        link = tarfile.TarInfo("link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        member = tarfile.TarInfo("../../up.png")
        member.size = len(making.png(0))
        archive.addfile(member, io.BytesIO(making.png(0)))
    source = alkit.open_source(str(tmp_path / "odd.tar"))
    assert source.keys() == ["odd.tar/../../up.png"]
    assert source.path(source.keys()[0]) is None
    assert source.read(source.keys()[0]).unusable is None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda at: (at / "a.tar").write_bytes(b"rubbish" * 100), "cannot be read as a tar file"),
        (lambda at: tarfile.open(at / "a.tar", "w").close(), "hold no images"),
        (lambda at: (at / "a.tar.gz").write_bytes(b"\x1f\x8b"), "unpack it with gunzip"),
    ],
)
def test_shards_that_cannot_be_read(make, message: str, tmp_path: Path) -> None:
    make(tmp_path)
    with pytest.raises(SourceError, match=message):
        alkit.open_source(str(next(tmp_path.glob("a.tar*"))))


def test_parquet_reads_what_datasets_writes(making: ModuleType, tmp_path: Path) -> None:
    source = alkit.open_source(making.parquet(tmp_path))
    assert source.keys() == [f"{index}.png" for index in range(8)]
    assert source.classes == ("cat", "dog")
    assert source.answers()["3.png"] == "dog"
    assert source.columns() == {"cost": {f"{index}.png": f"{index}.0" for index in range(8)}}
    test = source.test_split()
    assert test is not None
    assert test.keys() == ["8.png", "9.png"]
    assert alkit.open_source(test.location).keys() == test.keys()
    assert [r.hash for r in source.looks(["7.png", "0.png"])] == [
        source.hash_of(k) for k in ("7.png", "0.png")
    ]


def test_parquet_with_plain_bytes_and_text_labels(making: ModuleType, tmp_path: Path) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    rows = pa.table({"photo": [making.png(0), None, b"rubbish"], "class": ["x", None, "y"]})
    pq.write_table(rows, tmp_path / "photos.parquet")
    source = alkit.open_source(str(tmp_path / "photos.parquet"))
    assert source.keys() == ["photos/0", "photos/1", "photos/2"]
    assert source.answers() == {"photos/0": "x", "photos/2": "y"}
    assert source.read("photos/1").unusable == "the row has no bytes of an image"
    assert source.read("photos/2").unusable is not None


@pytest.mark.parametrize(
    ("content", "message"), [(b"rubbish", "cannot be read"), (None, "has no column of images")]
)
def test_parquet_that_is_no_pool(content: bytes | None, message: str, tmp_path: Path) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    if content is None:
        pq.write_table(pa.table({"number": [1, 2]}), tmp_path / "a.parquet")
    else:
        (tmp_path / "a.parquet").write_bytes(content)
    with pytest.raises(SourceError, match=message):
        alkit.open_source(str(tmp_path / "a.parquet"))


def test_columns_of_a_manifest(making: ModuleType, tmp_path: Path) -> None:
    source = alkit.open_source(making.manifest(tmp_path))
    assert source.columns() == {"cost": {"photos/a/0.png": "3"}}


def test_arrays_keep_their_bits(making: ModuleType, tmp_path: Path) -> None:
    source = alkit.open_source(making.arrays(tmp_path))
    source.pixel_type = "uint16"
    stored = np.load(tmp_path / "images.npz")["images"]
    assert np.array_equal(source.load("0")[1], stored[0])
