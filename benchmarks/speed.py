"""All speed figures in one go: each part in a process of its own, one table at the end.

    python benchmarks/speed.py --out benchmarks/results/speed
    python benchmarks/speed.py --parts kcenter training --rounds 3

Parts: `kcenter` (greedy k-center beside a textbook loop, scikit-activeml's where it is installed, and one
matrix-vector product a pick), `adversary` (one TA-VAAL iteration and scoring, beside the plain formulation),
`training` (ResNet-18 with a loss predictor, beside a plain loop), `startup` (commands, beside imports), and
on request `scale` (queries on a million images). Every ratio is of medians, taken in one run, interleaved.
`--gpu` runs `adversary` on CUDA as well.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PARTS = ("kcenter", "adversary", "training", "startup")


def run(name: str, out: Path, extra: list[str]) -> dict[str, Any]:
    """Run one part and return what it wrote."""
    written = out.with_name(f"{out.name}-{name}")
    flag = ["--json", f"{written}.json"] if name.startswith("kcenter") else ["--out", str(written)]
    script = HERE / f"{name.partition('-')[0]}.py"
    print(f"== {name}", file=sys.stderr, flush=True)
    subprocess.run([sys.executable, str(script), *flag, *extra], check=True, stdout=subprocess.DEVNULL)
    result: dict[str, Any] = json.loads(Path(f"{written}.json").read_text())
    return result


def rows(name: str, result: dict[str, Any]) -> list[tuple[str, str, float, float]]:
    """Return (part, version, seconds, times as fast as the baseline) of what a part wrote."""
    if name.startswith("kcenter"):
        return [
            (
                "k-center " + " ".join(f"{key}={value:,}" for key, value in found["size"].items()),
                f"alkit beside {peer}" + (" (extrapolated)" if peer in found["extrapolated"] else ""),
                found["seconds"]["alkit"],
                found["ratio"][peer],
            )
            for found in result["compared"].values()
            for peer in found["ratio"]
        ]
    if name.startswith("scale"):
        return []
    return [
        (part, entry["version"], entry["seconds"], entry["times_as_fast"])
        for part, entries in result["results"].items()
        for entry in entries
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--parts", nargs="*", choices=[*PARTS, "scale"], default=list(PARTS))
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds")
    parser.add_argument("--gpu", action="store_true", help="the adversary on CUDA as well")
    parser.add_argument(
        "--out", type=Path, default=Path("speed"), help="where to write, without .json and .md"
    )
    given = parser.parse_args()
    given.out.parent.mkdir(parents=True, exist_ok=True)
    lines = ["| part | version | median s | times as fast |", "|---|---|---|---|"]
    results = {}
    for name in [*given.parts, *(["adversary-gpu"] if given.gpu else [])]:
        extra = [] if name == "scale" else ["--rounds", str(given.rounds)]
        extra += ["--device", "cuda"] if name.endswith("-gpu") else []
        results[name] = run(name, given.out, extra)
        lines += [f"| {p} | {v} | {s:.4g} | {r:.2f} |" for p, v, s, r in rows(name, results[name])]
    sources = [result.get("source", result) for result in results.values()]
    keys = ("date", "machine", "threads", "versions")
    lines += ["", *(f"- {key}: {sources[0][key]}" for key in keys if sources and key in sources[0])]
    print("\n".join(lines))
    given.out.with_suffix(".md").write_text("\n".join(["# Speed", "", *lines]) + "\n")
    given.out.with_suffix(".json").write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
