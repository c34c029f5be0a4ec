"""Images for a browser: as they are where that shows the same, otherwise as a PNG of the pixels."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alkit.data.preprocessing import ImageRecord
from alkit.errors import UnusableImage
from alkit.label_app.images import picture
from alkit.plugin.sources import open_source

PIXELS = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3) * 14
SIDEWAYS = Image.Exif()
SIDEWAYS[0x0112] = 6


def record(source, key: str) -> ImageRecord:
    reading = source.read(key)
    return ImageRecord(0, key, reading.hash, reading.width, reading.height, reading.unusable, None)


def decoded(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)))


@pytest.mark.parametrize(
    ("name", "options", "mimetype"),
    [
        ("a.png", {}, "image/png"),
        ("a.jpg", {}, "image/jpeg"),
        ("turned.jpg", {"exif": SIDEWAYS}, "image/jpeg"),  # every browser turns it
        ("a.webp", {}, "image/webp"),
        ("a.gif", {}, "image/gif"),
        ("named-wrongly.jpg", {"format": "PNG"}, "image/png"),
    ],
)
def test_what_browsers_show_alike_is_served_as_it_is(tmp_path: Path, name, options, mimetype):
    Image.fromarray(PIXELS).save(tmp_path / name, **options)
    source = open_source(str(tmp_path))
    assert picture(source, record(source, name)) == (mimetype, (tmp_path / name).read_bytes())


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.bmp", {}),
        ("a.tif", {}),
        ("turned.png", {"exif": SIDEWAYS}),
        ("turned.webp", {"exif": SIDEWAYS, "lossless": True}),
        ("moving.png", {"save_all": True, "append_images": [Image.new("RGB", (3, 2), "red")]}),
    ],
)
def test_all_else_is_a_png_of_what_alkit_reads(tmp_path: Path, name, options):
    Image.fromarray(PIXELS).save(tmp_path / name, **options)
    source = open_source(str(tmp_path))
    shown = picture(source, record(source, name))
    assert shown.mimetype == "image/png"
    assert np.array_equal(decoded(shown.content), source.load(name)[1])


def test_arrays_grey_and_in_color(tmp_path: Path):
    for name, images in (("grey", PIXELS[None, :, :, 0]), ("color", PIXELS[None])):
        np.save(tmp_path / f"{name}.npy", images)
        source = open_source(str(tmp_path / f"{name}.npy"))
        shown = picture(source, record(source, source.keys()[0]))
        assert np.array_equal(decoded(shown.content), images[0])


@pytest.mark.parametrize("name", ["a.png", "a.bmp"])
@pytest.mark.parametrize("lost", ["gone", "changed", "broken"])
def test_what_is_not_the_listed_image_any_more_is_not_shown(tmp_path: Path, name, lost):
    Image.fromarray(PIXELS).save(tmp_path / name)
    Image.fromarray(PIXELS).save(tmp_path / "other.png")
    source = open_source(str(tmp_path))
    listed = record(source, name)
    if lost == "gone":
        (tmp_path / name).unlink()
    elif lost == "changed":
        Image.fromarray(PIXELS[::-1].copy()).save(tmp_path / name)
    else:
        (tmp_path / name).write_bytes(b"nothing")
    with pytest.raises(UnusableImage):
        picture(source, listed)


def test_then_the_stored_pixels_are_shown(tmp_path: Path, make_pictures, served):
    from alkit.campaign.create import create

    pool = make_pictures(tmp_path / "pool", each=3)
    with create(tmp_path / "camp", str(pool), classes=["blue", "green", "red"]) as campaign:
        campaign.ask(2, strategy="random")
        keys = campaign.state.keys
    client = served(tmp_path / "camp")
    index = client.state()["images"][0]["index"]
    original = decoded(client.ask(f"image/1/{index}").content)
    shutil.rmtree(pool / keys[index].split("/")[0])
    reply = client.ask(f"image/1/{index}")
    assert (reply.status, reply.headers["Content-Type"]) == (200, "image/png")
    assert np.array_equal(decoded(reply.content), original)
