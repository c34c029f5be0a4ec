"""How long `alkit update` takes where few of many images are new.

    python benchmarks/update.py --images 100000 --new 10

It makes a folder of small photos, a campaign on it, adds images, and times each step in a process of its own.
"""

from __future__ import annotations

import argparse
import io
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

SIDE = 32


def write(folder: Path, first: int, count: int) -> None:
    """Write distinct photos, a thousand to a folder."""
    rng = np.random.default_rng(first)
    for index in range(first, first + count):
        place = folder / f"{index // 1000:04}"
        place.mkdir(parents=True, exist_ok=True)
        encoded = io.BytesIO()
        Image.fromarray(rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)).save(encoded, "JPEG")
        (place / f"{index:06}.jpg").write_bytes(encoded.getvalue())


def timed(*arguments: str) -> dict[str, float]:
    """Run alkit; return the seconds by the clock, and those of the processor."""
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", "alkit", *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(done.stderr)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": round(time.perf_counter() - started, 1), "cpu": round(used, 1)}


def main() -> None:
    """Print the seconds of each step as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--new", type=int, default=10)
    parser.add_argument("--folder", type=Path, help="where to work; a temporary folder by default")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as place:
        pool, campaign = Path(place, "photos"), Path(place, "campaign")
        write(pool, 0, options.images)
        found = {"init": timed("init", str(campaign), "--pool", str(pool), "--quiet")}
        found["update, nothing new"] = timed("update", "--campaign", str(campaign), "--quiet")
        write(pool, options.images, options.new)
        found[f"update, {options.new} new"] = timed("update", "--campaign", str(campaign), "--quiet")
        found["update --check"] = timed("update", "--campaign", str(campaign), "--check", "--quiet")
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
