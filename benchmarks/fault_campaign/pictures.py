"""Odd images: every format, mode and size, broken in many ways, under every name."""

from __future__ import annotations

import functools
import io
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image

from . import damage
from .trial import Fault, call
from .world import World, flip

Write = Callable[[Path, Random], None]
FORMATS = {
    "png": "PNG",
    "jpg": "JPEG",
    "webp": "WEBP",
    "bmp": "BMP",
    "tif": "TIFF",
    "gif": "GIF",
    "ppm": "PPM",
}
MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "HSV", "I", "I;16", "F", "PA", "RGBX")
SIZES = ((1, 1), (1, 3000), (3000, 1), (7, 5), (255, 256), (2000, 2000))
NAMES = (
    *(
        "ünïcödé 猫 😀.png",
        "cafe\u0301.png",
        "line\nbreak.png",
        "tab\there.png",
        "\x1b[2J\x1b]0;owned\x07.png",
    ),
    *("\u202egnp.exe.png", " leading and trailing .png", "-c.png", "--help.png", "a,b;c.png", 'quo"te.png'),
    *("it's.png", "per%20cent.png", "back\\slash.png", "hash#query?.png", "..png", "x" * 250 + ".png"),
    *("é" * 120 + ".png", "UPPER.PNG", "two.dots.png", "$(id).png", "`id`.png", "nul.png", "*.png", "0.png"),
    *("\x9b31m.png", "\u2028.png", "=1+1.png", "index.png", "label.png", "~.png", "a:b.png", "<b>&amp;.png"),
)
BYTE_NAMES = (b"latin-\xe9.png", b"\xff\xfe.png", b"\xed\xa0\x80.png")
HEADERS = {"huge": (100_000, 100_000), "empty": (0, 0), "wide": (2**31 - 1, 1)}


def attempt(world: World, number: int, rng: Random) -> str:
    """Make a campaign of good images and an odd one, and use it by several commands."""
    name, write = ALL[number % len(ALL)]
    room = world.room()
    pool, camp = room / "pool", room / "camp"
    pool.mkdir()
    for place in range(4):
        _plain((9, 9), rng).save(pool / f"good-{place}.png")
    write(pool, rng)
    call("init", camp, "--pool", pool, "-q", expect=(0,))
    call("status", "-c", camp, "--images", expect=(0,))
    call("status", "-c", camp, "--images", "--json", expect=(0,))
    call("query", "-c", camp, "-n", "3", "-s", "random", "-q", expect=(0,))
    call("export", "-c", camp, "-f", rng.choice(("csv", "jsonl", "coco", "folders", "cvat", "label-studio")))
    answers = next((camp / "queries").glob("*.csv"))
    answers.write_text(answers.read_text(encoding="utf-8").replace(",0,\n", ",0,odd\n"), encoding="utf-8")
    call("ingest", "-c", camp, answers, "--allow-new-classes", "-q", expect=(0, 1))
    call("update", "-c", camp, "-q", expect=(0,))
    call("report", "-c", camp, "--out", room / "report.html", "--map", "none", expect=(0,))
    if not all((pool / f"good-{place}.png").exists() for place in range(4)):
        raise Fault(f"{name}: an original is gone")
    return name


def _plain(size: tuple[int, int], rng: Random, mode: str = "RGB") -> Image.Image:
    noise = np.frombuffer(rng.randbytes(size[0] * size[1] * 3), np.uint8).reshape(size[1], size[0], 3)
    image = Image.fromarray(noise)
    if mode == "I;16":
        return Image.fromarray(noise[:, :, 0].astype(np.uint16) * 255)
    if mode == "LAB":
        return Image.frombytes("LAB", size, noise.tobytes())
    return (
        image
        if mode == "RGB"
        else image.convert("RGB").convert("L" if mode in ("I", "F") else "RGB").convert(mode)
    )


def _encoded(
    ending: str, rng: Random, size: tuple[int, int] = (9, 9), mode: str = "RGB", **more: object
) -> bytes:
    content = io.BytesIO()
    _plain(size, rng, mode).save(content, FORMATS[ending], **more)
    return content.getvalue()


def _mode(mode: str, ending: str, pool: Path, rng: Random) -> None:
    try:
        content = _encoded(ending, rng, mode=mode)
    except (OSError, ValueError, KeyError):  # this format has no such mode
        content = _encoded(ending, rng)
    (pool / f"odd.{ending}").write_bytes(content)


def _size(size: tuple[int, int], ending: str, pool: Path, rng: Random) -> None:
    (pool / f"odd.{ending}").write_bytes(_encoded(ending, rng, size))


def _damaged(done: damage.Damage, ending: str, pool: Path, rng: Random) -> None:
    path = pool / f"odd.{ending}"
    path.write_bytes(_encoded(ending, rng, (32, 32)))
    done(path, rng)


def _called_otherwise(ending: str, other: str, pool: Path, rng: Random) -> None:
    (pool / f"odd.{other}").write_bytes(_encoded(ending, rng))


def _named(name: str | bytes, pool: Path, rng: Random) -> None:
    path = os.fsencode(pool) + b"/" + (name if isinstance(name, bytes) else name.encode("utf-8"))
    with open(path, "wb") as file:
        file.write(_encoded("png", rng))


def _turned(orientation: int, pool: Path, rng: Random) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    (pool / "odd.jpg").write_bytes(_encoded("jpg", rng, (12, 7), exif=exif))


def _broken_exif(pool: Path, rng: Random) -> None:
    path = pool / "odd.jpg"
    path.write_bytes(_encoded("jpg", rng, exif=b"Exif\x00\x00" + rng.randbytes(200)))


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _declares(size: tuple[int, int], pool: Path, _: Random) -> None:
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0))
    content = (
        b"\x89PNG\r\n\x1a\n" + header + _chunk(b"IDAT", zlib.compress(bytes(100))) + _chunk(b"IEND", b"")
    )
    (pool / "odd.png").write_bytes(content)


def _bomb(kind: bytes, pool: Path, rng: Random) -> None:
    packed = zlib.compress(bytes(2**26))
    text = b"Comment\x00\x00" + packed if kind != b"iTXt" else b"Comment\x00\x01\x00\x00\x00" + packed
    whole = _encoded("png", rng)
    (pool / "odd.png").write_bytes(whole[:33] + _chunk(kind, text) + whole[33:])


def _animated(ending: str, pool: Path, rng: Random) -> None:
    frames = [_plain((9, 9), rng) for _ in range(4)]
    frames[0].save(pool / f"odd.{ending}", FORMATS[ending], save_all=True, append_images=frames[1:])


def _interlaced(pool: Path, rng: Random) -> None:
    (pool / "odd.gif").write_bytes(_encoded("gif", rng, interlace=True))


def _progressive(pool: Path, rng: Random) -> None:
    (pool / "odd.jpg").write_bytes(_encoded("jpg", rng, (64, 64), progressive=True))


def _broken_profile(pool: Path, rng: Random) -> None:
    (pool / "odd.jpg").write_bytes(_encoded("jpg", rng, icc_profile=rng.randbytes(300)))


def _folder_like_an_image(pool: Path, _: Random) -> None:
    (pool / "odd.png").mkdir()


def _loop_of_folders(pool: Path, _: Random) -> None:
    (pool / "loop").symlink_to(pool)


def _deep_folders(pool: Path, rng: Random) -> None:
    deep = pool.joinpath(*(f"level-{level}" for level in range(60)))
    deep.mkdir(parents=True)
    (deep / "odd.png").write_bytes(_encoded("png", rng))


def _same_content(pool: Path, _: Random) -> None:
    (pool / "odd.png").write_bytes((pool / "good-0.png").read_bytes())


def _pnm(header: bytes, pool: Path, rng: Random) -> None:
    (pool / "odd.ppm").write_bytes(header + rng.randbytes(300))


def _many_flips(ending: str, pool: Path, rng: Random) -> None:
    path = pool / f"odd.{ending}"
    path.write_bytes(_encoded(ending, rng, (64, 64)))
    flip(path, rng, 12)


ALL: tuple[tuple[str, Write], ...] = (
    *((f"mode {m} as {e}", functools.partial(_mode, m, e)) for m in MODES for e in ("png", "tif")),
    *((f"{e} of {s}", functools.partial(_size, s, e)) for s in SIZES for e in ("png", "jpg", "gif")),
    *((f"{e} {d.__name__}", functools.partial(_damaged, d, e)) for d in damage.ALL for e in ("png", "jpg")),
    *((f"{e} cut somewhere", functools.partial(_damaged, damage.cut_somewhere, e)) for e in FORMATS),
    *((f"{e} with flips", functools.partial(_many_flips, e)) for e in FORMATS for _ in range(2)),
    *(
        (f"{e} called {o}", functools.partial(_called_otherwise, e, o))
        for e in FORMATS
        for o in ("png", "tif")
    ),
    *((f"name {ascii(n)[:30]}", functools.partial(_named, n)) for n in (*NAMES, *BYTE_NAMES)),
    *((f"orientation {o}", functools.partial(_turned, o)) for o in (0, 2, 3, 4, 5, 6, 7, 8, 9)),
    *((f"{name} header", functools.partial(_declares, size)) for name, size in HEADERS.items()),
    *((f"bomb in {kind!r}", functools.partial(_bomb, kind)) for kind in (b"zTXt", b"iTXt", b"iCCP")),
    *((f"animated {e}", functools.partial(_animated, e)) for e in ("gif", "webp", "png", "tif")),
    *(
        (f"PNM {h!r}", functools.partial(_pnm, h))
        for h in (b"P6 9 9 65535 ", b"P6 -1 9 255 ", b"P3 9 9 255 ", b"P6")
    ),
    ("broken EXIF", _broken_exif),
    ("interlaced GIF", _interlaced),
    ("progressive JPEG", _progressive),
    ("broken color profile", _broken_profile),
    ("folder called like an image", _folder_like_an_image),
    ("loop of folders", _loop_of_folders),
    ("deep folders", _deep_folders),
    ("exact copy", _same_content),
)
