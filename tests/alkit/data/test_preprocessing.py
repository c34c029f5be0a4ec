"""Images in one shape: choosing it, scanning once, the raw file, and what a store gives back."""

from __future__ import annotations

import os
import threading
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from alkit.data import preprocessing
from alkit.data.aspect import why_in_proportion
from alkit.data.preprocessing import choose_shape, ensure_store, resize, scan, why_shape
from alkit.data.source import DecodedImage, Source
from alkit.data.store import StoreWriter
from alkit.errors import InvalidOption, SourceError
from alkit.plugin.sources import open_source

RNG = np.random.default_rng(0)


def colour(path: Path, size: tuple[int, int] = (8, 8)) -> None:
    """Save random colours of (height, width)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(RNG.integers(0, 256, (*size, 3), dtype=np.uint8)).save(path)


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    """150 images of a few sizes, grey and colour, with duplicates and damage."""
    folder = tmp_path / "pool"
    for number in range(150):
        name = folder / f"{number:03}.png"
        colour(name, ((8, 8), (40, 24), (5, 9))[number % 3])
        if number % 5 == 0:
            Image.open(name).convert("L").save(name)
        if number % 10 == 3:
            name.write_bytes((folder / f"{number - 2:03}.png").read_bytes())
        if number % 20 == 7:
            name.write_bytes(b"" if number < 80 else b"broken")
    return folder


def scanned(
    source: Source, path: Path, shape: tuple[int, int, int], **options: int
) -> list[preprocessing.ImageRecord]:
    with StoreWriter(path, shape) as store:
        return scan(source, source.keys(), store=store, **options)


def raw(path: Path, shape: tuple[int, int, int]) -> np.ndarray:
    return np.fromfile(path, dtype=np.uint8).reshape(-1, *shape)


class TestChooseShape:
    @pytest.mark.parametrize(
        ("sizes", "shape"),
        [
            ([(8, 8)] * 3, (3, 8, 8)),
            ([(20, 96)] * 2, (3, 20, 96)),
            ([(20, 97)] * 2, (3, 58, 58)),
            ([(20, 30), (40, 50), (60, 300)], (3, 45, 45)),
            ([(97, 97)], (3, 64, 64)),
            ([(500, 400), (300, 200)], (3, 64, 64)),
        ],
    )
    def test_defaults(
        self, tmp_path: Path, sizes: list[tuple[int, int]], shape: tuple[int, int, int]
    ) -> None:
        for number, size in enumerate(sizes):
            colour(tmp_path / f"{number}.png", size)
        source = open_source(str(tmp_path))
        assert choose_shape(source, source.keys()) == shape

    def test_grey_only_if_all_are_grey(self, tmp_path: Path) -> None:
        Image.new("L", (8, 8)).save(tmp_path / "a.png")
        Image.new("1", (8, 8)).save(tmp_path / "b.png")
        source = open_source(str(tmp_path))
        assert choose_shape(source, source.keys()) == (1, 8, 8)
        colour(tmp_path / "c.png")
        source = open_source(str(tmp_path))
        assert choose_shape(source, source.keys()) == (3, 8, 8)

    def test_what_is_given_wins(self, tmp_path: Path) -> None:
        colour(tmp_path / "a.png")
        source = open_source(str(tmp_path))
        assert choose_shape(source, source.keys(), size=32) == (3, 32, 32)
        assert choose_shape(source, source.keys(), size=(32, 48), channels=1) == (1, 32, 48)
        assert choose_shape(source, source.keys(), channels=1) == (1, 8, 8)
        with pytest.raises(InvalidOption, match="not 2"):
            choose_shape(source, source.keys(), channels=2)
        with pytest.raises(InvalidOption, match="0 x 0"):
            choose_shape(source, source.keys(), size=0)

    def test_one_usable_image_is_found_wherever_it_is(self, tmp_path: Path) -> None:
        for number in range(200):
            (tmp_path / f"{number:03}.png").write_bytes(b"")
        source = open_source(str(tmp_path))
        with pytest.raises(SourceError, match=r"no image in .* '000.png': empty file"):
            choose_shape(source, source.keys())
        colour(tmp_path / "198.png")
        assert choose_shape(source, source.keys()) == (3, 8, 8)

    def test_no_more_than_a_sample_is_read(self) -> None:
        class Counting(Source):
            location = "counting"
            asked = 0

            def keys(self) -> list[str]:
                return [str(number) for number in range(10_000)]

            def read(self, key: str, *, at_least: tuple[int, int] | None = None) -> DecodedImage:
                self.asked += 1
                return DecodedImage("x", 4, 4, np.zeros((4, 4, 1), np.uint8))

        source = Counting()
        assert choose_shape(source, source.keys()) == (1, 4, 4)
        assert source.asked == 64


class TestScan:
    SHAPE = (3, 8, 8)

    def test_the_same_with_any_number_of_workers(self, pool: Path, tmp_path: Path) -> None:
        source = open_source(str(pool))
        results = []
        for workers in (1, 4, None):
            file = tmp_path / f"store-{workers}"
            with StoreWriter(file, self.SHAPE) as store:
                records = scan(source, source.keys(), store=store, workers=workers)
            results.append((records, file.read_bytes()))
        assert results[0] == results[1] == results[2]
        assert threading.active_count() == 1

    def test_records_and_rows(self, pool: Path, tmp_path: Path) -> None:
        source = open_source(str(pool))
        records = scanned(source, tmp_path / "store", self.SHAPE)
        rows = raw(tmp_path / "store", self.SHAPE)
        assert [record.key for record in records] == source.keys()
        assert [record.index for record in records] == list(range(150))
        assert {r.index for r in records if r.unusable} == {n for n in range(150) if n % 20 == 7}
        duplicates = {r.index: r.duplicate_of for r in records if r.duplicate_of is not None}
        assert duplicates == {n: n - 2 for n in range(150) if n % 10 == 3}
        assert (records[1].height, records[1].width) == (40, 24)
        for record in records:
            if record.unusable:
                assert not rows[record.index].any()
            else:
                pixels = source.load(record.key)[1]
                assert np.array_equal(rows[record.index], resize(pixels, self.SHAPE)), record
        assert np.array_equal(rows[6], np.asarray(Image.open(pool / "006.png")).transpose(2, 0, 1))

    def test_chains_of_duplicates_point_to_the_first(self, tmp_path: Path) -> None:
        colour(tmp_path / "pool/a.png")
        for name in ("b", "c"):
            (tmp_path / f"pool/{name}.png").write_bytes((tmp_path / "pool/a.png").read_bytes())
        records = scanned(open_source(str(tmp_path / "pool")), tmp_path / "store", self.SHAPE)
        assert [record.duplicate_of for record in records] == [None, 0, 0]

    def test_appending_keeps_indices_and_knows_duplicates(self, pool: Path, tmp_path: Path) -> None:
        source = open_source(str(pool))
        keys = source.keys()
        file = tmp_path / "store"
        with StoreWriter(file, self.SHAPE) as store:
            records = list(scan(source, keys[:72], store=store))
        before = file.read_bytes()
        known = {r.hash: r.index for r in records if r.unusable is None and r.duplicate_of is None}
        with StoreWriter(file, self.SHAPE, count=72) as store:
            records += scan(source, keys[72:], first=72, known=known.get, store=store)
        assert file.read_bytes()[: len(before)] == before
        assert records == scanned(source, tmp_path / "at-once", self.SHAPE)
        assert file.read_bytes() == (tmp_path / "at-once").read_bytes()

    def test_rows_are_on_disk_when_it_returns(
        self, pool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        source, sizes = open_source(str(pool)), []
        with StoreWriter(tmp_path / "store", self.SHAPE) as store:
            monkeypatch.setattr(os, "fsync", lambda handle: sizes.append(os.fstat(handle).st_size))
            scan(source, source.keys(), store=store)
            assert sizes == [150 * 3 * 8 * 8]

    def test_progress_counts_every_image(self, pool: Path, tmp_path: Path) -> None:
        class Counter:
            total = done = 0

            def line(self, text: str) -> None:
                raise AssertionError(text)

            def bar(self, total: int, label: str) -> Counter:
                self.total = total
                return self

            def __enter__(self) -> Counter:
                return self

            def __exit__(self, *error: object) -> None:
                pass

            def update(self, count: int) -> None:
                self.done += count

        source, progress = open_source(str(pool)), Counter()
        with StoreWriter(tmp_path / "store", self.SHAPE) as store:
            scan(source, source.keys(), store=store, progress=progress)
        assert progress.done == progress.total == 150

    def test_an_error_in_a_source_is_not_swallowed_and_leaves_no_thread(self, tmp_path: Path) -> None:
        class Broken(Source):
            location = "broken"

            def keys(self) -> list[str]:
                return [str(number) for number in range(1000)]

            def read(self, key: str, *, at_least: tuple[int, int] | None = None) -> DecodedImage:
                if key == "500":
                    raise RuntimeError("a bug")
                return DecodedImage("x", 4, 4, np.zeros((4, 4, 1), np.uint8))

        filters = list(warnings.filters)
        with pytest.raises(RuntimeError, match="a bug"):
            scanned(Broken(), tmp_path / "store", (1, 4, 4), workers=2)
        assert threading.active_count() == 1
        assert list(warnings.filters) == filters


class TestFitted:
    def test_grey_fills_every_channel_and_colour_becomes_luma(self) -> None:
        grey = RNG.integers(0, 256, (4, 6, 1), dtype=np.uint8)
        assert np.array_equal(resize(grey, (3, 4, 6)), np.repeat(grey.transpose(2, 0, 1), 3, axis=0))
        red = np.zeros((2, 2, 3), dtype=np.uint8)
        red[..., 0] = 255
        assert resize(red, (1, 2, 2)).tolist() == [[[76, 76], [76, 76]]]

    @pytest.mark.parametrize("side", [64, 1000])
    def test_shrinking_averages(self, side: int) -> None:
        checkered = (np.indices((side, side)).sum(axis=0) % 2 * 255).astype(np.uint8)[:, :, None]
        assert abs(resize(checkered, (1, 8, 8)).astype(int) - 127.5).max() < 3

    def test_the_whole_image_is_stretched(self) -> None:
        halves = np.zeros((10, 40, 1), dtype=np.uint8)
        halves[:, 20:] = 255
        small = resize(halves, (1, 8, 8))[0]
        assert small[:, :3].max() == 0 and small[:, 5:].min() == 255

    @settings(max_examples=50, deadline=None)
    @given(
        height=st.integers(1, 40),
        width=st.integers(1, 40),
        channels=st.sampled_from([1, 3]),
        shape=st.tuples(st.sampled_from([1, 3]), st.integers(1, 20), st.integers(1, 20)),
        value=st.integers(0, 255),
    )
    def test_one_value_stays_that_value(
        self, height: int, width: int, channels: int, shape: tuple[int, int, int], value: int
    ) -> None:
        result = resize(np.full((height, width, channels), value, dtype=np.uint8), shape)
        assert result.shape == shape and (result == value).all()


class TestStoreWriter:
    ROWS = RNG.integers(0, 256, (5, 1, 2, 3), dtype=np.uint8)

    def test_rows_beyond_the_count_are_overwritten(self, tmp_path: Path) -> None:
        file = tmp_path / "store"
        with StoreWriter(file, (1, 2, 3)) as store:
            store.append(self.ROWS)
        with StoreWriter(file, (1, 2, 3), count=2) as store:
            store.append(self.ROWS[4:])
        assert np.array_equal(raw(file, (1, 2, 3)), self.ROWS[[0, 1, 4]])

    def test_a_torn_row_is_overwritten(self, tmp_path: Path) -> None:
        file = tmp_path / "store"
        file.write_bytes(self.ROWS.tobytes()[:15])
        with StoreWriter(file, (1, 2, 3), count=2) as store:
            store.append(self.ROWS[2:])
        assert np.array_equal(raw(file, (1, 2, 3)), self.ROWS)

    def test_skipping_writes_zeros(self, tmp_path: Path) -> None:
        with StoreWriter(tmp_path / "store", (1, 2, 3)) as store:
            store.skip(200)
            store.append(self.ROWS[:1])
            store.skip(200)
        rows = raw(tmp_path / "store", (1, 2, 3))
        assert len(rows) == 201 and not rows[:200].any() and np.array_equal(rows[200], self.ROWS[0])

    def test_short_files_and_wrong_rows_are_refused(self, tmp_path: Path) -> None:
        (tmp_path / "store").write_bytes(bytes(11))
        with pytest.raises(SourceError, match="fewer than 2 rows"):
            StoreWriter(tmp_path / "store", (1, 2, 3), count=2)
        with StoreWriter(tmp_path / "store", (1, 2, 3)) as store:
            for wrong in (self.ROWS.astype(np.int16), self.ROWS[:, :, :1], self.ROWS[0]):
                with pytest.raises(ValueError, match="rows of"):
                    store.append(wrong)


class TestEnsureStore:
    SHAPE = (3, 8, 8)

    @pytest.mark.parametrize("damage", ["missing", "short", "empty"])
    def test_built_again_identically(self, pool: Path, tmp_path: Path, damage: str) -> None:
        source, file = open_source(str(pool)), tmp_path / "store"
        records = scanned(source, file, self.SHAPE)
        whole = file.read_bytes()
        if damage == "missing":
            file.unlink()
        else:
            file.write_bytes(whole[:-1] if damage == "short" else b"")
        assert ensure_store(file, self.SHAPE, source, records) == []
        assert file.read_bytes() == whole
        assert sorted(path.name for path in tmp_path.iterdir()) == ["pool", "store", "store.crc"]

    def test_a_whole_file_is_left_alone(self, pool: Path, tmp_path: Path) -> None:
        source, file = open_source(str(pool)), tmp_path / "store"
        records = scanned(source, file, self.SHAPE)
        (pool / "000.png").unlink()
        before = file.stat()
        assert ensure_store(file, self.SHAPE, source, records) == []
        assert file.stat() == before or file.stat().st_mtime_ns == before.st_mtime_ns

    def test_changed_images_are_blank_and_told(self, pool: Path, tmp_path: Path) -> None:
        class Lines:
            def __init__(self) -> None:
                self.said: list[str] = []

            def line(self, text: str) -> None:
                self.said.append(text)

            bar = preprocessing.NullProgress.bar

        source, file = open_source(str(pool)), tmp_path / "store"
        records = scanned(source, file, self.SHAPE)
        whole = raw(file, self.SHAPE)
        file.unlink()
        colour(pool / "000.png")
        (pool / "100.png").unlink()
        colour(pool / "007.png")  # was unusable when it was recorded, and stays so
        progress = Lines()
        assert ensure_store(file, self.SHAPE, source, records, progress=progress) == [0, 100]
        assert (
            len(progress.said) == 1
            and "2 images" in progress.said[0]
            and "'000.png', '100.png'" in progress.said[0]
        )
        whole[[0, 100]] = 0
        assert np.array_equal(raw(file, self.SHAPE), whole)


@pytest.mark.parametrize("why", [why_shape, why_in_proportion])
@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ([(3, 300, 400)] * 2, "images of 300 x 400 pixels are resized to 64 x 48"),
        (
            [(3, 300, 400), (3, 200, 100)],
            "images of different sizes (median side 250 pixels) are resized",
        ),
        ([(3, 64, 48)] * 2, ""),
    ],
)
def test_a_resize_is_said_in_words(why: Any, headers: list[tuple[int, int, int]], said: str) -> None:
    keys = [str(number) for number in range(len(headers))]
    source: Any = SimpleNamespace(location="photos", header=lambda key: headers[int(key)])
    found = why(source, keys, (3, 64, 48))
    assert found.startswith(said)
    assert bool(found) == bool(said)
