"""Small pools of every kind."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image


def png(seed: int) -> bytes:
    """Return a picture."""
    encoded = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (10, 12, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(encoded, "PNG")
    return encoded.getvalue()


def folder(at: Path) -> str:
    for index in range(6):
        (at / "photos" / "ab"[index % 2]).mkdir(parents=True, exist_ok=True)
        (at / "photos" / "ab"[index % 2] / f"{index}.png").write_bytes(png(index))
    return str(at / "photos")


def manifest(at: Path) -> str:
    folder(at)
    (at / "list.csv").write_text("image,label,cost\nphotos/a/0.png,x,3\nphotos/b/1.png,y,\n")
    return str(at / "list.csv")


def arrays(at: Path) -> str:
    values = np.random.default_rng(0).integers(0, 60000, (5, 8, 8, 6)).astype(np.uint16)
    np.savez(at / "images.npz", images=values, labels=np.array(list("ababa")))
    return str(at / "images.npz")


def shard(file: Path, first: int, count: int) -> None:
    """Write a shard as webdataset does."""
    with tarfile.open(file, "w") as archive:
        for index in range(first, first + count):
            facts = json.dumps({"site": "<b>&", "number": index, "nested": {}}).encode()
            for extension, content in (("png", png(index)), ("cls", b"%d" % (index % 2)), ("json", facts)):
                member = tarfile.TarInfo(f"{index:04}.{extension}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))


def shards(at: Path) -> str:
    (at / "shards").mkdir()
    for number in range(2):
        shard(at / "shards" / f"s-{number:03}.tar", 10 * number, 3)
    return str(at / "shards")


def parquet(at: Path) -> str:
    """Write a folder as the hub has them: several files, two splits, numbers for labels."""
    import pyarrow.parquet as pq

    (at / "hub" / "data").mkdir(parents=True)
    for name, first, last in (("train-0", 0, 5), ("train-1", 5, 8), ("test-0", 8, 10)):
        pq.write_table(table(first, last), at / "hub" / "data" / f"{name}.parquet", row_group_size=2)
    return str(at / "hub")


def table(first: int, last: int):
    import pyarrow as pa

    rows = range(first, last)
    made = pa.table(
        {
            "image": [{"bytes": png(index), "path": f"{index}.png"} for index in rows],
            "label": [index % 2 for index in rows],
            "cost": [float(index) for index in rows],
        }
    )
    features = {"image": {"_type": "Image"}, "label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}
    return made.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})


def saved(at: Path) -> str:
    """Write a folder as `save_to_disk` does."""
    import pyarrow as pa

    (at / "saved" / "train").mkdir(parents=True)
    rows = table(0, 4)
    path = str(at / "saved/train/data-00000-of-00001.arrow")
    with pa.OSFile(path, "wb") as file, pa.ipc.new_stream(file, rows.schema) as writer:
        writer.write_table(rows)
    return str(at / "saved")


def remote(at: Path) -> str:
    import fsspec

    system = fsspec.filesystem("memory")
    for index in range(6):
        system.pipe_file(f"/{at.name}/photos/{'ab'[index % 2]}/{index}.png", png(index))
    system.pipe_file(f"/{at.name}/photos/readme.txt", b"hello")
    return f"memory://{at.name}/photos"


MAKERS: dict[str, tuple[str, Callable[[Path], str]]] = {
    "folder": ("folder", folder),
    "manifest": ("csv", manifest),
    "arrays": ("arrays", arrays),
    "digits": ("digits", lambda _: "digits"),
    "shards": ("webdataset", shards),
    "braces": ("webdataset", lambda at: f"webdataset:{shards(at)}/s-{{000..001}}.tar"),
    "parquet": ("parquet", parquet),
    "split": ("parquet", lambda at: f"parquet:{parquet(at)}#test"),
    "saved": ("parquet", saved),
    "remote": ("fsspec", remote),
}
