"""Array files: shapes, types, labels, and what is refused."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from alkit.errors import SourceError
from alkit.plugin.sources import open_source

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (11, 5, 7, 3), dtype=np.uint8)


def saved(folder: Path, array: np.ndarray) -> str:
    np.save(folder / "images.npy", array)
    return str(folder / "images.npy")


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (PIXELS, PIXELS),
        (PIXELS[..., 0], PIXELS[..., :1]),
        (PIXELS[..., :1], PIXELS[..., :1]),
        (PIXELS.transpose(0, 3, 1, 2), PIXELS),
        (PIXELS[..., :1].transpose(0, 3, 1, 2), PIXELS[..., :1]),
        (PIXELS[:, :3], PIXELS[:, :3]),  # [N, 3, W, 3] is read as [N, H, W, C]
        (np.asfortranarray(PIXELS), PIXELS),
        (PIXELS.astype(np.uint16) * 257, PIXELS),
        ((PIXELS / 255).astype(np.float32), PIXELS),
        ((PIXELS / 255).astype(np.float16), PIXELS),
        (PIXELS > 99, (PIXELS > 99) * np.uint8(255)),
    ],
)
def test_shapes_and_types(tmp_path: Path, array: np.ndarray, expected: np.ndarray) -> None:
    source = open_source(saved(tmp_path, array))
    assert source.keys() == [f"{index:02}" for index in range(11)]
    assert source.answers() == {}
    for key, image in zip(source.keys(), expected, strict=True):
        assert np.array_equal(source.load(key)[1], image)
        assert source.header(key) == (image.shape[2], *image.shape[:2])


def test_hash_is_of_type_shape_and_values(tmp_path: Path) -> None:
    wide, tall = PIXELS[:2, :4, :2, 0].copy(), PIXELS[:2, :4, :2, 0].reshape(2, 2, 4)
    hashes = set()
    for array in (wide, tall, wide.astype(np.uint16), wide + 1):
        hashes.add(open_source(saved(tmp_path, array)).load("0")[0])
    assert len(hashes) == 4
    assert open_source(saved(tmp_path, wide)).load("0")[0] in hashes


def test_images_with_impossible_values_are_unusable(tmp_path: Path) -> None:
    array = np.full((4, 3, 3), 0.5)
    array[1, 0, 0] = np.nan
    array[2, 0, 0] = -np.inf
    array[3, 0, 0] = 255
    source = open_source(saved(tmp_path, array))
    keys = source.keys()
    reasons = [source.read(key).unusable for key in keys]
    assert reasons[0] is None
    assert "finite" in str(reasons[1]) and "finite" in str(reasons[2]) and "outside [0, 1]" in str(reasons[3])
    assert source.read("4").unusable and source.read("x").unusable


@pytest.mark.parametrize("names", [("images", "labels"), ("x", "y"), ("anything", "labels")])
def test_npz_with_labels(tmp_path: Path, names: tuple[str, str]) -> None:
    labels = np.array([10, 9, 10] + [2] * 8)
    np.savez(tmp_path / "a.npz", **{names[0]: PIXELS, names[1]: labels})
    source = open_source(str(tmp_path / "a.npz"))
    assert source.classes == ("2", "9", "10")
    assert source.answers()["00"] == "10" and source.answers()["10"] == "2"
    assert np.array_equal(source.load("03")[1], PIXELS[3])


def test_npz_with_names_or_without_labels(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", images=PIXELS[:2], y=np.array(["dog", "cat"]))
    assert open_source(str(tmp_path / "a.npz")).answers() == {"0": "dog", "1": "cat"}
    np.savez(tmp_path / "b.npz", PIXELS)
    assert open_source(str(tmp_path / "b.npz")).answers() == {}


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (PIXELS[0, 0], "make it"),
        (PIXELS[..., None], "make it"),
        (PIXELS[:0], "has no images"),
        (PIXELS.astype(np.int64), "type int64"),
        (PIXELS.astype(np.complex64), "type complex64"),
        (np.array([{}]), "cannot be read"),
    ],
)
def test_what_is_refused(tmp_path: Path, array: np.ndarray, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        open_source(saved(tmp_path, array))


def test_files_that_are_no_arrays(tmp_path: Path) -> None:
    for name, content in (("a.npy", b""), ("b.npy", b"text"), ("c.npz", b""), ("d.npz", b"PK\3\4 broken")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(SourceError, match="cannot be read"):
            open_source(str(tmp_path / name))
    np.savez(tmp_path / "e.npz", first=PIXELS, second=PIXELS)
    with pytest.raises(SourceError, match="first, second"):
        open_source(str(tmp_path / "e.npz"))
    np.savez(tmp_path / "f.npz", images=PIXELS, labels=np.arange(3))
    with pytest.raises(SourceError, match="11 images but 3 labels"):
        open_source(str(tmp_path / "f.npz"))
    np.savez(tmp_path / "g.npz", images=PIXELS, labels=np.linspace(0, 1, 11))
    with pytest.raises(SourceError, match="integers or text"):
        open_source(str(tmp_path / "g.npz"))


def declared(shape: str) -> bytes:
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + bytes(100)


@pytest.mark.parametrize(
    "shape", ["(1000000, 4096, 4096, 3)", "(-1, 2, 2)", "(10**30, 9, 9)", "()", "(99999999999, 1, 1)", "(((("]
)
@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_an_array_that_is_not_what_it_declares_is_refused(tmp_path: Path, shape: str, suffix: str) -> None:
    path = tmp_path / f"pool{suffix}"
    if suffix == ".npy":
        path.write_bytes(declared(shape))
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("images.npy", declared(shape))
    with pytest.raises(SourceError, match=r"pool\.np"):
        open_source(str(path))


def test_arrays_larger_than_memory_are_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alkit.data.sources.arrays.available_memory", lambda: 4000)
    np.savez_compressed(tmp_path / "pool.npz", images=np.zeros((30, 9, 9), np.uint8))
    with pytest.raises(SourceError, match=r"declares arrays of .* save the images as an \.npy file"):
        open_source(str(tmp_path / "pool.npz"))
