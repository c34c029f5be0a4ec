"""Odd files of every kind that a command reads: answers, pools in arrays and lists, protocols, weights."""

from __future__ import annotations

import functools
import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np

from . import damage
from .trial import call
from .world import World

FORMATS = {
    **{"csv": ".csv", "jsonl": ".jsonl", "label-studio": ".json", "cvat": ".xml", "coco": ".json"},
    **{"folders": "", "fiftyone": ".zip"},
}
Write = Callable[[World, Path, Random], list[tuple[str | Path, ...]]]
CELLS = (
    "",
    " ",
    "nan",
    "\x1b[2J",
    "x" * 5000,
    "\x00",
    "0",
    "-1",
    "1e99",
    "red/00.png",
    "ünïcödé",
    "\udcff",
    '"',
)


def attempt(world: World, number: int, rng: Random) -> str:
    """Let commands read an odd file."""
    name, write = ALL[number % len(ALL)]
    for words in write(world, world.room(), rng):
        call(*words)
    return name


def _answers(
    format: str, done: damage.Damage, world: World, room: Path, rng: Random
) -> list[tuple[str | Path, ...]]:
    camp = world.copy("asked", room)
    path = room / f"answers{FORMATS[format]}"
    call("export", "-c", camp, "-f", format, "--out", path, "--labeled", "-q")
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    if files:
        done(rng.choice(files), rng)
    return [
        ("ingest", "-c", camp, path, "-q"),
        ("ingest", "-c", camp, path, "-f", format, "--dry-run", "--json"),
    ]


def _json(content: str, world: World, room: Path, rng: Random) -> list[tuple[str | Path, ...]]:
    camp, path = world.copy("asked", room), room / rng.choice(("answers.json", "answers.jsonl"))
    path.write_text(content)
    return [("ingest", "-c", camp, path)]


def _xml(content: str, world: World, room: Path, _: Random) -> list[tuple[str | Path, ...]]:
    camp, path = world.copy("asked", room), room / "answers.xml"
    path.write_text(content)
    return [("ingest", "-c", camp, path), ("ingest", "-c", camp, path, "-f", "cvat")]


def _table(world: World, room: Path, rng: Random) -> list[tuple[str | Path, ...]]:
    """Answers, known labels and a list of images at once: any header, any cells."""
    camp, path = world.copy("labeled", room), room / "table.csv"
    header = rng.sample(("image", "label", "index", "hash", "annotator", "time", "cost", "path", "x", ""), 4)
    rows = [[rng.choice(CELLS) for _ in range(rng.randint(1, 6))] for _ in range(rng.randint(0, 8))]
    between, end = rng.choice((",", ";", "\t")), rng.choice(("\n", "\r\n", "\r"))
    text = end.join(between.join(row) for row in [header, *rows])
    path.write_bytes(text.encode(rng.choice(("utf-8", "utf-16", "latin-1", "utf-8-sig")), "replace"))
    return [
        ("ingest", "-c", camp, path, "--allow-new-classes"),
        ("init", room / "new", "--pool", world.pool, "--labels", path, "-q"),
        ("init", room / "list", "--pool", path, "-q"),
        (
            "run",
            "-c",
            camp,
            "-n",
            "2",
            "--cycles",
            "1",
            "--oracle",
            "file",
            "--oracle-option",
            f"path={path}",
            "-q",
        ),
    ]


def _arrays(
    made: Callable[[Random], bytes], ending: str, _: World, room: Path, rng: Random
) -> list[tuple[str | Path, ...]]:
    path = room / f"pool{ending}"
    path.write_bytes(made(rng))
    return [
        ("init", room / "camp", "--pool", path, "-q"),
        ("init", room / "two", "--pool", path, "--test", path),
    ]


def _saved(array: np.ndarray, _: Random) -> bytes:
    content = io.BytesIO()
    np.save(content, array)
    return content.getvalue()


def _declared(shape: str, rng: Random) -> bytes:
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}"
    header = header.ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + rng.randbytes(100)


def _packed(shape: str, rng: Random) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images.npy", _declared(shape, rng))
    return content.getvalue()


def _named_arrays(rng: Random) -> bytes:
    content = io.BytesIO()
    labels: dict[str, np.ndarray] = {
        "labels": np.array(
            rng.choice(([1, 2, 3], [1, 2], [[1], [2], [3]], [1.5, 2, 3], ["\x1b[2J", "b", "c"]))
        )
    }
    np.savez(content, images=np.frombuffer(rng.randbytes(300), np.uint8).reshape(3, 10, 10), **labels)
    return content.getvalue()


def _damaged_arrays(
    done: damage.Damage, ending: str, _: World, room: Path, rng: Random
) -> list[tuple[str | Path, ...]]:
    path = room / f"pool{ending}"
    images = np.frombuffer(rng.randbytes(1200), np.uint8).reshape(4, 10, 10, 3)
    np.save(path, images) if ending == ".npy" else np.savez(path, images=images, labels=np.arange(4))
    done(path, rng)
    return [("init", room / "camp", "--pool", path, "-q")]


def _listed(done: damage.Damage, world: World, room: Path, rng: Random) -> list[tuple[str | Path, ...]]:
    path = room / "list.csv"
    lines = [f"{world.pool}/{color}/0{n}.png,{color}" for color in ("red", "blue") for n in range(4)]
    path.write_text("\n".join(["image,label", *lines]))
    done(path, rng)
    return [("init", room / "camp", "--pool", path, "-q")]


def _protocol(done: damage.Damage, _: World, room: Path, rng: Random) -> list[tuple[str | Path, ...]]:
    path = room / "mine.toml"
    path.write_text('name = "mine"\nseeds = [0]\n[data]\npool = "digits"\n[labels]\nstart = 10\n')
    done(path, rng)
    return [("bench", path, "--show"), ("bench", path, "--report-only", "--out", room / "out")]


def _results(done: damage.Damage, _: World, room: Path, rng: Random) -> list[tuple[str | Path, ...]]:
    path = room / "results" / "records.jsonl"
    path.parent.mkdir()
    path.write_text('{"kind": "cycle", "strategy": "random", "seed": 0, "cycle": 0, "labels": 10}\n' * 3)
    done(path, rng)
    return [("bench", path.parent, "--report-only"), ("bench", "compare", path.parent, path.parent)]


def _weights(done: damage.Damage, world: World, room: Path, rng: Random) -> list[tuple[str | Path, ...]]:
    camp, path = room / "camp", room / rng.choice(("weights.pt", "weights.safetensors"))
    source = next((world.folder / "asked" / "checkpoints").glob("*.pt"))
    path.write_bytes(source.read_bytes())
    done(path, rng)
    return [("init", camp, "--pool", world.pool, "--labels", world.known, "-t", f"weights={path}", "-q")]


def _strategy(done: damage.Damage, world: World, room: Path, rng: Random) -> list[tuple[str | Path, ...]]:
    camp, path = world.copy("labeled", room), room / "mine.py"
    path.write_text("from alkit import Strategy\n\nclass Mine(Strategy):\n    pass\n")
    done(path, rng)
    return [("query", "-c", camp, "-n", "2", "-s", f"{path}:Mine", "-q"), ("strategies", f"{path}:Mine")]


JSON = (
    "[" * 100_000,
    '{"a":' * 50_000,
    "[]",
    "{}",
    "null",
    "7",
    '"text"',
    "[[[]]]",
    '[{"id": {}}]',
    '{"images": 3}',
)
XML = (
    '<annotations><image name="' + "x" * 5_000_000 + '"/></annotations>',
    "<!--" + "x" * 5_000_000 + "-->",
    "<a>" * 50_000,
    '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
    "<annotations/>",
    '<annotations><image id="0" name="\u202e" width="x" height="-1"/></annotations>',
)
SHAPES = (
    "(1000000, 4096, 4096, 3)",
    "(-1, 2, 2)",
    "(2, 2, 2, 2, 2)",
    "()",
    "(0, 9, 9)",
    "(10**30, 9, 9)",
    "(9" * 500,
)
ARRAYS = (
    np.zeros((3, 9, 9), object) * 0.5,
    np.full((3, 9, 9), np.nan),
    np.full((3, 9, 9), 300.0),
    np.zeros((3, 9, 9), np.int64),
    np.zeros((3, 9, 9), np.complex64),
    np.zeros((3, 1, 9, 9), bool),
    np.zeros((0, 9, 9), np.uint8),
    np.zeros((3, 9), np.uint8),
    np.array("text"),
    np.zeros(3, dtype=[("a", "u1")]),
)
ALL: tuple[tuple[str, Write], ...] = (
    *((f"{f} {d.__name__}", functools.partial(_answers, f, d)) for f in FORMATS for d in damage.ALL),
    *((f"JSON {text:.20}", functools.partial(_json, text)) for text in JSON),
    *((f"XML {text:.20}", functools.partial(_xml, text)) for text in XML),
    *((f"table {number}", _table) for number in range(40)),
    *(
        (f"npy {shape:.30}", functools.partial(_arrays, functools.partial(_declared, shape), ".npy"))
        for shape in SHAPES
    ),
    *(
        (f"npz {shape:.30}", functools.partial(_arrays, functools.partial(_packed, shape), ".npz"))
        for shape in SHAPES
    ),
    *(
        (f"npy {a.dtype} {a.shape}", functools.partial(_arrays, functools.partial(_saved, a), ".npy"))
        for a in ARRAYS
    ),
    *((f"npz labels {n}", functools.partial(_arrays, _named_arrays, ".npz")) for n in range(5)),
    *(
        (f"{e} {d.__name__}", functools.partial(_damaged_arrays, d, e))
        for e in (".npy", ".npz")
        for d in damage.ALL
    ),
    *((f"list {d.__name__}", functools.partial(_listed, d)) for d in damage.ALL),
    *((f"protocol {d.__name__}", functools.partial(_protocol, d)) for d in damage.ALL),
    *((f"results {d.__name__}", functools.partial(_results, d)) for d in damage.ALL),
    *((f"weights {d.__name__}", functools.partial(_weights, d)) for d in damage.ALL),
    *((f"strategy {d.__name__}", functools.partial(_strategy, d)) for d in damage.ALL),
)
