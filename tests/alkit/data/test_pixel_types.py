"""Values of every type: what is kept, what people see, what a model gets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from alkit.data.loader import Loader
from alkit.data.model_input import Preprocessing, normalize
from alkit.data.pixel_types import as_picture, convert
from alkit.data.preprocessing import resize
from alkit.data.store import ImageStore, StoreWriter
from alkit.errors import UnusableImage

RNG = np.random.default_rng(0)


@given(arrays.arrays(np.uint16, (3, 4, 6)))
def test_sixteen_bits_stay(values: np.ndarray) -> None:
    assert np.array_equal(convert(values, "uint16"), values)
    assert np.array_equal(convert(values, "float32"), values.astype(np.float32))


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.array([[[np.nan]]]), "float32"),
        (np.array([[[1e300]]]), "float32"),
        (np.array([[[0.5]]]), "uint16"),
        (np.array([[[70_000]]], dtype=np.int32), "uint16"),
        (np.array([[[-1]]], dtype=np.int16), "uint16"),
    ],
)
def test_what_a_type_does_not_hold_is_unusable(values: np.ndarray, kind: str) -> None:
    with pytest.raises(UnusableImage):
        convert(values, kind)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 6, 12])
def test_every_image_has_a_picture(dtype: type, channels: int) -> None:
    picture = as_picture((RNG.random((5, 7, channels)) * 200).astype(dtype))
    assert (picture.dtype, picture.shape) == (np.uint8, (5, 7, 3 if channels >= 3 else 1))


def test_a_picture_of_many_channels_uses_the_whole_range() -> None:
    values = RNG.integers(900, 1100, (40, 40, 6)).astype(np.uint16)
    picture = as_picture(values)
    assert (picture.min(), picture.max()) == (0, 255)


def test_a_flat_picture_is_no_error() -> None:
    assert as_picture(np.full((3, 3, 4), 7.0, np.float32)).max() == 0


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [2, 6])
def test_each_channel_is_resized_alone(dtype: type, channels: int) -> None:
    values = (RNG.random((9, 12, channels)) * 250).astype(dtype)
    resized = resize(values, (channels, 4, 6))
    assert (resized.dtype, resized.shape) == (dtype, (channels, 4, 6))
    for channel in range(channels):
        assert np.array_equal(resized[channel], resize(values[:, :, [channel]], (1, 4, 6))[0])


def test_an_image_of_other_channels_does_not_fit() -> None:
    with pytest.raises(UnusableImage, match="image of 4 channels, in a pool of 6"):
        resize(np.zeros((2, 2, 4), np.uint8), (6, 2, 2))


@pytest.mark.parametrize(("kind", "scale"), [("uint16", 60_000), ("float32", 3.0)])
def test_a_store_keeps_and_normalizes_all_types(kind: str, scale: float, tmp_path: Path) -> None:
    values = (RNG.random((70, 5, 4, 3)) * scale).astype(kind)
    with StoreWriter(tmp_path / "rows", (5, 4, 3), pixel_type=kind) as store:
        store.append(values)
    images = ImageStore.open(tmp_path / "rows", (5, 4, 3), 70, pixel_type=kind)
    assert np.array_equal(images.take(np.arange(70)).numpy(), values)
    loaded = Loader(images, torch.device("cpu")).load(np.arange(70), None)
    assert torch.allclose(loaded.mean((0, 2, 3)), torch.zeros(5), atol=1e-4)
    assert torch.allclose(loaded.std((0, 2, 3), unbiased=False), torch.ones(5), atol=1e-3)
    steps = Preprocessing.of(images)
    again = normalize(images.take(np.arange(70)), images.mean, images.std, steps.white)
    assert torch.allclose(loaded, again, atol=1e-4)
    mapped = ImageStore.open(tmp_path / "rows", (5, 4, 3), 70, pixel_type=kind, in_memory=False)
    assert torch.equal(mapped.take(np.arange(70)), images.take(np.arange(70)))


def test_rows_of_another_type_are_refused(tmp_path: Path) -> None:
    with (
        StoreWriter(tmp_path / "rows", (1, 2, 2)) as store,
        pytest.raises(ValueError, match="store of uint8"),
    ):
        store.append(np.zeros((1, 1, 2, 2), np.uint16))


@given(st.floats(-1e6, 1e6, width=32), st.floats(0.0, 1e6, width=32))
def test_pictures_never_fail_on_finite_values(low: float, span: float) -> None:
    values = np.linspace(low, low + span, 48, dtype=np.float32).reshape(4, 3, 4)
    assert as_picture(values).shape == (4, 3, 3)
