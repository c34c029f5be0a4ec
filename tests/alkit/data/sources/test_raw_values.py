"""Files that Pillow does not open, or not with all bits."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alkit.data.sources.files import decode, stored_values_of
from alkit.errors import SourceError
from alkit.plugin.sources import open_source

RNG = np.random.default_rng(0)


def deep_png(values: np.ndarray) -> bytes:
    """Encode [H, W, 3 or 4] uint16, which Pillow cannot."""
    rows = b"".join(b"\x00" + row.astype(">u2").tobytes() for row in values)

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    height, width, channels = values.shape
    header = struct.pack(">IIBBBBB", width, height, 16, 2 if channels == 3 else 6, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def npy(values: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue()


def test_color_png_keeps_sixteen_bits() -> None:
    values = RNG.integers(0, 65536, (5, 7, 3)).astype(np.uint16)
    assert np.array_equal(decode(deep_png(values), "uint16").pixels, values)
    assert decode(deep_png(values)).pixels.dtype == np.uint8  # as campaigns of 8 bits have always had it
    assert stored_values_of(deep_png(values)) == ("uint16", values.min(), values.max())


def test_transparent_pixels_are_white() -> None:
    values = RNG.integers(0, 65536, (5, 7, 4)).astype(np.uint16)
    values[:, :3, 3], values[:, 3:, 3] = 0, 65535
    pixels = decode(deep_png(values), "uint16").pixels
    assert (pixels[:, :3] == 65535).all()
    assert np.array_equal(pixels[:, 3:], values[:, 3:, :3])


@pytest.mark.parametrize("shape", [(6, 9, 11), (9, 11, 6)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_multispectral_tiff(shape: tuple[int, int, int], dtype: type) -> None:
    tifffile = pytest.importorskip("tifffile")
    values = (RNG.random(shape) * 200).astype(dtype)
    file = io.BytesIO()
    planar = "separate" if shape[0] == 6 else "contig"
    tifffile.imwrite(file, values, photometric="minisblack", planarconfig=planar)
    kind = np.dtype(dtype).name
    found = decode(file.getvalue(), kind)
    expected = values.transpose(1, 2, 0) if shape[0] == 6 else values
    assert found.unusable is None
    assert np.array_equal(found.pixels, expected)


@pytest.mark.parametrize("values", [RNG.random((6, 8)), RNG.random((8, 9, 5)), RNG.random((5, 8, 9))])
def test_arrays_are_images(values: np.ndarray) -> None:
    pixels = decode(npy(values.astype(np.float32)), "float32").pixels
    assert pixels.shape[:2] == ((6, 8) if values.ndim == 2 else (8, 9))


@pytest.mark.parametrize(
    "content",
    [
        npy(np.zeros(4)),
        npy(np.zeros((2, 3, 4, 5))),
        npy(np.zeros((4, 4), np.complex64)),
        npy(np.array([{}], dtype=object)),
        npy(np.zeros((4, 4)))[:100],
        b"\x93NUMPY",
        b"II*\x00" + b"\xff" * 80,
        deep_png(np.zeros((4, 4, 3), np.uint16))[:45],
    ],
)
def test_broken_files_have_a_reason(content: bytes) -> None:
    found = decode(content, "float32")
    assert found.pixels is None
    assert found.unusable


def test_arrays_beside_pictures_are_not_images(tmp_path: Path) -> None:
    np.save(tmp_path / "embeddings.npy", np.zeros((6, 8), np.float32))
    with pytest.raises(SourceError):
        open_source(str(tmp_path / "nothing"))
    assert open_source(str(tmp_path)).keys() == ["embeddings.npy"]
    Image.new("L", (3, 3)).save(tmp_path / "a.png")
    assert open_source(str(tmp_path)).keys() == ["a.png"]
