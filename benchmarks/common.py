"""What the speed benchmarks share: interleaved timing, and a report that records its origin."""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import json
import multiprocessing
import os
import platform
import shlex
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

from alkit.training.recipe import Precision
from alkit.utils.devices import has_fast_bfloat16

Taken = dict[str, list[float]]


def parser(description: str | None, *, devices: bool = False) -> argparse.ArgumentParser:
    """Return a parser with the options that every benchmark has, and those of one that a GPU can run."""
    made = argparse.ArgumentParser(description=(description or "").splitlines()[0])
    made.add_argument("--rounds", type=int, default=5, help="interleaved rounds after one warm-up round")
    made.add_argument("--threads", type=int, default=torch.get_num_threads(), help="torch threads")
    made.add_argument(
        "--clock", choices=["wall", "cpu"], default="wall", help="cpu: time of all threads together"
    )
    made.add_argument("--out", type=Path, help="path of the results, without .json and .md")
    if devices:
        made.add_argument("--device", type=device, default=torch.device("cpu"), help="cpu or cuda")
        made.add_argument("--tiny", action="store_true", help="tiny sizes that only test the code")
    return made


def device(name: str) -> torch.device:
    """Return a device by name, or stop where there is none."""
    try:
        found = torch.device(name)
    except RuntimeError as error:
        raise argparse.ArgumentTypeError(f"torch does not know the device {name}") from error
    if found.type == "cuda" and not torch.cuda.is_available():
        raise SystemExit(
            "torch finds no GPU here: this part needs a GPU, its driver, and a torch built for CUDA"
        )
    return found


def precisions(on: torch.device) -> list[Precision]:
    """Return the precisions to time on a device: bfloat16 only if the hardware has instructions for it."""
    if has_fast_bfloat16(on):
        return ["float32", "bfloat16"]
    print(f"bfloat16 is left out: this {on.type} has no instructions for it", file=sys.stderr)
    return ["float32"]


def finished(work: Callable[[], object], on: torch.device) -> Callable[[], object]:
    """Return work that ends when the device has finished: a GPU only queues what it is told to do."""
    if on.type != "cuda":
        return work

    def run() -> None:
        work()
        torch.cuda.synchronize(on)

    return run


def seconds(contenders: Mapping[str, Callable[[], object]], rounds: int, clock: str = "wall") -> Taken:
    """Time contenders in turn, A B C A B C ...; the first round is a warm-up and does not count."""
    now = time.process_time if clock == "cpu" else time.perf_counter
    taken: Taken = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, work in contenders.items():
            started = now()
            work()
            if number:
                taken[name].append(now() - started)
    return taken


def seconds_apart(
    makers: Mapping[str, Callable[[], Mapping[str, Callable[[], object]]]],
    rounds: Mapping[str, int],
    clock: str = "wall",
) -> dict[str, Taken]:
    """Time contenders in turn, each in its own process, so that none runs with another's settings.

    Args:
        makers: for each contender, a picklable function that returns its pieces of work by name.
        rounds: for each piece of work, how often it is timed after one warm-up round.
        clock: `wall`, or `cpu` for the time of all threads together.
    """
    context = multiprocessing.get_context("spawn")
    workers = {}
    for name, maker in makers.items():
        here, there = context.Pipe()
        process = context.Process(target=_serve, args=(maker, there, clock), daemon=True)
        process.start()
        workers[name] = (process, here)
    taken: dict[str, Taken] = {piece: {name: [] for name in makers} for piece in rounds}
    for piece, times in rounds.items():
        for number in range(times + 1):
            for name, (_, pipe) in workers.items():
                pipe.send(piece)
                elapsed = pipe.recv()
                if number:
                    taken[piece][name].append(elapsed)
    for process, pipe in workers.values():
        pipe.send(None)
        process.join()
    return taken


def _serve(maker: Callable[[], Mapping[str, Callable[[], object]]], pipe: Connection, clock: str) -> None:
    now = time.process_time if clock == "cpu" else time.perf_counter
    work = maker()
    while (piece := pipe.recv()) is not None:
        started = now()
        work[piece]()
        pipe.send(now() - started)


def machine(on: torch.device | None = None) -> str:
    """Name the processor, its number of cores, and the GPU if one is used."""
    name = platform.processor()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), name)
    except OSError:
        pass
    gpu = f", {torch.cuda.get_device_name(on)}" if on is not None and on.type == "cuda" else ""
    return f"{name}, {os.cpu_count()} cores, {platform.system()}{gpu}"


def source(*packages: str, on: torch.device | None = None) -> dict[str, str]:
    """Say where figures come from: command, date, machine, versions."""
    versions = [
        f"{package} {importlib.metadata.version(package)}"
        for package in ("alkit", "torch", "numpy", *packages)
    ]
    return {
        "command": "python " + shlex.join(sys.argv),
        "date": datetime.date.today().isoformat(),
        "machine": machine(on),
        "versions": ", ".join([f"Python {platform.python_version()}", *versions]),
    }


def about(given: argparse.Namespace, **more: Any) -> dict[str, Any]:
    """Say how figures came about: where they come from, and how time was taken."""
    return {
        **source(*more.pop("packages", ()), on=getattr(given, "device", None)),
        "threads": given.threads,
        "clock": given.clock,
        "rounds": given.rounds,
        **more,
    }


def rows(taken: Taken, baseline: str, bars: Mapping[str, float]) -> list[dict[str, Any]]:
    """Return median, spread, ratio to the baseline and target ratio of each contender."""
    base = statistics.median(taken[baseline])
    return [
        {
            "version": name,
            "seconds": round(statistics.median(values), 5),
            "fastest": round(min(values), 5),
            "slowest": round(max(values), 5),
            "times_as_fast": round(base / statistics.median(values), 2),
            "bar": bars.get(name),
        }
        for name, values in taken.items()
    ]


def table(entries: list[dict[str, Any]]) -> list[str]:
    """Return a Markdown table of `rows`."""
    lines = ["| version | median s | fastest | slowest | times as fast | bar |", "|---|---|---|---|---|---|"]
    return lines + [
        f"| {r['version']} | {r['seconds']:.4g} | {r['fastest']:.4g} | {r['slowest']:.4g} | "
        f"{r['times_as_fast']:.2f} | {r['bar'] or ''} |"
        for r in entries
    ]


def report(
    title: str,
    parts: Mapping[str, Taken],
    baseline: str,
    given: argparse.Namespace,
    *,
    bars: Mapping[str, Mapping[str, float]] | None = None,
    **more: Any,
) -> None:
    """Print one table per part, and write all of them as Markdown and JSON if asked to."""
    source = about(given, **more)
    lines, results = [f"# {title}", ""], {}
    for name, taken in parts.items():
        results[name] = rows(taken, baseline, (bars or {}).get(name, {}))
        lines += [f"## {name}", "", *table(results[name]), ""]
    lines += [f"- {key}: {value}" for key, value in source.items()]
    print("\n".join(lines))
    if given.out:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        record = {"title": title, **source, "results": results, "samples": parts}
        given.out.with_suffix(".json").write_text(json.dumps(record, indent=1) + "\n")
        given.out.with_suffix(".md").write_text("\n".join(lines) + "\n")
