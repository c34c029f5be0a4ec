"""Images at an address: listed, fetched once each, kept; a stop in between loses nothing."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import alkit
from alkit.errors import SourceError

fsspec = pytest.importorskip("fsspec")


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count how often each object is fetched."""
    counts = Counter[str]()
    system = type(fsspec.filesystem("memory"))
    read = system.cat_file

    def counted(self: Any, path: str, *args: Any, **kwargs: Any) -> bytes:
        counts[path.rpartition("/")[2]] += 1
        return read(self, path, *args, **kwargs)

    monkeypatch.setattr(system, "cat_file", counted)
    return counts


@pytest.fixture
def address(making: ModuleType, tmp_path: Path) -> str:
    return making.remote(tmp_path)


def test_a_campaign_reads_each_object_once(address: str, tmp_path: Path, reads: Counter[str]) -> None:
    campaign = alkit.create(tmp_path / "c", address, oracle="dataset", task_options={"epochs": "1"})
    campaign.ask(2, strategy="random")
    campaign.update()
    again = alkit.Campaign(tmp_path / "c")
    again.source.picture("a/0.png")
    assert sorted(reads) == [f"{index}.png" for index in range(6)]
    assert set(reads.values()) == {1}
    assert again.settings.pool.location == address


def test_what_was_fetched_before_a_stop_is_not_fetched_again(
    address: str, tmp_path: Path, reads: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alkit_plugins.sources.kept.PAUSE", 0.0)
    monkeypatch.setattr("alkit_plugins.sources.kept.ATTEMPTS", 1)
    counted = type(fsspec.filesystem("memory")).cat_file

    def broken(self: Any, path: str, *args: Any, **kwargs: Any) -> bytes:
        if path.endswith("5.png"):
            raise OSError("the network is down")
        return counted(self, path, *args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(type(fsspec.filesystem("memory")), "cat_file", broken)
        with pytest.raises(SourceError, match="the network is down; try again, what was read is kept"):
            alkit.create(tmp_path / "c", address)
    assert not (tmp_path / "c").exists()
    campaign = alkit.create(tmp_path / "c", address)
    assert all(record.unusable is None for record in campaign.state.records)
    assert set(reads.values()) == {1}


def test_update_fetches_only_what_is_new(
    address: str, tmp_path: Path, reads: Counter[str], making: ModuleType
) -> None:
    campaign = alkit.create(tmp_path / "c", address)
    reads.clear()
    fsspec.filesystem("memory").pipe_file(f"/{tmp_path.name}/photos/a/new.png", making.png(99))
    assert campaign.update()["added"] == 1
    assert reads == {"new.png": 1}


def test_a_changed_object_is_noticed(address: str, tmp_path: Path, making: ModuleType) -> None:
    campaign = alkit.create(tmp_path / "c", address)
    fsspec.filesystem("memory").pipe_file(f"/{tmp_path.name}/photos/a/0.png", making.png(7) + b"longer")
    assert campaign.update(check=True)["changed"] == ["a/0.png"]


def test_retries(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alkit_plugins.sources.kept.PAUSE", 0.0)
    system, failures = type(fsspec.filesystem("memory")), [OSError("once"), OSError("twice")]
    read = system.cat_file

    def flaky(self: Any, path: str, *args: Any, **kwargs: Any) -> bytes:
        if failures:
            raise failures.pop()
        return read(self, path, *args, **kwargs)

    monkeypatch.setattr(system, "cat_file", flaky)
    assert alkit.open_source(address).read("a/0.png").unusable is None


def test_a_folder_that_cannot_be_listed_is_not_taken_for_empty(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alkit_plugins.sources.kept.PAUSE", 0.0)
    system = type(fsspec.filesystem("memory"))
    read = system.ls

    def broken(self: Any, path: str, *args: Any, **kwargs: Any) -> Any:
        if path.rstrip("/").endswith("/b"):
            raise ConnectionError("gone")
        return read(self, path, *args, **kwargs)

    monkeypatch.setattr(
        system, "find", fsspec.spec.AbstractFileSystem.find
    )  # which leaves out what cannot be listed
    keys = alkit.open_source(address).keys()
    assert {key.split("/")[0] for key in keys} >= {"a", "b"}
    monkeypatch.setattr(system, "ls", broken)
    with pytest.raises(SourceError, match="cannot be listed: gone"):
        alkit.open_source(address).keys()


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("memory://nothing/there", "there (is nothing|are no images) at 'memory://nothing/there'"),
        ("https://me:secret@example.org/photos", "holds a password"),
        ("nowhere://bucket", "there is no source for 'nowhere://'"),
    ],
)
def test_what_is_refused(location: str, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        alkit.open_source(location).keys()


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: str) -> Any:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec.core, "url_to_fs", missing)
    with pytest.raises(SourceError, match=r"pip install 'alkit\[s3\]'"):
        alkit.open_source("s3://bucket/photos")


def test_shards_and_tables_at_an_address(making: ModuleType, tmp_path: Path) -> None:
    system = fsspec.filesystem("memory")
    making.shards(tmp_path)
    making.parquet(tmp_path)
    system.pipe_file(f"/{tmp_path.name}/s/s-000.tar", (tmp_path / "shards/s-000.tar").read_bytes())
    system.pipe_file(
        f"/{tmp_path.name}/p/train.parquet", (tmp_path / "hub/data/train-0.parquet").read_bytes()
    )
    assert len(alkit.open_source(f"webdataset:memory://{tmp_path.name}/s").keys()) == 3
    assert len(alkit.open_source(f"webdataset:memory://{tmp_path.name}/s/s-{{000..000}}.tar").keys()) == 3
    assert len(alkit.open_source(f"parquet:memory://{tmp_path.name}/p").keys()) == 5


@pytest.mark.slow
def test_a_real_s3_server(tmp_path: Path, making: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("s3fs")
    server_of = pytest.importorskip("moto.server")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    server = server_of.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        monkeypatch.setitem(fsspec.config.conf, "s3", {"endpoint_url": f"http://{host}:{port}"})
        system = fsspec.filesystem("s3")
        system.mkdir("bucket")
        for index in range(12):
            system.pipe_file(f"bucket/photos/{'ab'[index % 2]}/{index}.png", making.png(index))
        campaign = alkit.create(
            tmp_path / "c", "s3://bucket/photos", oracle="dataset", root=str(tmp_path / "r")
        )
        campaign.ask(2, strategy="random")
        system.pipe_file("bucket/photos/a/new.png", making.png(99))
        system.invalidate_cache()
        report = campaign.update()
        assert (report["added"], report["changed"], report["missing"]) == (1, [], [])
        kept = [path for path in (tmp_path / "r").rglob("*.png") if path.is_file()]
        assert len(kept) == 13
        assert os.environ.get("AWS_SECRET_ACCESS_KEY") not in (tmp_path / "c/campaign.toml").read_text()
    finally:
        server.stop()
