"""The range of values that becomes black and white."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alkit.data.pixel_types import to_uint8
from alkit.data.value_range import find_value_range
from alkit.plugin.sources import open_source


def pool(tmp_path: Path, images: np.ndarray) -> Path:
    np.save(tmp_path / "pool.npy", images)
    return tmp_path / "pool.npy"


@pytest.mark.parametrize(
    ("images", "chosen"),
    [
        (np.array([[[0, 4000]]], np.uint16), (0, 4095)),
        (np.array([[[0, 900]]], np.int32), (0, 1023)),
        (np.array([[[3, 200]]], np.uint16), (0, 255)),
        (np.array([[[0, 60000]]], np.uint16), None),
        (np.array([[[-1000, 2000]]], np.int16), (-1000, 2000)),
        (np.array([[[0, 100000]]], np.int32), (0, 100000)),
        (np.array([[[0, 1]]], np.float32), None),
        (np.array([[[0, 255]]], np.float64), (0, 255)),
        (np.array([[[-2, 0.5]]], np.float32), (-2, 0.5)),
        (np.array([[[7, 7]]], np.uint16), (0, 255)),
    ],
)
def test_integers_and_floats(tmp_path: Path, images: np.ndarray, chosen: tuple[float, float] | None) -> None:
    source = open_source(str(pool(tmp_path, images)))
    found = find_value_range(source, source.keys())
    assert found is not None
    assert found.chosen == chosen
    assert (found.low, found.high) == (images.min(), images.max())


def test_8_bits_are_left_alone(tmp_path: Path) -> None:
    source = open_source(str(pool(tmp_path, np.zeros((2, 4, 4), np.uint8))))
    assert find_value_range(source, source.keys()) is None
    assert np.array_equal(to_uint8(np.array([3, 9], np.uint8), (0, 10)), [3, 9])


def test_values_are_scaled_and_clipped() -> None:
    values = np.array([0, 2047, 4095, 5000], np.uint16)
    assert to_uint8(values, (0, 4095)).tolist() == [0, 127, 255, 255]
    assert to_uint8(np.array([-3.0, -2.0, 0.0, 2.0, 9.0]), (-2, 2)).tolist() == [0, 0, 128, 255, 255]


def test_files_of_16_bits_are_looked_at_without_scaling(tmp_path: Path) -> None:
    (tmp_path / "pool").mkdir()
    for number in range(3):
        Image.fromarray(np.full((5, 6), 1000 * number, np.uint16)).save(tmp_path / "pool" / f"{number}.png")
    Image.new("L", (5, 6), 9).save(tmp_path / "pool" / "grey.png")
    source = open_source(str(tmp_path / "pool"))
    found = find_value_range(source, source.keys())
    assert found is not None
    assert (found.high, found.images, found.chosen) == (2000, 3, (0, 4095))
    source.value_range = (0, 4000)
    assert source.load("2.png")[1].max() == 128
    assert source.load("grey.png")[1].max() == 9
