"""A folder of messy files: every kind is usable or not, with a reason, and nothing stops the others."""

from __future__ import annotations

import hashlib
import os
import struct
import time
import warnings
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alkit.data.pixel_types import to_uint8
from alkit.data.preprocessing import scan
from alkit.data.sources import files
from alkit.data.sources.files import MAX_PIXELS
from alkit.data.store import StoreWriter
from alkit.errors import UnusableImage
from alkit.plugin.sources import open_source

RGB = Image.fromarray(np.random.default_rng(0).integers(0, 256, (12, 20, 3), dtype=np.uint8))
GREY = RGB.convert("L")
DEEP = np.linspace(0, 65535, 240).round().astype(np.uint16).reshape(12, 20)


def encoded(image: Image.Image, format: str, **options: object) -> bytes:
    buffer = BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that promises a size and holds almost nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0"))
        + chunk(b"IEND", b"")
    )


def with_exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def two_frames(format: str) -> bytes:
    return encoded(RGB, format, save_all=True, append_images=[RGB.transpose(Image.Transpose.ROTATE_180)])


def translucent(mode: str) -> Image.Image:
    image = RGB.convert(mode)
    image.putalpha(Image.linear_gradient("L").resize(RGB.size))
    return image


JPEG = encoded(RGB, "JPEG")
PNG = encoded(RGB, "PNG")

# Name: (content, channels), or (content, a word of the reason).
KINDS: dict[str, tuple[bytes, int | str]] = {
    "colour.jpg": (JPEG, 3),
    "colour.JPEG": (encoded(RGB, "JPEG", quality=50), 3),
    "two-pictures.jpg": (two_frames("MPO"), 3),
    "two-pictures-turned.jpg": (
        encoded(
            RGB.transpose(Image.Transpose.ROTATE_90),
            "MPO",
            exif=with_exif(6),
            save_all=True,
            append_images=[GREY],
        ),
        3,
    ),
    "progressive.jpg": (encoded(RGB, "JPEG", progressive=True), 3),
    "grey.jpg": (encoded(GREY, "JPEG"), 1),
    "cmyk.jpg": (encoded(RGB.convert("CMYK"), "JPEG"), 3),
    "rotated.jpg": (encoded(RGB.transpose(Image.Transpose.ROTATE_90), "JPEG", exif=with_exif(6)), 3),
    "broken-exif.jpg": (encoded(RGB, "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff"), 3),
    "colour.png": (PNG, 3),
    "palette.png": (encoded(RGB.quantize(16), "PNG"), 3),
    "palette-transparent.png": (encoded(RGB.quantize(16), "PNG", transparency=3), 3),
    "palette-alphas.png": (encoded(RGB.quantize(4), "PNG", transparency=bytes([0, 90, 200, 255])), 3),
    "rgba.png": (encoded(translucent("RGB"), "PNG"), 3),
    "la.png": (encoded(translucent("L"), "PNG"), 1),
    "grey-transparent.png": (encoded(GREY, "PNG", transparency=7), 1),
    "rgb-transparent.png": (encoded(RGB, "PNG", transparency=(1, 2, 3)), 3),
    "one-bit.png": (encoded(GREY.convert("1"), "PNG"), 1),
    "sixteen-bit.png": (encoded(Image.fromarray(DEEP), "PNG"), 1),
    "sixteen-bit.tiff": (encoded(Image.fromarray(DEEP), "TIFF"), 1),
    "float.tif": (encoded(Image.fromarray((DEEP / 65535).astype(np.float32)), "TIFF"), 1),
    "float-large.tif": (encoded(Image.fromarray(DEEP.astype(np.float32)), "TIFF"), "outside"),
    "float-nan.tif": (encoded(Image.fromarray(np.full((12, 20), np.nan, np.float32)), "TIFF"), "finite"),
    "integer.tif": (encoded(Image.fromarray(DEEP.astype(np.int32)), "TIFF"), 1),
    "integer-large.tif": (encoded(Image.fromarray(DEEP.astype(np.int32) * 9), "TIFF"), "16 bits"),
    "lab.tif": (encoded(Image.new("LAB", (20, 12)), "TIFF"), 3),
    "pages.tif": (two_frames("TIFF"), 3),
    "frames.gif": (two_frames("GIF"), 3),
    "colour.bmp": (encoded(RGB, "BMP"), 3),
    "colour.webp": (encoded(RGB, "WEBP", lossless=True), 3),
    "grey.pgm": (encoded(GREY, "PPM"), 1),
    "png-called.jpg": (encoded(RGB, "PNG", compress_level=1), 3),
    "one-pixel.png": (encoded(Image.new("RGB", (1, 1)), "PNG"), 3),
    "empty.jpg": (b"", "empty"),
    "text.jpg": (b"this is no image\n" * 9, "not an image"),
    "page.png": (b"<html><body>404</body></html>", "not an image"),
    "postscript.jpg": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image"),
    "truncated.jpg": (JPEG[: len(JPEG) * 2 // 3], "truncated"),
    "truncated.png": (PNG[: len(PNG) * 2 // 3], "truncated"),
    "truncated.webp": (encoded(RGB, "WEBP")[:60], "decoded"),
    "truncated.gif": (encoded(RGB, "GIF")[:-150], "truncated"),
    "header-only.jpg": (JPEG[:2], "not an image"),
    "broken-data.png": (PNG[:60] + bytes(40) + PNG[100:], "decoded"),
    "lying.png": (png_header(300, 200), "decoded"),
    "bomb.png": (png_header(20_000, 20_000), "too many pixels"),
    "just-too-large.png": (png_header(MAX_PIXELS // 10_000 + 1, 10_000), "too many pixels"),
    "comma, and space.png": (encoded(RGB, "PNG", compress_level=2), 3),
    "two\nlines.png": (encoded(RGB, "PNG", compress_level=3), 3),
    "quote\"d 'n back\\slash.png": (encoded(RGB, "PNG", compress_level=4), 3),
    "Łódź-画像-🙂.png": (encoded(RGB, "PNG", compress_level=5), 3),
    "-o=--help.png": (encoded(RGB, "PNG", compress_level=7), 3),
}


@pytest.fixture(scope="module")
def messy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("messy")
    for name, (content, _) in KINDS.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_is_read_or_refused_with_a_reason(messy: Path, name: str) -> None:
    content, expected = KINDS[name]
    source = open_source(str(messy))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reading, header = source.read(name), source.header(name)
    assert reading.hash == (hashlib.sha256(content).hexdigest() if content else "")
    if isinstance(expected, str):
        assert reading.pixels is None
        assert expected in (reading.unusable or "")
        with pytest.raises(UnusableImage, match=expected):
            source.load(name)
    else:
        assert reading.unusable is None
        assert reading.pixels is not None and reading.pixels.dtype == np.uint8
        size = (1, 1) if name == "one-pixel.png" else (12, 20)
        assert reading.pixels.shape == (*size, expected)
        assert (reading.height, reading.width) == size
        assert header == (expected, *size)


def test_one_scan_takes_all_kinds(messy: Path, tmp_path: Path) -> None:
    source = open_source(str(messy))
    keys = source.keys()
    assert sorted(KINDS) == keys
    with StoreWriter(tmp_path / "store", (3, 8, 8)) as store:
        records = scan(source, keys, store=store, workers=3)
    unusable = {record.key for record in records if record.unusable}
    assert unusable == {name for name, (_, expected) in KINDS.items() if isinstance(expected, str)}
    rows = np.fromfile(tmp_path / "store", dtype=np.uint8).reshape(-1, 3, 8, 8)
    for record in records:
        if record.unusable:
            assert record.duplicate_of is None and not rows[record.index].any(), record


def test_16_bits_are_scaled_not_clipped(messy: Path) -> None:
    for name in ("sixteen-bit.png", "sixteen-bit.tiff", "integer.tif"):
        pixels = open_source(str(messy)).load(name)[1][:, :, 0]
        assert np.array_equal(pixels, np.rint(DEEP / 257).astype(np.uint8)), name
    big_endian = DEEP.astype(">u2")
    assert np.array_equal(to_uint8(big_endian), to_uint8(DEEP))


def test_transparent_is_laid_on_white(tmp_path: Path) -> None:
    alpha = Image.new("RGBA", (3, 1))
    for x, value in enumerate((0, 128, 255)):
        alpha.putpixel((x, 0), (200, 100, 0, value))
    alpha.save(tmp_path / "rgba.png")
    alpha.convert("LA").save(tmp_path / "la.png")
    source = open_source(str(tmp_path))
    pixels = source.load("rgba.png")[1][0].tolist()
    assert pixels[0] == [255, 255, 255] and pixels[2] == [200, 100, 0]
    assert np.allclose(pixels[1], [227, 177, 127], atol=1)
    grey = source.load("la.png")[1][0, :, 0].tolist()
    assert grey[0] == 255 and grey[2] == np.asarray(alpha.convert("L"))[0, 2]


def test_first_frame_counts(messy: Path) -> None:
    expected = np.asarray(RGB)
    assert np.array_equal(open_source(str(messy)).load("pages.tif")[1], expected)
    difference = open_source(str(messy)).load("frames.gif")[1].astype(int) - expected
    assert abs(difference).mean() < 40  # a palette of its own; the other frame is upside down, at about 85


def test_metadata_behind_the_pixels_counts_and_hides_no_damage(tmp_path: Path) -> None:
    turned = RGB.transpose(Image.Transpose.ROTATE_90)
    content = encoded(turned, "PNG", exif=with_exif(6))
    start = content.index(b"eXIf") - 4
    end = start + 12 + int.from_bytes(content[start : start + 4], "big")
    moved = content[:start] + content[end:-12] + content[start:end] + content[-12:]
    (tmp_path / "late.png").write_bytes(moved)
    (tmp_path / "damaged.png").write_bytes(moved[:200] + bytes(100) + moved[300:])
    source = open_source(str(tmp_path))
    assert np.array_equal(source.load("late.png")[1], np.asarray(RGB))
    assert (source.read("late.png").height, source.read("late.png").width) == (12, 20)
    assert "decoded" in (source.read("damaged.png").unusable or "")


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_honoured(tmp_path: Path, format: str, orientation: int) -> None:
    upright = np.zeros((16, 32, 3), dtype=np.uint8)
    upright[:8, :16] = (255, 0, 0)
    upright[8:, 16:] = (0, 0, 255)
    turn = {  # how a camera that is held so stores it: the inverse of what makes it upright
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = Image.fromarray(upright)
    if orientation in turn:
        stored = stored.transpose(turn[orientation])
    file = tmp_path / f"image.{format.lower()}"
    stored.save(file, format, exif=with_exif(orientation), **({"lossless": True} if format == "WEBP" else {}))
    source = open_source(str(tmp_path))
    reading = source.read(file.name)
    assert (reading.height, reading.width) == (16, 32)
    assert source.header(file.name) == (3, 16, 32)
    assert reading.pixels is not None
    difference = reading.pixels.astype(int) - upright
    assert abs(difference[2:6, 2:14]).max() < 8 and abs(difference[10:14, 18:30]).max() < 8


@pytest.mark.parametrize("orientation", [1, 6])
def test_large_jpegs_are_decoded_no_larger_than_needed(tmp_path: Path, orientation: int) -> None:
    Image.linear_gradient("L").resize((1600, 800)).save(tmp_path / "a.jpg", exif=with_exif(orientation))
    size = (1600, 800) if orientation == 6 else (800, 1600)
    reading = open_source(str(tmp_path)).read("a.jpg", at_least=(32, 32))
    assert (reading.height, reading.width) == size
    assert reading.pixels is not None
    assert 64 <= min(reading.pixels.shape[:2]) < 200
    assert reading.pixels.shape[0] * size[1] == reading.pixels.shape[1] * size[0]


def test_decoding_less_knows_of_the_turn(tmp_path: Path) -> None:
    Image.linear_gradient("L").resize((1600, 800)).save(tmp_path / "a.jpg", exif=with_exif(6))
    reading = open_source(str(tmp_path)).read("a.jpg", at_least=(400, 100))
    assert reading.pixels is not None and reading.pixels.shape == (800, 400, 1)


def test_very_large_images_are_decoded_one_at_a_time(messy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded, at_once, most = files._decoded, [], []

    def slowly(image: Image.Image, at_least: tuple[int, int] | None) -> np.ndarray:
        at_once.append(image)
        most.append(len(at_once))
        time.sleep(0.01)
        at_once.pop()
        return decoded(image, at_least)

    monkeypatch.setattr(files, "_decoded", slowly)
    source = open_source(str(messy))
    for limit, together in ((10, False), (2**26, True)):
        monkeypatch.setattr(files, "LARGE_PIXELS", limit)
        most.clear()
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(source.read, ["colour.png"] * 8))
        assert (max(most) > 1) is together


def test_many_pixels_below_the_limit_raise_no_warning(tmp_path: Path) -> None:
    Image.new("1", (10_000, 9_000)).save(tmp_path / "large.png")  # Pillow warns from 89.5 million
    assert open_source(str(tmp_path)).load("large.png")[1].shape == (9_000, 10_000, 1)


def test_reading_leaves_the_warning_filters_alone(messy: Path) -> None:
    before = list(warnings.filters)
    source = open_source(str(messy))
    source.load("broken-exif.jpg")
    assert list(warnings.filters) == before


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    RGB.save(tmp_path / "a.png")
    source = open_source(str(tmp_path))
    (tmp_path / "a.png").unlink()
    assert source.read("a.png").unusable == "no such file"
    assert source.header("a.png") is None
    os.mkfifo(tmp_path / "pipe.png")
    assert source.read("pipe.png").unusable == "not a file"
    (tmp_path / "folder.png").mkdir()
    assert source.read("folder.png").unusable == "not a file"
    with open(tmp_path / "sparse.png", "wb") as file:
        file.truncate(2**30 + 1)
    assert "over the limit" in (source.read("sparse.png").unusable or "")


def test_permission_denied(tmp_path: Path, deny: Callable[[Path], None]) -> None:
    RGB.save(tmp_path / "a.png")
    source = open_source(str(tmp_path))
    deny(tmp_path / "a.png")
    reading = source.read("a.png")
    assert reading.hash == "" and reading.unusable == "permission denied"
    assert source.header("a.png") is None
