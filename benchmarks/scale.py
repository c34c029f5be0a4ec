"""How time, memory and disk of each command grow with the pool.

    python benchmarks/scale.py --out benchmarks/results/growth --sizes 10000,100000,1000000,10000000
    python benchmarks/scale.py --out benchmarks/results/scale --pool images --sizes 1000000

`vectors` makes files of 128 numbers a row (float16, a thousand clouds of points), which are mapped, and
chooses by them alone: random images, their answers, k-center, and an update with new rows at the end.
`images` makes files of 3 x 32 x 32 pixels (ten classes of noisy patterns), `tiny-images` of 3 x 8 x 8, and
a campaign with 1,000 labels, whose task model is `small-cnn`, trained for a few epochs only, because memory
is the question here. Each command is a process of its own. Peak memory is that of the whole process,
including mapped pages. A busy machine changes wall time, but not processor time. The chart shows how each
command grows.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from common import about, parser

DIMENSIONS, CLOUDS = 128, 1000
BLOCK = 100_000
HEADER = 128  # bytes of an .npy file before its rows
Row = dict[str, Any]


LAUNCHER = """
import json, os, subprocess, sys, time
started = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
seconds, cpu = time.perf_counter() - started, usage.ru_utime + usage.ru_stime
taken = {"seconds": round(seconds, 1), "cpu": round(cpu, 1), "peak_mb": round(usage.ru_maxrss / 1024)}
print(json.dumps([status, taken]))
"""
"""Runs a command. A process counts the peak memory of the one that starts it, so this one is small."""


def measured(command: list[str]) -> Row:
    """Run a command; return its seconds, and the peak memory of its process in MB."""
    launch = [sys.executable, "-S", "-c", LAUNCHER, sys.executable, "-m", "alkit", *command]
    status, taken = json.loads(subprocess.run(launch, stdout=subprocess.PIPE, check=True).stdout)
    if status:
        raise SystemExit(f"{' '.join(command)} failed")
    row: Row = taken
    return row


def disk_mb(folder: Path) -> int:
    """Return the size of all files in a folder, in MB."""
    return round(sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 2**20)


def make_vectors(file: Path, count: int) -> None:
    """Write points around some centers."""
    rng = np.random.default_rng(0)
    centers = rng.standard_normal((CLOUDS, DIMENSIONS), dtype=np.float32)
    rows = np.lib.format.open_memmap(file, "w+", np.float16, (count, DIMENSIONS))
    for start in range(0, count, BLOCK):
        size = min(BLOCK, count - start)
        noise = rng.standard_normal((size, DIMENSIONS), dtype=np.float32)
        rows[start : start + size] = centers[rng.integers(CLOUDS, size=size)] + noise / 2
    rows.flush()


def declare(file: Path, count: int) -> None:
    """Say in the header of a file of vectors how many rows there are; those beyond are not seen."""
    shape = f"{{'descr': '<f2', 'fortran_order': False, 'shape': ({count}, {DIMENSIONS}), }}"
    with file.open("r+b") as stream:
        stream.seek(10)
        stream.write(shape.ljust(HEADER - 11).encode() + b"\n")


def answer(query: Path, answers: Path) -> None:
    """Answer all images of a query, with ten classes."""
    with query.open() as asked, answers.open("w") as file:
        file.write("index,image,label\n")
        for at, row in enumerate(csv.DictReader(asked)):
            file.write(f"{row['index']},{row['image']},class{at % 10}\n")


def on_vectors(folder: Path, count: int) -> Iterator[tuple[str, Row]]:
    """Yield what each command takes on a pool of vectors."""
    file, campaign, answers = folder / "pool.npy", folder / "campaign", folder / "answers.csv"
    fresh = count // 1000
    picks = min(10_000, count // 100)
    at = ["--campaign", str(campaign)]
    make_vectors(file, count)
    declare(file, count - fresh)
    yield "init", measured(["init", str(campaign), "--pool", f"vectors:{file}"])
    yield "status", measured(["status", *at])
    yield "random", measured(["query", *at, "--strategy", "random", "--budget", str(picks // 2)])
    answer(campaign / "queries" / "001.csv", answers)
    yield "ingest", measured(["ingest", *at, str(answers), "--allow-new-classes"])
    yield "coreset", measured(["query", *at, "--strategy", "coreset", "--budget", str(picks)])
    declare(file, count)
    yield "update", measured(["update", *at])


def on_images(folder: Path, count: int, side: int = 32) -> Iterator[tuple[str, Row]]:
    """Yield what each command takes on a pool of images."""
    campaign = folder / "campaign"
    at = ["--campaign", str(campaign), "--budget", "1000", "--new"]
    make_images(folder, count, side)
    pool = ["--pool", str(folder / "pool.npy"), "--labels", str(folder / "labels.csv")]
    yield "init", measured(["init", str(campaign), *pool, "--model", "small-cnn", "-t", "epochs=5"])
    yield "status", measured(["status", *at[:2]])
    for strategy in ("entropy", "margin", "coreset", "cluster-margin"):
        yield strategy, measured(["query", *at, "--strategy", strategy])
    yield (
        "ta-vaal, 10,000 candidates",
        measured(["query", *at, "--strategy", "ta-vaal", "-o", "subset=10000"]),
    )


def make_images(folder: Path, count: int, side: int) -> None:
    """Write the images, and the labels of the first thousand."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (10, 4, 4, 3))
    patterns = coarse.repeat(side // 4, axis=1).repeat(side // 4, axis=2).astype(np.int16)
    labels = rng.integers(0, 10, count)
    images = np.lib.format.open_memmap(folder / "pool.npy", "w+", np.uint8, (count, side, side, 3))
    for start in range(0, count, 10_000):
        block = labels[start : start + 10_000]
        noise = rng.integers(-120, 121, (len(block), side, side, 3), dtype=np.int16)
        images[start : start + len(block)] = (patterns[block] + noise).clip(0, 255)
    images.flush()
    lines = [f"{index},class{label}" for index, label in enumerate(labels[:1000])]
    (folder / "labels.csv").write_text("\n".join(["index,label", *lines]) + "\n")


KINDS: dict[str, Callable[[Path, int], Iterator[tuple[str, Row]]]] = {
    "vectors": on_vectors,
    "images": on_images,
    "tiny-images": partial(on_images, side=8),
}


def draw(rows: list[Row], path: Path) -> None:
    """Draw the growth of each command: processor time, peak memory, and disk of the campaign."""
    import matplotlib  # slow to import

    matplotlib.use("svg")
    matplotlib.rcParams["svg.fonttype"] = "none"  # letters as text take a third of the room
    from matplotlib import pyplot as plt  # slow to import

    figure, axes = plt.subplots(1, 3, figsize=(13, 4.2), layout="constrained")
    panels = (
        ("cpu", "processor seconds"),
        ("peak_mb", "peak memory, MB"),
        ("disk_mb", "campaign on disk, MB"),
    )
    for axis, (field, title) in zip(axes, panels, strict=True):
        for command in dict.fromkeys(row["command"] for row in rows):
            points = [(row["images"], max(row[field], 0.1)) for row in rows if row["command"] == command]
            axis.plot(*zip(*points, strict=True), marker="o", label=command)
        axis.set(xscale="log", yscale="log", xlabel="images", title=title)
        axis.minorticks_off()  # hundreds of small elements in an SVG
        axis.grid(alpha=0.3)
    axes[0].legend()
    figure.savefig(path)


def table(rows: list[Row]) -> list[str]:
    """Return the rows as a table in Markdown."""
    lines = [
        "| images | command | seconds | processor seconds | peak MB | campaign MB |",
        "|---|---|---|---|---|---|",
    ]
    return lines + [
        f"| {row['images']:,} | {row['command']} | {row['seconds']} | {row['cpu']} | {row['peak_mb']:,} "
        f"| {row['disk_mb']:,} |"
        for row in rows
    ]


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--pool", choices=[*KINDS], default="vectors", help="what the pool is made of")
    arguments.add_argument("--sizes", default="10000,100000,1000000", help="images in each pool")
    arguments.add_argument("--scratch", help="folder for the files: 500 bytes a vector, 7 KB an image")
    given = arguments.parse_args()
    rows = earlier(given.out)
    for count in map(int, given.sizes.split(",")):
        rows = [row for row in rows if row["images"] != count]
        with tempfile.TemporaryDirectory(dir=given.scratch) as name:
            for command, row in KINDS[given.pool](Path(name), count):
                size = disk_mb(Path(name) / "campaign")
                rows.append({"images": count, "command": command, **row, "disk_mb": size})
                rows.sort(key=lambda row: row["images"])
                print(table([{"images": count, "command": command, **row, "disk_mb": size}])[-1], flush=True)
                write(rows, given)


def earlier(out: Path | None) -> list[Row]:
    """Return the rows of sizes that were measured before: one size can be measured at a time."""
    file = None if out is None else out.with_suffix(".json")
    if file is None or not file.exists():
        return []
    rows: list[Row] = json.loads(file.read_text())["results"]
    return rows


def write(rows: list[Row], given: argparse.Namespace) -> None:
    """Write table, record and chart; a run that is cut off keeps what it has measured."""
    if given.out is None:
        return
    source = about(given, pool=given.pool)
    del source["rounds"], source["threads"]
    lines = [*table(rows), "", *(f"- {key}: {value}" for key, value in source.items())]
    given.out.parent.mkdir(parents=True, exist_ok=True)
    title = f"# Growth of commands on pools of {given.pool}"
    given.out.with_suffix(".md").write_text("\n".join([title, "", *lines]) + "\n")
    given.out.with_suffix(".json").write_text(json.dumps({**source, "results": rows}, indent=1) + "\n")
    draw(rows, given.out.with_suffix(".svg"))


if __name__ == "__main__":
    main()
