"""All strategies that scikit-activeml and alkit share: do they give the same answers, and what do they cost?

    pip install scikit-activeml && python benchmarks/peers.py --count 10000 --out peers

Answers are compared on small cases, and a disagreement makes the exit code 1. Costs are measured on
`--count` images: seconds are the median of interleaved rounds, and memory is what one run adds to its own
process at the peak, beyond the input (Linux only). The modules of `peer_cases` describe what is compared
and how; for strategies that scikit-activeml lacks, the other side is the published algorithm in its plain
form. `kcenter` and `speed` compare CoreSet on larger pools.
"""

from __future__ import annotations

import ctypes
import json
import multiprocessing
import statistics
import sys
from pathlib import Path

import torch
from common import about, parser, seconds
from kcenter import memory
from peer_cases import recent, representative, uncertain

CASES = {**uncertain.CASES, **representative.CASES, **recent.CASES}
WARMING = 300  # images of a run that only loads libraries
CLEAR = Path("/proc/self/clear_refs")


def added_mb(name: str, who: str, count: int, threads: int) -> float | None:
    """Return the memory that one run adds to this process at its peak; None if it cannot be measured."""
    if not CLEAR.exists():
        return None
    torch.set_num_threads(threads)
    CASES[name].works(WARMING)[who]()
    work = CASES[name].works(count)[who]
    ctypes.CDLL(None).malloc_trim(0)  # memory that was freed and kept would hide as much of the peak
    CLEAR.write_text("5")
    before = memory("VmRSS")
    work()
    return memory("VmHWM") - before


def main() -> None:
    made = parser(__doc__)
    made.add_argument("--count", type=int, default=2_000, help="images on which costs are measured")
    made.add_argument("--case", action="append", choices=CASES, help="a strategy to compare; all by default")
    given = made.parse_args()
    torch.set_num_threads(given.threads)
    context = multiprocessing.get_context("spawn")
    lines = [
        "# Comparison with scikit-activeml and plain forms",
        "",
        "| strategy | answers | alkit, s | its, s | alkit, MB | its, MB |",
        "|---|---|---|---|---|---|",
    ]
    results, agreed = {}, True
    for name in given.case or CASES:
        case = CASES[name]
        findings = case.findings()
        agreed = agreed and all(agrees for _, agrees in findings)
        taken = seconds(case.works(given.count), given.rounds, given.clock)
        medians = {who: statistics.median(values) for who, values in taken.items()}
        added = {}
        for who in medians:
            with context.Pool(1) as alone:
                added[who] = alone.apply(added_mb, (name, who, given.count, given.threads))
        said = "; ".join(sentence for sentence, _ in findings)
        costs = [f"{value:.2g}" for value in medians.values()]
        costs += ["-" if value is None else f"{value:.1f}" for value in added.values()]
        lines.append(f"| {name} | {said} | {' | '.join(costs)} |")
        results[name] = {"findings": findings, "seconds": medians, "added_mb": added, "samples": taken}
    source = about(
        given,
        packages=["scikit-activeml", "scikit-learn"],
        images=given.count,
        probabilities=f"{uncertain.CLASSES} classes, {uncertain.PASSES} passes",
        embeddings=f"{uncertain.DIM} wide for badge, {representative.DIM} for the others",
        chosen=f"{uncertain.JOINT} by batchbald, {uncertain.PICKS} by badge, "
        f"{representative.BUDGET} by the others",
    )
    lines += ["", *(f"- {key}: {value}" for key, value in source.items())]
    print("\n".join(lines))
    if given.out:
        record = {"source": source, "results": results}
        given.out.with_suffix(".json").write_text(json.dumps(record, indent=1) + "\n")
        given.out.with_suffix(".md").write_text("\n".join(lines) + "\n")
    sys.exit(not agreed)


if __name__ == "__main__":
    main()
