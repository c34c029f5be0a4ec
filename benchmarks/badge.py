"""How fast BADGE's k-means++ seeding is, compared with the plain formulation on explicit gradient embeddings.

    python benchmarks/badge.py --out benchmarks/results/badge

The plain formulation writes out the N x (classes · D) matrix in float32 and measures all points against
each pick with scikit-learn's `pairwise_distances`, as github.com/JordanAsh/badge does. Here its updates are
a single vector operation, so that it is not slow for lack of one. It runs in full with 10 classes. With 100
it is timed for two small numbers of picks and extrapolated along a straight line. Both start at the largest
gradient. Ratios are of medians of interleaved rounds. The memory is what one query at 50,000 x 512 and 10
classes adds to the process at its peak.
"""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path

import numpy as np
import torch
from common import about, parser, seconds
from kcenter import memory
from sklearn.metrics import pairwise_distances

from alkit.distances import k_means_plus_plus

COUNT, DIM, PICKS = 10_000, 512, 1_000
SHORT = (2, 6)  # picks timed if the total is extrapolated
LARGE = (50_000, 10, 2_500)  # points, classes, picks of the memory's measurement
BAR, MEMORY_BAR = 100, 2048  # times as fast with 100 classes; MB
SEED = 0


def factors(count: int, classes: int, dim: int = DIM) -> tuple[np.ndarray, np.ndarray]:
    """Return prediction errors [N, classes] and relu embeddings [N, dim] of an unsure classifier."""
    generator = np.random.default_rng(SEED)
    latent = 2.0 * generator.standard_normal((100, 32))[generator.integers(0, 100, count)]
    latent += generator.standard_normal(latent.shape)
    embeddings = np.maximum(latent @ generator.standard_normal((32, dim)), 0.0).astype(np.float32)
    logits = embeddings @ generator.standard_normal((dim, classes)).astype(np.float32)
    logits *= 3.0 / logits.std()
    errors = torch.from_numpy(logits).softmax(dim=1).numpy()
    errors[np.arange(count), errors.argmax(axis=1)] -= 1.0
    return errors, embeddings


def plain(errors: np.ndarray, embeddings: np.ndarray, n: int) -> list[int]:
    """Use all gradient embeddings, with one distance update per pick."""
    rows = (errors[:, :, None] * embeddings[:, None, :]).reshape(len(errors), -1)
    generator = np.random.default_rng(SEED)
    picks = [int(np.einsum("ij,ij->i", rows, rows).argmax())]
    nearest = np.full(len(rows), np.inf)
    while len(picks) < n:
        nearest = np.minimum(nearest, pairwise_distances(rows, rows[picks[-1:]])[:, 0].astype(np.float64))
        nearest[picks] = 0.0
        square = nearest**2
        picks.append(int(generator.choice(len(rows), p=square / square.sum())))
    return picks


def factored(errors: np.ndarray, embeddings: np.ndarray, n: int) -> list[int]:
    generator = np.random.default_rng(SEED)
    drawn = k_means_plus_plus(embeddings, n, factors=errors, first="largest", rng=generator)
    return drawn.indices.tolist()


def compare(classes: int, rounds: int, clock: str) -> dict[str, object]:
    """Time both in turn; with 100 classes, the plain one for two numbers of picks."""
    errors, embeddings = factors(COUNT, classes)
    contenders = {"alkit": lambda: factored(errors, embeddings, PICKS)}
    shorten = classes > 10
    for n in SHORT if shorten else (PICKS,):
        contenders[f"plain, b={n}"] = lambda n=n: plain(errors, embeddings, n)
    taken = seconds(contenders, rounds, clock)
    medians = {name: statistics.median(values) for name, values in taken.items()}
    if shorten:
        few, many = (medians[f"plain, b={n}"] for n in SHORT)
        whole = few + (many - few) * (PICKS - SHORT[0]) / (SHORT[1] - SHORT[0])
    else:
        whole = medians[f"plain, b={PICKS}"]
    return {
        "size": {"N": COUNT, "D": DIM, "classes": classes, "b": PICKS},
        "alkit_seconds": medians["alkit"],
        "plain_seconds": whole,
        "extrapolated": shorten,
        "times_as_fast": whole / medians["alkit"],
        "all_seconds": taken,
    }


def extra_memory() -> float | None:
    """Return the peak resident memory that one seeding adds, in MB; None if Linux does not report it."""
    count, classes, n = LARGE
    errors, embeddings = factors(count, classes)
    if not Path("/proc/self/clear_refs").exists():
        return None
    Path("/proc/self/clear_refs").write_text("5")
    before = memory("VmRSS")
    factored(errors, embeddings, n)
    return memory("VmHWM") - before


def table(report: dict[str, dict]) -> list[str]:
    lines = [
        "| N | D | classes | b | alkit, s | plain, s | times as fast | bar | |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for result in report["compared"]:
        size = " | ".join(f"{value:,}" for value in result["size"].values())
        bar = f"{BAR}" if result["size"]["classes"] == 100 else ""
        how = "extrapolated" if result["extrapolated"] else "in full"
        lines.append(
            f"| {size} | {result['alkit_seconds']:.3g} | {result['plain_seconds']:.4g} | "
            f"{result['times_as_fast']:.0f} | {bar} | {how} |"
        )
    count, classes, n = LARGE
    found = "not measured" if report["extra_memory_mb"] is None else f"{report['extra_memory_mb']:.0f} MB"
    lines += [
        "",
        f"Peak extra memory at {count:,} x {DIM}, {classes} classes, b={n:,}: {found} (bar {MEMORY_BAR} MB)",
    ]
    return lines


def main() -> None:
    made = parser(__doc__)
    made.add_argument(
        "--classes", type=int, nargs="*", default=[10, 100], help="numbers of classes, one after the other"
    )
    made.add_argument("--note", default="", help="what else the machine was doing, for the record")
    made.set_defaults(rounds=3)
    given = made.parse_args()
    torch.set_num_threads(given.threads)
    memory_mb = extra_memory()
    print("memory measured", file=sys.stderr, flush=True)
    compared = [compare(classes, given.rounds, given.clock) for classes in given.classes]
    source = about(given, packages=["scikit-learn"], seed=SEED, note=given.note)
    report = {"source": source, "compared": compared, "extra_memory_mb": memory_mb}
    lines = [
        "# BADGE's seeding",
        "",
        *table(report),
        "",
        *(f"- {key}: {value}" for key, value in source.items()),
    ]
    print("\n".join(lines))
    if given.out:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.with_suffix(".json").write_text(json.dumps(report, indent=1) + "\n")
        given.out.with_suffix(".md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
