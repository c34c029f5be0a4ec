"""Seconds and peak memory of queries on a pool of a million images, each in its own process.

    python benchmarks/scale.py --out benchmarks/results/scale

This makes a file of 1,000,000 images of 3 x 32 x 32 (3 GB, ten classes of noisy patterns) in a scratch
folder and a campaign on it with 1,000 labels. Then it asks `entropy`, `coreset` and `ta-vaal` (10,000
candidates) for 1,000 images each, from the command line. The task model is `small-cnn`, trained for a few
epochs only, because memory is the question here. Peak memory is that of the whole process, including mapped
pages.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from common import about, parser

QUERIES = {
    "entropy": ["--strategy", "entropy"],
    "coreset": ["--strategy", "coreset"],
    "ta-vaal, 10,000 candidates": ["--strategy", "ta-vaal", "-o", "subset=10000"],
}


def make_pool(folder: Path, count: int) -> None:
    """Write the images, and the labels of the first thousand."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (10, 4, 4, 3))
    patterns = coarse.repeat(8, axis=1).repeat(8, axis=2).astype(np.int16)
    labels = rng.integers(0, 10, count)
    images = np.lib.format.open_memmap(folder / "pool.npy", "w+", np.uint8, (count, 32, 32, 3))
    for start in range(0, count, 10_000):
        block = labels[start : start + 10_000]
        noise = rng.integers(-120, 121, (len(block), 32, 32, 3), dtype=np.int16)
        images[start : start + len(block)] = (patterns[block] + noise).clip(0, 255)
    images.flush()
    lines = [f"{index},class{label}" for index, label in enumerate(labels[:1000])]
    (folder / "labels.csv").write_text("\n".join(["index,label", *lines]) + "\n")


def measured(command: list[str]) -> dict[str, Any]:
    """Run a command; return its seconds and the peak memory of its process in MB."""
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "alkit", *command], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} failed")
    return {"seconds": round(time.perf_counter() - started, 1), "peak_mb": round(usage.ru_maxrss / 1024)}


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--images", type=int, default=1_000_000, help="images in the pool")
    arguments.add_argument("--scratch", help="folder for 7 GB of files")
    given = arguments.parse_args()
    rows: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(dir=given.scratch) as name:
        folder = Path(name)
        make_pool(folder, given.images)
        campaign = str(folder / "campaign")
        pool = ["--pool", str(folder / "pool.npy"), "--labels", str(folder / "labels.csv")]
        rows["init"] = measured(["init", campaign, *pool, "--model", "small-cnn", "-t", "epochs=5"])
        for label, strategy in QUERIES.items():
            rows[label] = measured(["query", "--campaign", campaign, *strategy, "--budget", "1000", "--new"])
    lines = ["| what | seconds | peak MB |", "|---|---|---|"]
    lines += [f"| {label} | {row['seconds']} | {row['peak_mb']:,} |" for label, row in rows.items()]
    source = about(given, images=given.images)
    del source["rounds"], source["threads"]
    lines += ["", *(f"- {key}: {value}" for key, value in source.items())]
    print("\n".join(lines))
    if given.out:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        text = "\n".join([f"# Queries on a pool of {given.images:,} images", "", *lines])
        given.out.with_suffix(".md").write_text(text + "\n")
        given.out.with_suffix(".json").write_text(json.dumps({**source, "results": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
