"""Torchvision data sets: read from where they lie, and never from the network unless asked."""

from __future__ import annotations

import hashlib
import pickle
import socket
import struct
from pathlib import Path

import numpy as np
import pytest
from torchvision import datasets

from alkit.errors import SourceError
from alkit.plugin.sources import open_source

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Refuse and record every connection."""
    tried: list[str] = []

    def refuse(*args: object, **options: object) -> None:
        tried.append(repr(args))
        raise OSError("no network")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    return tried


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


@pytest.mark.parametrize("name", ["cifar10", "cifar100", "fashion-mnist", "mnist", "svhn"])
def test_missing_data_says_what_to_do(tmp_path: Path, offline: list[str], name: str) -> None:
    with pytest.raises(SourceError, match=r"--root .* --download"):
        open_source(name, root=str(tmp_path))
    assert offline == []


def test_default_root_is_the_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(SourceError, match=str(tmp_path / "alkit")):
        open_source("cifar10")


def test_download_that_fails_is_one_sentence(tmp_path: Path, offline: list[str]) -> None:
    with pytest.raises(SourceError, match="could not be downloaded"):
        open_source("mnist", root=str(tmp_path), download=True)
    assert offline


@pytest.mark.parametrize(("name", "folder"), [("mnist", "MNIST"), ("fashion-mnist", "FashionMNIST")])
def test_mnist(tmp_path: Path, name: str, folder: str) -> None:
    raw = tmp_path / folder / "raw"
    raw.mkdir(parents=True)
    content = {}
    for part, count in (("train", 12), ("t10k", 5)):
        images = RNG.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        labels = np.arange(count, dtype=np.uint8) % 10
        (raw / f"{part}-images-idx3-ubyte").write_bytes(idx(images))
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(idx(labels))
        content[part] = images
    source = open_source(name, root=str(tmp_path))
    assert source.keys()[:2] == ["train/00", "train/01"]
    assert np.array_equal(source.load("train/07")[1][:, :, 0], content["train"][7])
    assert source.classes[0] == ("0" if name == "mnist" else "T-shirt/top")
    assert source.answers()["train/11"] == source.classes[1]
    assert source.root == str(tmp_path) and source.location == name and not source.answers_itself
    test = source.test_split()
    assert test is not None and test.location == f"{name}/test" and test.test_split() is None
    assert np.array_equal(test.load("test/4")[1][:, :, 0], content["t10k"][4])
    assert open_source(test.location, root=test.root).keys() == test.keys()


def test_cifar10(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()

    def write(name: str, content: object) -> list[str]:
        data = pickle.dumps(content)
        (folder / name).write_bytes(data)
        return [name, hashlib.md5(data).hexdigest()]

    pixels = RNG.integers(0, 256, (6, 3, 32, 32), dtype=np.uint8)
    batch = {"data": pixels.reshape(6, -1), "labels": [0, 1, 2, 1, 0, 2]}
    train, test = write("data_batch_1", batch), write("test_batch", batch)
    meta = write("batches.meta", {"label_names": ["zebra", "ant", "cow"]})
    monkeypatch.setattr(datasets.CIFAR10, "train_list", [train])
    monkeypatch.setattr(datasets.CIFAR10, "test_list", [test])
    monkeypatch.setattr(datasets.CIFAR10, "meta", {"filename": meta[0], "key": "label_names", "md5": meta[1]})
    source = open_source("cifar10", root=str(tmp_path))
    assert source.classes == ("zebra", "ant", "cow")
    assert source.answers()["train/2"] == "cow"
    assert np.array_equal(source.load("train/5")[1], pixels[5].transpose(1, 2, 0))
