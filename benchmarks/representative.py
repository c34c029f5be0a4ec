"""Time and memory of the strategies that look for representative images, at 50,000 x 512.

    python benchmarks/representative.py --out benchmarks/results/representative

The embeddings are given, so only the choice is measured. They are a mixture of Gaussians, one per class, in
a few dimensions, mixed into many and passed through a ReLU. They resemble those of a trained network only
in their low effective rank (which is printed). Each run has its own process. Its extra memory is the peak
of resident memory minus the memory that was resident before the choice, which includes the embeddings.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import multiprocessing
import statistics
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import common
import numpy as np
import torch

from alkit.data.store import ImageStore
from alkit.engine.cycle import Cycle, PoolView, Scoring
from alkit.options import build
from alkit.plugin import registry

STRATEGIES = ("kmeans", "typiclust", "probcover", "uncertaingcn", "coregcn")
CLASSES = 10
SPREAD = 0.7  # of class means, in deviations of a class
BAR_MB = 2048


class GivenEmbeddings(Cycle):
    """A cycle whose embeddings are given."""

    given: torch.Tensor

    def embeddings(self, indices: np.ndarray) -> torch.Tensor:
        return self.given[torch.from_numpy(indices)]


def mixture(count: int, dim: int, seed: int, intrinsic: int = 32) -> torch.Tensor:
    """Draw embeddings [count, dim] of `CLASSES` overlapping classes."""
    generator = torch.Generator().manual_seed(seed)
    means = SPREAD * torch.randn(CLASSES, intrinsic, generator=generator)
    mixing = torch.randn(intrinsic, dim, generator=generator) / intrinsic**0.5
    features = torch.empty(count, dim)
    for start in range(0, count, 10_000):
        part = features[start : start + 10_000]
        latent = means[torch.randint(0, CLASSES, (len(part),), generator=generator)]
        latent = latent + torch.randn(len(part), intrinsic, generator=generator)
        part.copy_(torch.relu(latent @ mixing))
    return features


def effective_rank(features: torch.Tensor) -> float:
    """Return the exponential of the entropy of the shares of variance (Roy and Vetterli, EUSIPCO 2007)."""
    values = torch.linalg.eigvalsh(torch.cov(features[:10_000].T.double())).clamp(min=0)
    return float(torch.special.entr(values / values.sum()).sum().exp())


def cycle_of(features: torch.Tensor, labeled: int, seed: int) -> GivenEmbeddings:
    count = len(features)
    order = np.random.default_rng(seed).permutation(count)
    cycle = GivenEmbeddings(
        PoolView(
            images=ImageStore.from_array(np.zeros((count, 1, 1, 1), np.uint8)),
            labeled=np.sort(order[:labeled]),
            targets=torch.zeros(labeled, dtype=torch.long),
            candidates=np.sort(order[labeled:]),
        ),
        number=1,
        seed=seed,
        model=SimpleNamespace(spec=SimpleNamespace(num_outputs=CLASSES)),  # type: ignore[arg-type]
        companion=None,
        scoring=Scoring(torch.device("cpu")),
    )
    cycle.given = features
    return cycle


def resident() -> float:
    """Return the resident memory of this process, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def measured(name: str, given: argparse.Namespace, seed: int) -> dict[str, Any]:
    """Let a strategy choose once, in this process."""
    torch.set_num_threads(given.threads)
    now = time.process_time if given.clock == "cpu" else time.perf_counter
    strategy = build(registry.strategies.get(name))
    small = cycle_of(mixture(600, given.dim, seed), 20, seed)
    strategy.select(small, 10)  # libraries loaded
    cycle = cycle_of(mixture(given.count, given.dim, seed), given.labeled, seed)
    ctypes.CDLL(None).malloc_trim(0)  # memory that was freed and kept would hide as much of the peak
    before, started = resident(), now()
    with cycle.measure("else"):
        picks = strategy.select(cycle, given.budget)
    return {
        "seconds": now() - started,
        "extra_mb": max(cycle.profile.peak_mb.values()) - before,
        "distinct": len(set(picks.tolist())),
        "diagnostics": cycle.diagnostics,
        "phases": cycle.profile.as_dict(),
    }


def main() -> None:
    parser = common.parser(__doc__)
    parser.add_argument("--strategies", nargs="*", default=STRATEGIES, choices=STRATEGIES)
    parser.add_argument("--count", type=int, default=50_000, help="images, including the labeled ones")
    parser.add_argument("--dim", type=int, default=512, help="width of the embeddings")
    parser.add_argument("--labeled", type=int, default=1_000, help="labeled images")
    parser.add_argument("--budget", type=int, default=1_000, help="images to choose")
    parser.add_argument("--note", default="", help="a remark about the machine, for the record")
    given = parser.parse_args()
    rank = effective_rank(mixture(given.count, given.dim, 0))
    source = common.about(
        given,
        note=given.note,
        seeds=f"0 to {given.rounds - 1}",
        sizes=f"{given.count} x {given.dim}, {given.labeled} labeled, {given.budget} chosen",
        effective_rank=round(rank, 1),
    )
    results: dict[str, Any] = {}
    lines = [
        "# Representative strategies",
        "",
        "| strategy | median s | slowest s | extra memory, MB | bar, MB |",
        "|---|---|---|---|---|",
    ]
    context = multiprocessing.get_context("spawn")
    for name in given.strategies:
        runs = []
        for seed in range(given.rounds):
            with context.Pool(1) as pool:
                runs.append(pool.apply(measured, (name, given, seed)))
        results[name] = runs
        taken, extra = [run["seconds"] for run in runs], max(run["extra_mb"] for run in runs)
        lines.append(
            f"| {name} | {statistics.median(taken):.1f} | {max(taken):.1f} | {extra:.0f} | {BAR_MB} |"
        )
        print(lines[-1], runs[-1]["diagnostics"], flush=True)
    lines += ["", *(f"- {key}: {value}" for key, value in source.items())]
    print("\n".join(lines))
    if given.out:
        record = {"title": "Representative strategies", **source, "results": results}
        given.out.with_suffix(".json").write_text(json.dumps(record, indent=1) + "\n")
        given.out.with_suffix(".md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
