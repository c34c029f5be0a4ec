"""All speed figures at once: each part in its own process, one table at the end.

    python benchmarks/speed.py --out benchmarks/results/speed
    python benchmarks/speed.py --parts kcenter training --rounds 3
    python benchmarks/speed.py --gpu --out speed-with-gpu

Parts: `kcenter` (greedy k-center compared with a textbook loop, scikit-activeml if it is installed, and one
matrix-vector product per pick), `million` (k-center on 1,000,000 x 512 features), `adversary` (one TA-VAAL
iteration and scoring, compared with the plain formulation), `training` (ResNet-18 with a loss predictor,
compared with a plain loop), `startup` (commands, compared with imports), and on request `scale` (queries on
a million images). Every ratio is of medians from one interleaved run; bfloat16 is timed if the hardware has
it. `--gpu` also runs all parts except `startup` and `scale` on CUDA: it compares k-center with the same
loop on the GPU and with alkit on the CPU, and the adversary and training with the plain formulation on the
GPU.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import common

HERE = Path(__file__).parent
PARTS = {
    "kcenter": ["kcenter.py"],
    "million": ["kcenter.py", "--sizes", "--million"],
    "adversary": ["adversary.py"],
    "training": ["training.py"],
    "startup": ["startup.py"],
    "scale": ["scale.py"],
}
ON_GPU = ("kcenter", "million", "adversary", "training")


class Row(NamedTuple):
    """A line of the table; `bar` is the target for how many times as fast it is."""

    part: str
    version: str
    seconds: float
    times_as_fast: float | None = None
    bar: float | None = None


def commands(given: argparse.Namespace) -> dict[str, list[str]]:
    """Return the commands to run, by name."""
    parts = {} if given.only_gpu else {name: PARTS[name] for name in given.parts}
    if given.gpu or given.only_gpu:
        parts |= {
            f"{name}-cuda": [*PARTS[name], "--device", "cuda"] for name in given.parts if name in ON_GPU
        }
    for name, words in parts.items():
        if name != "scale":
            words = [*words, "--rounds", str(given.rounds)]
        if given.tiny and name.removesuffix("-cuda") in ON_GPU:
            words = [*words, "--tiny"]
        parts[name] = words
    return parts


def run(name: str, words: list[str], out: Path) -> dict[str, Any]:
    """Run one part and return the results it wrote."""
    written = out.with_name(f"{out.name}-{name}")
    script, *options = words
    print(f"== {name}", file=sys.stderr, flush=True)
    command = [sys.executable, str(HERE / script), "--out", str(written), *options]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    result: dict[str, Any] = json.loads(written.with_suffix(".json").read_text())
    return result


def rows(name: str, result: dict[str, Any]) -> list[Row]:
    """Return the table lines of a part's results; `scale` has its own table."""
    if name == "scale":
        return []
    where = " on CUDA" if name.endswith("-cuda") else ""
    if name.startswith("million"):
        part = f"k-center{where} N=1,000,000 L=5,000 b=10,000 D=512"
        return [Row(part, f"alkit, {source}", s) for source, s in result["million"]["seconds"].items()]
    if name.startswith("kcenter"):
        return [
            Row(
                f"k-center{where} " + " ".join(f"{key}={value:,}" for key, value in found["size"].items()),
                f"alkit beside {peer}" + (" (extrapolated)" if peer in found["extrapolated"] else ""),
                found["seconds"]["alkit"],
                ratio,
                found["bar"].get(peer),
            )
            for found in result["compared"].values()
            for peer, ratio in found["ratio"].items()
        ]
    return [
        Row(part + where, entry["version"], entry["seconds"], entry["times_as_fast"], entry["bar"])
        for part, entries in result["results"].items()
        for entry in entries
    ]


def line(row: Row) -> str:
    times = "" if row.times_as_fast is None else f"{row.times_as_fast:.2f}"
    return f"| {row.part} | {row.version} | {row.seconds:.4g} | {times} | {row.bar or ''} |"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = [name for name in PARTS if name != "scale"]
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=default)
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds")
    parser.add_argument("--gpu", action="store_true", help=f"also run {', '.join(ON_GPU)} on CUDA")
    parser.add_argument("--only-gpu", action="store_true", help="run these on CUDA, and nothing else")
    parser.add_argument("--tiny", action="store_true", help="tiny sizes that only test the code")
    parser.add_argument(
        "--out", type=Path, default=Path("speed"), help="path of the results, without .json and .md"
    )
    given = parser.parse_args()
    if given.gpu or given.only_gpu:
        common.device("cuda")  # before hours on the CPU
    given.out.parent.mkdir(parents=True, exist_ok=True)
    lines = ["| part | version | median s | times as fast | bar |", "|---|---|---|---|---|"]
    results = {name: run(name, words, given.out) for name, words in commands(given).items()}
    lines += [line(row) for name, result in results.items() for row in rows(name, result)]
    sources = [result.get("source", result) for result in results.values()]
    keys = ("date", "machine", "threads", "versions")
    lines += ["", *(f"- {key}: {sources[-1][key]}" for key in keys if sources and key in sources[-1])]
    print("\n".join(lines))
    given.out.with_suffix(".md").write_text("\n".join(["# Speed", "", *lines]) + "\n")
    given.out.with_suffix(".json").write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
