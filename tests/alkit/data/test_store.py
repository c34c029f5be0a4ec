"""The raw file of images: taken by index from memory or mapped, with statistics."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from alkit.data import store as store_module
from alkit.data.store import ImageStore
from alkit.errors import SourceError

RNG = np.random.default_rng(1)


class TestImageStore:
    PIXELS = RNG.integers(0, 256, (300, 3, 4, 5), dtype=np.uint8)

    @pytest.fixture(params=["array", "memory", "mapped"])
    def store(self, request: pytest.FixtureRequest, tmp_path: Path) -> ImageStore:
        if request.param == "array":
            return ImageStore.from_array(self.PIXELS)
        (tmp_path / "store").write_bytes(self.PIXELS.tobytes())
        mapped = request.param == "mapped"
        return ImageStore.open(tmp_path / "store", (3, 4, 5), 300, in_memory=not mapped)

    def test_take(self, store: ImageStore) -> None:
        assert len(store) == 300 and store.shape == (3, 4, 5)
        for indices in (np.arange(10, 60), RNG.integers(0, 300, 64), np.array([7, 7, 0]), np.arange(0)):
            taken = store.take(indices)
            assert taken.dtype == torch.uint8 and taken.shape == (len(indices), 3, 4, 5)
            assert np.array_equal(taken.numpy(), self.PIXELS[indices])

    def test_what_is_taken_is_a_copy(self, store: ImageStore) -> None:
        store.take(np.arange(5)).zero_()
        assert np.array_equal(store.take(np.arange(5)).numpy(), self.PIXELS[:5])

    def test_out_of_range_is_refused(self, store: ImageStore) -> None:
        with pytest.raises(IndexError):
            store.take(np.array([300]))

    def test_mean_and_std(self, store: ImageStore) -> None:
        values = self.PIXELS / 255
        assert store.mean.dtype == store.std.dtype == torch.float32
        assert np.allclose(store.mean, values.mean(axis=(0, 2, 3)), atol=1e-6)
        assert np.allclose(store.std, values.std(axis=(0, 2, 3)), atol=1e-6)

    def test_unusable_rows_do_not_count(self) -> None:
        pixels = self.PIXELS.copy()
        usable = np.ones(300, dtype=bool)
        usable[::3] = False
        pixels[::3] = 0
        store = ImageStore.from_array(pixels, usable)
        assert np.allclose(store.mean, (pixels[usable] / 255).mean(axis=(0, 2, 3)), atol=1e-6)
        assert np.allclose(store.std, (pixels[usable] / 255).std(axis=(0, 2, 3)), atol=1e-6)

    def test_std_is_never_zero(self) -> None:
        store = ImageStore.from_array(np.full((3, 2, 4, 4), 7, dtype=np.uint8))
        assert torch.allclose(store.std, torch.full((2,), 1 / 255))
        assert torch.allclose(store.mean, torch.full((2,), 7 / 255))
        nothing = ImageStore.from_array(self.PIXELS, np.zeros(300, dtype=bool))
        assert torch.isfinite(nothing.mean).all() and (nothing.std > 0).all()

    def test_statistics_come_from_a_spread_sample(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(store_module, "STATISTICS_SAMPLE", 4)
        pixels = np.arange(8, dtype=np.uint8).reshape(8, 1, 1, 1)
        assert ImageStore.from_array(pixels).mean.item() == pytest.approx((0 + 2 + 4 + 6) / 4 / 255)

    def test_loaded_or_mapped_by_free_memory(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "store").write_bytes(self.PIXELS.tobytes())
        size = self.PIXELS.nbytes
        for free, loaded in ((4 * size + 8, True), (4 * size, False)):
            monkeypatch.setattr(store_module, "available_memory", lambda free=free: free)
            store = ImageStore.open(tmp_path / "store", (3, 4, 5), 300)
            assert store._pixels.flags.writeable is loaded

    def test_large_pools_are_mapped_even_where_memory_is_free(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "store").write_bytes(self.PIXELS.tobytes())
        monkeypatch.setattr(store_module, "MOST_IN_MEMORY", self.PIXELS.nbytes)
        assert not ImageStore.open(tmp_path / "store", (3, 4, 5), 300)._pixels.flags.writeable

    def test_open_takes_the_first_rows(self, tmp_path: Path) -> None:
        (tmp_path / "store").write_bytes(self.PIXELS.tobytes())
        assert len(ImageStore.open(tmp_path / "store", (3, 4, 5), 10)) == 10
        assert len(ImageStore.open(tmp_path / "store", (3, 4, 5), 0, in_memory=False)) == 0
        with pytest.raises(SourceError, match="fewer than 301 rows"):
            ImageStore.open(tmp_path / "store", (3, 4, 5), 301)
        with pytest.raises(SourceError, match="fewer than 1 rows"):
            ImageStore.open(tmp_path / "none", (3, 4, 5), 1)

    def test_other_arrays_are_refused(self) -> None:
        for wrong in (self.PIXELS.astype(np.float64), self.PIXELS.astype(np.int16), self.PIXELS[0]):
            with pytest.raises(ValueError, match="uint8"):
                ImageStore.from_array(wrong)


def test_available_memory_is_a_number_of_bytes() -> None:
    assert 2**20 < store_module.available_memory() < 2**50
