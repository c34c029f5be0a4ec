"""Everything to measure on a GPU, in parts of a few minutes that continue where the last one stopped.

    python benchmarks/on_gpu.py --pool cifar10/train --test cifar10/test --out gpu
    python benchmarks/on_gpu.py --merge benchmarks/results --out gpu
    python benchmarks/on_gpu.py --tiny --out /tmp/tiny

Each run takes at most `--minutes` (9). Its steps, in this order: the tests marked `gpu`; `speed.py
--only-gpu`, part by part; then the cells of the protocol `ta-vaal-cifar10`, those first that tell most. A
step that is done is not repeated, and cells continue after their last record, so run the same command until
it says that all is done; on another machine, take the folder `--out` along. `--merge` copies what is complete
into a folder of results. `--tiny` tries all steps on a CPU, with toys.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import common

from alkit.bench import records
from alkit.bench.protocol import read_protocol
from alkit.bench.resume import complete_cells, merge_protocol
from alkit.utils.files import write_atomically

HERE = Path(__file__).parent
BENCH = "ta-vaal-cifar10"
ORDER = ("ta-vaal", "learning-loss", "vaal", "coreset", "entropy")
"""After random, which is part of all: the claim, then what it is made of, then what it is compared with."""
SEEDS = 5
PARTS = ("training", "adversary", "kcenter", "million")
SECONDS_TO_END = 15.0
LEAST_SECONDS = 20.0
TINY = """
name = "ta-vaal-cifar10"
description = "Tries the steps."
seeds = 1
data = {pool = "digits", image_size = 16}
task = {options = {model = "tiny-cnn", epochs = 1}}
labels = {start = 20, budget = 10, cycles = 1, candidates = 40}
"""
TINY_STRATEGY = '[[strategies]]\nname = "{name}"\n'
TINY_VAE = 'options = {epochs = 1, channels = "8,16", latent = 4}\n'


@dataclass(frozen=True)
class Step:
    """A command that is repeated until it has ended well once.

    Attributes:
        name: in the file of what is done.
        words: of the command, after `python`.
    """

    name: str
    words: tuple[str, ...]


def steps(given: argparse.Namespace) -> list[Step]:
    """Return all steps, in their order."""
    out: Path = given.out.absolute()
    tests = ["-m", "pytest", "-q", "-m", "gpu", "-p", "no:cacheprovider", f"--junit-xml={out / 'tests.xml'}"]
    files = sorted((HERE.parent / "tests").rglob("test_*.py"))
    marked = [str(path) for path in files if "pytest.mark.gpu" in path.read_text()]
    found = [Step("tests", (*tests, *marked))]
    speed = ["--tiny", "--rounds", "1"] if given.tiny else ["--only-gpu"]
    for part in PARTS:
        written = ["--parts", part, "--out", str(out / f"speed-gpu-{part}")]
        found.append(Step(f"speed {part}", (str(HERE / "speed.py"), *speed, *written)))
    seeds = 1 if given.tiny else SEEDS
    return found + [Step(f"bench, {count} seeds", _bench(given, count)) for count in range(1, seeds + 1)]


def _bench(given: argparse.Namespace, seeds: int) -> tuple[str, ...]:
    """Return the words of a benchmark with so many seeds, which adds cells to those that are there."""
    out: Path = given.out.absolute()
    words = ["-m", "alkit", "bench", str(out / "tiny.toml") if given.tiny else BENCH]
    words += ["--out", str(out / BENCH), "--cache", str(out / "cache"), "--device", given.device, "-q"]
    words += ["--workers", str(given.workers)]
    for name in ("pool", "test", "root"):
        if (value := getattr(given, name)) is not None and not given.tiny:
            words += [f"--{name}", str(value)]
    strategies = [word for name in ORDER for word in ("--strategy", name)]
    return (*words, *strategies, "--seeds", str(seeds))


def run(step: Step, seconds: float) -> int | None:
    """Run a step, and return its exit code; None if it was stopped because the time was over."""
    environment = {"OMP_WAIT_POLICY": "PASSIVE", **os.environ}  # other programs may need the cores, too
    process = subprocess.Popen([sys.executable, *step.words], env=environment, start_new_session=True)
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End a process and those that it started: first as a user would, then at once."""
    for number in (signal.SIGINT, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(SECONDS_TO_END)


def merge(out: Path, results: Path) -> list[str]:
    """Copy what is complete into a folder of results, and return what was copied."""
    copied = []
    for path in sorted(out.glob("speed-gpu-*.*")):
        if path.stem.removeprefix("speed-gpu-") in PARTS:
            shutil.copy(path, results / path.name)
            copied.append(path.name)
    source, target = out / BENCH, results / BENCH
    if (source / records.PROTOCOL).exists():
        protocol = read_protocol(source / records.PROTOCOL)
        found = records.read_all(source)
        done = complete_cells(found, protocol)
        added = [record for record in found if (record["strategy"], record["seed"]) in done]
        known = [r for r in records.read_all(target) if (r["strategy"], r["seed"]) not in done]
        if added:
            target.mkdir(parents=True, exist_ok=True)
            write_atomically(target / records.PROTOCOL, merge_protocol(protocol, target).to_toml())
            records.write(target / records.RECORDS, [*known, *added])
            copied += [f"{strategy}, seed {seed}" for strategy, seed in sorted(done)]
    return copied


def main() -> None:
    """Run steps until the time is over, or merge what they have written."""
    given = _options()
    if given.merge is not None:
        print("\n".join(merge(given.out, given.merge)) or "nothing is complete yet")
        return
    ends = time.monotonic() + 60 * given.minutes - SECONDS_TO_END
    given.out.mkdir(parents=True, exist_ok=True)
    if given.tiny:
        vaes = {name: TINY_VAE if name.endswith("vaal") else "" for name in ("random", *ORDER)}
        strategies = [TINY_STRATEGY.format(name=name) + vae for name, vae in vaes.items()]
        (given.out / "tiny.toml").write_text(TINY + "".join(strategies))
    path = given.out / "done.json"
    done: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    left = [step for step in steps(given) if step.name not in done]
    for step in left:
        seconds = ends - time.monotonic()
        if seconds < LEAST_SECONDS:
            break
        print(f"== {step.name}, up to {seconds:.0f} s", file=sys.stderr, flush=True)
        started = time.monotonic()
        code = run(step, seconds)
        if code is None:
            break
        taken = round(time.monotonic() - started, 1)
        print(f"== {step.name}: exit code {code} after {taken} s", file=sys.stderr, flush=True)
        if code == 0 or step.name == "tests":  # what a test found is in tests.xml
            done[step.name] = {"code": code, "seconds": taken, "source": common.source(on=given.card)}
            write_atomically(path, json.dumps(done, indent=1))
    waiting = [step.name for step in steps(given) if step.name not in done]
    print("all is done" if not waiting else f"run the same command again for: {'; '.join(waiting)}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("gpu"), help="folder of all that is measured")
    parser.add_argument("--minutes", type=float, default=9.0, help="after which it stops")
    parser.add_argument("--pool", help="CIFAR-10's training images, as in alkit bench")
    parser.add_argument("--test", help="its test images")
    parser.add_argument("--root", help="folder of torchvision's copy")
    parser.add_argument("--workers", type=int, default=3, help="cells at once on the GPU")
    parser.add_argument("--tiny", action="store_true", help="try all steps on a CPU, with toys")
    parser.add_argument("--merge", type=Path, metavar="RESULTS", help="copy what is complete to a folder")
    given = parser.parse_args()
    given.device = "cpu" if given.tiny else "cuda"
    given.card = None if given.merge is not None else common.device(given.device)
    return given


if __name__ == "__main__":
    main()
