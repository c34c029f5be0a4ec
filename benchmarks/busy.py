"""A training on a busy machine: how long it takes beside programs that keep all cores busy.

    python benchmarks/busy.py
    python benchmarks/busy.py --loads 2 --threads 2

The same training of a campaign runs as `alkit train` with the waiting that alkit chooses (threads sleep) and
with OpenMP's default (threads spin), alone and beside loads that compute all the time. With as many loads as
cores, a fair share makes a program about twice as slow; the spinning training takes many times as long.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

WAITING = {
    "sleeping (alkit)": {},
    "spinning (default)": {"GOMP_SPINCOUNT": "300000", "KMP_BLOCKTIME": "200"},  # OpenMP's own numbers
}
LIMIT = 300.0
ALKIT = (sys.executable, "-m", "alkit")


@contextlib.contextmanager
def loads(count: int) -> Iterator[None]:
    """Keep cores busy while a block runs."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def paint(folder: Path, images: int) -> Path:
    """Paint images of two classes, 32 x 32."""
    rng = np.random.default_rng(0)
    for number in range(images):
        name = ("day", "night")[number % 2]
        (folder / name).mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 120, (32, 32, 3), dtype=np.uint8) + np.uint8(120 * (number % 2))
        Image.fromarray(pixels).save(folder / name / f"{number:04d}.png")
    return folder


def seconds(fresh: Path, waiting: dict[str, str], threads: int) -> float:
    """Run `alkit train` once; return its seconds, infinite over the limit."""
    with tempfile.TemporaryDirectory() as folder:
        camp = shutil.copytree(fresh, Path(folder) / "camp")
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("OMP_", "GOMP_", "KMP_"))}
        started = time.monotonic()
        try:
            subprocess.run(
                [*ALKIT, "train", "-c", camp, "-q", "--device", "cpu"],
                env={**environment, **waiting, **({"OMP_NUM_THREADS": str(threads)} if threads else {})},
                check=True,
                stdout=subprocess.DEVNULL,
                timeout=LIMIT,
            )
        except subprocess.TimeoutExpired:
            return float("inf")
        return time.monotonic() - started


def main() -> None:
    """Time each kind of waiting, alone and beside loads."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--loads", type=int, default=os.cpu_count() or 2, help="programs that compute")
    parser.add_argument("--threads", type=int, default=0, help="of torch; by default as many as cores")
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=2, help="the quickest of so many counts")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        pool, camp = paint(Path(folder) / "pool", given.images), Path(folder) / "camp"
        known = Path(folder) / "known.csv"
        files = sorted(path.relative_to(pool).as_posix() for path in pool.rglob("*.png"))
        known.write_text("\n".join(["image,label", *(f"{name},{name.split('/')[0]}" for name in files)]))
        subprocess.run(
            [*ALKIT, "init", camp, "--pool", pool, "--labels", known, "-q", "-t", f"epochs={given.epochs}"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        print(f"{'waiting':<20}{'alone':>10}{f'{given.loads} loads':>12}{'ratio':>8}")
        for name, waiting in WAITING.items():
            alone = min(seconds(camp, waiting, given.threads) for _ in range(given.rounds))
            with loads(given.loads):
                beside = min(seconds(camp, waiting, given.threads) for _ in range(given.rounds))
            shown = "over 300 s" if beside == float("inf") else f"{beside:.1f} s"
            print(f"{name:<20}{alone:>8.1f} s{shown:>12}{beside / alone:>8.1f}", flush=True)


if __name__ == "__main__":
    main()
