"""How fast greedy k-center is, next to textbook loops and scikit-activeml's CoreSet.

    python benchmarks/kcenter.py                 # the two sizes compared, interleaved
    python benchmarks/kcenter.py --growth --million --json kcenter.json --plot kcenter.png

Features are those of a small network trained on shifted and noisy digits, or a file (`--features`, [N, D]
.npy). The slow ones are timed in full at the small size; at the large one at two small numbers of picks, from
which a straight line gives the time of all (`--full` runs them in full). Every figure is the median of
`--rounds` rounds. On a busy machine `--threads 1 --clock cpu` compares processor time, one thread each.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import numpy as np
import torch
from common import about
from sklearn.datasets import load_digits
from sklearn.metrics import pairwise_distances
from threadpoolctl import threadpool_limits

from alkit.distances import k_center

clock = time.perf_counter  # or time.process_time
Method = Callable[[np.ndarray, np.ndarray, int], list[int]]  # features, labeled, n

COMPARED = {"10k": (10_000, 1_000, 1_000), "50k": (50_000, 5_000, 2_500)}
PAUSE = 0.3  # seconds, in which the threads of the one before go to sleep
SHORT = (20, 80)  # picks timed where the whole is extrapolated
BARS = {
    "10k": {"textbook": 50, "scikit-activeml": 30, "numpy": 5},
    "50k": {"textbook": 100, "scikit-activeml": 50, "numpy": 15},
}


def textbook(features: np.ndarray, labeled: np.ndarray, n: int) -> list[int]:
    """The usual loop: float64 distances from all points to each new centre, one column at a time."""
    rows = features.astype(np.float64)
    nearest = np.full(len(rows), np.inf)
    for start in range(0, len(labeled), 100):
        columns = pairwise_distances(rows, rows[labeled[start : start + 100]])
        nearest = np.minimum(nearest, columns.min(axis=1))
    picks: list[int] = []
    for _ in range(n):
        pick = int(np.argmax(nearest))
        picks.append(pick)
        nearest = np.minimum(nearest, pairwise_distances(rows, rows[[pick]])[:, 0])
    return picks


def matrix_vector(features: np.ndarray, labeled: np.ndarray, n: int) -> list[int]:
    """Float32, norms known, one matrix-vector product a pick; labeled centres by blocked matrix products."""
    square = np.einsum("ij,ij->i", features, features)
    nearest = np.full(len(features), np.inf, dtype=np.float32)
    for start in range(0, len(labeled), 500):
        block = labeled[start : start + 500]
        columns = features @ features[block].T
        columns *= -2.0
        columns += square[block]
        np.minimum(nearest, square + columns.min(axis=1), out=nearest)
    nearest[labeled] = -1.0
    picks: list[int] = []
    for _ in range(n):
        pick = int(nearest.argmax())
        picks.append(pick)
        column = features @ features[pick]
        column *= -2.0
        column += square
        column += square[pick]
        np.minimum(nearest, column, out=nearest)
        nearest[pick] = -1.0
    return picks


def scikit_activeml(features: np.ndarray, labeled: np.ndarray, n: int) -> list[int]:
    from skactiveml.pool import CoreSet

    answers = np.full(len(features), np.nan)
    answers[labeled] = 0.0
    return CoreSet(random_state=0).query(features, answers, batch_size=n).tolist()


def alkit_k_center(features: np.ndarray, labeled: np.ndarray, n: int) -> list[int]:
    return k_center(features, labeled, n).indices.tolist()


def trained_features(count: int, dim: int = 512, seed: int = 0) -> np.ndarray:
    """Penultimate features of a network of two layers, trained on shifted and noisy digits for ten epochs."""
    generator = torch.Generator().manual_seed(seed)
    digits = load_digits()
    images = torch.from_numpy(digits.images).float() / 8 - 1
    chosen = torch.randint(0, len(images), (count,), generator=generator)
    shifts = torch.randint(-1, 2, (count, 2), generator=generator).tolist()
    moved = [torch.roll(images[i], shift, (0, 1)) for i, shift in zip(chosen.tolist(), shifts, strict=True)]
    inputs = torch.stack(moved).flatten(1)
    inputs += 0.3 * torch.randn(inputs.shape, generator=generator)
    targets = torch.from_numpy(digits.target)[chosen]
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        body = torch.nn.Sequential(
            torch.nn.Linear(64, 512), torch.nn.ReLU(), torch.nn.Linear(512, dim), torch.nn.ReLU()
        )
        network = torch.nn.Sequential(body, torch.nn.Linear(dim, 10))
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    for _ in range(10):
        for batch in torch.randperm(min(count, 20_000), generator=generator).split(256):
            loss = torch.nn.functional.cross_entropy(network(inputs[batch]), targets[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        return torch.cat([body(part) for part in inputs.split(4096)]).numpy()


def fill(target: np.ndarray, seed: int = 0, intrinsic: int = 32, clusters: int = 100) -> None:
    """Write relu features of clusters of low intrinsic dimension into [N, D] float32, block by block."""
    generator = torch.Generator().manual_seed(seed)
    centres = 2.0 * torch.randn(clusters, intrinsic, generator=generator)
    mixing = torch.randn(intrinsic, target.shape[1], generator=generator)
    for start in range(0, len(target), 20_000):
        rows = min(20_000, len(target) - start)
        latent = centres[torch.randint(0, clusters, (rows,), generator=generator)]
        latent = latent + torch.randn(rows, intrinsic, generator=generator)
        target[start : start + rows] = torch.relu(latent @ mixing).numpy()


def timed(run: Method, features: np.ndarray, labeled: np.ndarray, n: int) -> tuple[float, list[int]]:
    time.sleep(PAUSE)
    started = clock()
    picks = run(features, labeled, n)
    return clock() - started, picks


def memory(field: str) -> float:
    """Resident memory of this process, in MB: VmRSS now, VmHWM the peak since it was last reset."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(field)) / 1024


def extra_memory(features: np.ndarray, labeled: np.ndarray, n: int) -> float | None:
    """Peak resident memory that k-center adds, in MB; None where Linux's account is not there."""
    if not Path("/proc/self/clear_refs").exists():
        return None
    Path("/proc/self/clear_refs").write_text("5")
    before = memory("VmRSS")
    k_center(features, labeled, n)
    return memory("VmHWM") - before


def compare(name: str, features: np.ndarray, rounds: int, full: bool) -> dict[str, object]:
    """Time all methods in turn, round after round."""
    count, known, n = COMPARED[name]
    features = np.ascontiguousarray(features[:count])
    labeled = np.random.default_rng(0).choice(count, known, replace=False)
    slow: dict[str, Method] = {"textbook": textbook}
    if installed("scikit-activeml"):
        slow["scikit-activeml"] = scikit_activeml
    shorten = name == "50k" and not full
    seconds: dict[str, list[float]] = {"alkit": [], "numpy": [], **{method: [] for method in slow}}
    agree: dict[str, float] = {}
    memory_mb = extra_memory(features, labeled, n)
    for _ in range(rounds):
        for method, run in {"numpy": matrix_vector, **slow}.items():
            # next to each slow one, so that what else the machine does weighs on both
            took, ours = timed(alkit_k_center, features, labeled, n)
            seconds["alkit"].append(took)
            if shorten and method in slow:
                few, many = (timed(run, features, labeled, picked)[0] for picked in SHORT)
                seconds[method].append(few + (many - few) * (n - SHORT[0]) / (SHORT[1] - SHORT[0]))
            else:
                took, picks = timed(run, features, labeled, n)
                seconds[method].append(took)
                agree[method] = float(np.mean(np.array(picks) == np.array(ours)))
    medians = {method: statistics.median(values) for method, values in seconds.items()}
    return {
        "size": {"N": count, "L": known, "b": n, "D": features.shape[1]},
        "seconds": medians,
        "all_seconds": seconds,
        "ratio": {method: medians[method] / medians["alkit"] for method in medians if method != "alkit"},
        "bar": BARS[name],
        "extrapolated": sorted(slow) if shorten else [],
        "same_position": agree,
        "extra_memory_mb": memory_mb,
    }


def growth(rounds: int) -> dict[str, list[dict[str, float]]]:
    """Seconds against N (b = 2,500) and against b (N = 100,000), 5,000 labeled."""
    features = np.empty((400_000, 512), dtype=np.float32)
    fill(features)
    result: dict[str, list[dict[str, float]]] = {"N": [], "b": []}
    sizes = [("N", count, 2_500) for count in (12_500, 25_000, 50_000, 100_000, 200_000, 400_000)]
    sizes += [("b", 100_000, n) for n in (625, 1_250, 2_500, 5_000, 10_000, 20_000)]
    for axis, count, n in sizes:
        part, labeled = features[:count], np.random.default_rng(0).choice(count, 5_000, replace=False)
        took = statistics.median(timed(alkit_k_center, part, labeled, n)[0] for _ in range(rounds))
        result[axis].append({"N": count, "b": n, "seconds": took})
        print(f"growth in {axis}: N={count:,} b={n:,} {took:.2f} s", file=sys.stderr)
    return result


def million(scratch: str | None, rounds: int) -> dict[str, float]:
    """Seconds for 1,000,000 x 512, 5,000 labeled, b = 10,000: from a memory-mapped file, then from memory."""
    shape, labeled = (1_000_000, 512), np.random.default_rng(0).choice(1_000_000, 5_000, replace=False)
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        mapped = np.memmap(Path(folder) / "features.bin", dtype=np.float32, mode="w+", shape=shape)
        fill(mapped)
        mapped.flush()
        runs: dict[str, list[float]] = {"memory-mapped": [], "in memory": []}
        for _ in range(rounds):
            mapped = np.memmap(Path(folder) / "features.bin", dtype=np.float32, mode="r", shape=shape)
            runs["memory-mapped"].append(timed(alkit_k_center, mapped, labeled, 10_000)[0])
            features = np.array(mapped)
            del mapped
            runs["in memory"].append(timed(alkit_k_center, features, labeled, 10_000)[0])
            del features
    return {name: statistics.median(values) for name, values in runs.items()}


def installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def table(results: dict[str, dict[str, object]]) -> str:
    lines = ["| size | method | seconds | ratio | bar | |", "|---|---|---|---|---|---|"]
    for name, result in results.items():
        size = " ".join(f"{key}={value:,}" for key, value in result["size"].items())
        lines.append(
            f"| {size} | alkit | {result['seconds']['alkit']:.3f} | 1 | | "
            f"+{result['extra_memory_mb'] or 0:.0f} MB |"
        )
        for method, ratio in result["ratio"].items():
            note = "extrapolated" if method in result["extrapolated"] else "in full"
            bar = result["bar"].get(method, "")
            lines.append(
                f"| {name} | {method} | {result['seconds'][method]:.2f} | {ratio:.1f} | {bar} | {note} |"
            )
    return "\n".join(lines)


def plot(found: dict[str, list[dict[str, float]]], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(9, 3.5), constrained_layout=True)
    fixed = {"N": "b = 2,500", "b": "N = 100,000"}
    for axis, (name, points) in zip(axes, found.items(), strict=True):
        axis.loglog([point[name] for point in points], [point["seconds"] for point in points], marker="o")
        axis.set(xlabel=name, ylabel="seconds", title=f"{fixed[name]}, L = 5,000, D = 512")
        axis.set_xticks(
            ticks := [point[name] for point in points], [f"{tick:,.0f}" for tick in ticks], rotation=40
        )
        taken = [point["seconds"] for point in points]
        steps = [s for s in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50) if min(taken) / 2 < s < 2 * max(taken)]
        axis.set_yticks(steps, [f"{step:g}" for step in steps])
        axis.minorticks_off()
        axis.grid(True, which="both", alpha=0.3)
    figure.savefig(path, dpi=120)


def main() -> None:
    global clock
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", nargs="*", choices=list(COMPARED), default=list(COMPARED))
    parser.add_argument("--rounds", type=int, default=3, help="how often each is timed")
    parser.add_argument("--features", type=Path, help="[N, D] float32 .npy instead of the trained digits")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of each method")
    parser.add_argument(
        "--clock", choices=["wall", "cpu"], default="wall", help="cpu: of all threads together"
    )
    parser.add_argument("--full", action="store_true", help="run the slow ones in full at the large size")
    parser.add_argument("--growth", action="store_true", help="growth in N and in b")
    parser.add_argument("--million", action="store_true", help="1,000,000 x 512, b = 10,000")
    parser.add_argument("--scratch", help="folder for the file of 2 GB")
    parser.add_argument("--json", type=Path, help="write all figures here")
    parser.add_argument("--plot", type=Path, help="draw the growth here (needs matplotlib)")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    threadpool_limits(arguments.threads)
    if arguments.clock == "cpu":
        clock = time.process_time
    packages = [name for name in ("scikit-learn", "scikit-activeml") if installed(name)]
    report: dict[str, object] = {"source": about(arguments, packages=packages)}
    if arguments.sizes:
        largest = max(COMPARED[name][0] for name in arguments.sizes)
        features = np.load(arguments.features) if arguments.features else trained_features(largest)
        alkit_k_center(features[:2000], np.array([0]), 100)  # libraries loaded
        report["compared"] = {
            name: compare(name, features, arguments.rounds, arguments.full) for name in arguments.sizes
        }
        print(table(report["compared"]))
        del features
    if arguments.million:
        report["million"] = million(arguments.scratch, arguments.rounds)
        print(
            "1,000,000 x 512, b = 10,000:",
            {name: round(value, 2) for name, value in report["million"].items()},
        )
    if arguments.growth:
        report["growth"] = growth(arguments.rounds)
        if arguments.plot:
            plot(report["growth"], arguments.plot)
    print(json.dumps(report["source"]))
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
