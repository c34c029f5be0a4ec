"""How fast greedy k-center is, compared with textbook loops and scikit-activeml's CoreSet.

    python benchmarks/kcenter.py                 # both sizes, interleaved
    python benchmarks/kcenter.py --growth --million --out kcenter --plot kcenter.png
    python benchmarks/kcenter.py --device cuda   # compared with the same loop on the GPU and alkit on the CPU

The features come from a small network trained on shifted and noisy digits, or from a file (`--features`,
[N, D] .npy). The slow methods are timed in full at the small size. At the large size they are timed for two
small numbers of picks and extrapolated along a straight line (`--full` runs them in full). Every figure is
the median of `--rounds` rounds. On a busy machine, `--threads 1 --clock cpu` compares processor time with
one thread each. On a GPU, the features are in its memory beforehand, as embeddings are, and the picks end
on the host.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import about, parser
from sklearn.datasets import load_digits
from sklearn.metrics import pairwise_distances
from threadpoolctl import threadpool_limits

from alkit.distances import k_center

clock = time.perf_counter  # or time.process_time
Features = np.ndarray | torch.Tensor
Method = Callable[[Features, np.ndarray, int], list[int]]  # features, labeled, n

COMPARED = {"10k": (10_000, 1_000, 1_000), "50k": (50_000, 5_000, 2_500), "tiny": (400, 40, 100)}
MILLION = (1_000_000, 5_000, 10_000)
PAUSE = 0.3  # seconds, in which the threads of the method before go to sleep
SLOW = ("textbook", "scikit-activeml")
SHORT = (20, 80)  # picks timed if the total is extrapolated
BARS = {
    "10k": {"textbook": 50, "scikit-activeml": 30, "numpy": 5},
    "50k": {"textbook": 100, "scikit-activeml": 50, "numpy": 15},
}


def textbook(features: np.ndarray, labeled: np.ndarray, n: int) -> list[int]:
    """The usual loop: float64 distances from all points to each new center, one column at a time."""
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
    """Float32, norms known, one matrix-vector product per pick; blocked products for labeled centers."""
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


def torch_matrix_vector(features: torch.Tensor, labeled: np.ndarray, n: int) -> list[int]:
    """The same in torch, on the features' device; the host does not wait before the last pick."""
    square = features.square().sum(dim=1)
    nearest = torch.full_like(square, torch.inf)
    known = torch.from_numpy(labeled).to(features.device)
    for block in known.split(500):
        columns = torch.addmm(square[block], features, features[block].T, alpha=-2)
        torch.minimum(nearest, columns.amin(dim=1).add_(square), out=nearest)
    nearest[known] = -1.0
    picks = torch.empty(n, dtype=torch.int64, device=features.device)
    for number in range(n):
        pick = nearest.argmax(dim=0, keepdim=True)
        picks[number] = pick[0]
        centre = features.index_select(0, pick)[0]
        column = torch.addmv(square, features, centre, alpha=-2).add_(square.index_select(0, pick))
        torch.minimum(nearest, column, out=nearest)
        nearest.index_fill_(0, pick, -1.0)
    return picks.tolist()


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


def timed(run: Method, features: Features, labeled: np.ndarray, n: int) -> tuple[float, list[int]]:
    time.sleep(PAUSE)
    started = clock()
    picks = run(features, labeled, n)
    return clock() - started, picks


def memory(field: str) -> float:
    """Resident memory of this process, in MB: VmRSS now, VmHWM the peak since it was last reset."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(field)) / 1024


def extra_memory(features: Features, labeled: np.ndarray, n: int) -> float | None:
    """Peak memory in MB that k-center adds on the features' device; None if it cannot be measured."""
    if isinstance(features, torch.Tensor) and features.is_cuda:
        torch.cuda.reset_peak_memory_stats(features.device)
        before = torch.cuda.memory_allocated(features.device)
        k_center(features, labeled, n)
        return (torch.cuda.max_memory_allocated(features.device) - before) / 2**20
    if not Path("/proc/self/clear_refs").exists():
        return None
    Path("/proc/self/clear_refs").write_text("5")
    before_mb = memory("VmRSS")
    k_center(features, labeled, n)
    return memory("VmHWM") - before_mb


def peers(device: torch.device) -> dict[str, tuple[Method, torch.device]]:
    """Return the methods that alkit is compared with on a device, the slow ones last, and their devices."""
    cpu = torch.device("cpu")
    if device.type == "cuda":
        return {
            "torch on the GPU": (torch_matrix_vector, device),
            "alkit on the CPU": (alkit_k_center, cpu),
        }
    found: dict[str, tuple[Method, torch.device]] = {
        "numpy": (matrix_vector, cpu),
        "textbook": (textbook, cpu),
    }
    if installed("scikit-activeml"):
        found["scikit-activeml"] = (scikit_activeml, cpu)
    return found


def compare(
    name: str, features: np.ndarray, rounds: int, full: bool, device: torch.device
) -> dict[str, object]:
    """Time all methods in turn, round after round."""
    count, known, n = COMPARED[name]
    features = np.ascontiguousarray(features[:count])
    near: Features = features if device.type == "cpu" else torch.from_numpy(features).to(device)
    labeled = np.random.default_rng(0).choice(count, known, replace=False)
    others = peers(device)
    shortened = [] if full or name != "50k" else [other for other in others if other in SLOW]
    seconds: dict[str, list[float]] = {"alkit": [], **{method: [] for method in others}}
    agree: dict[str, float] = {}
    memory_mb = extra_memory(near, labeled, n)
    for _ in range(rounds):
        for method, (run, place) in others.items():
            # next to each slow one, so that what else the machine does weighs on both
            took, ours = timed(alkit_k_center, near, labeled, n)
            seconds["alkit"].append(took)
            rows = features if place.type == "cpu" else near
            if method in shortened:
                few, many = (timed(run, rows, labeled, picked)[0] for picked in SHORT)
                seconds[method].append(few + (many - few) * (n - SHORT[0]) / (SHORT[1] - SHORT[0]))
            else:
                took, picks = timed(run, rows, labeled, n)
                seconds[method].append(took)
                agree[method] = float(np.mean(np.array(picks) == np.array(ours)))
    medians = {method: statistics.median(values) for method, values in seconds.items()}
    return {
        "size": {"N": count, "L": known, "b": n, "D": features.shape[1]},
        "seconds": medians,
        "all_seconds": seconds,
        "ratio": {method: medians[method] / medians["alkit"] for method in medians if method != "alkit"},
        "bar": BARS.get(name, {}),
        "extrapolated": sorted(shortened),
        "same_position": agree,
        "extra_memory_mb": memory_mb,
    }


def growth(rounds: int, device: torch.device) -> dict[str, list[dict[str, float]]]:
    """Seconds against N (b = 2,500) and against b (N = 100,000), 5,000 labeled."""
    array = np.empty((400_000, 512), dtype=np.float32)
    fill(array)
    features = array if device.type == "cpu" else torch.from_numpy(array).to(device)
    result: dict[str, list[dict[str, float]]] = {"N": [], "b": []}
    sizes = [("N", count, 2_500) for count in (12_500, 25_000, 50_000, 100_000, 200_000, 400_000)]
    sizes += [("b", 100_000, n) for n in (625, 1_250, 2_500, 5_000, 10_000, 20_000)]
    for axis, count, n in sizes:
        part, labeled = features[:count], np.random.default_rng(0).choice(count, 5_000, replace=False)
        took = statistics.median(timed(alkit_k_center, part, labeled, n)[0] for _ in range(rounds))
        result[axis].append({"N": count, "b": n, "seconds": took})
        print(f"growth in {axis}: N={count:,} b={n:,} {took:.2f} s", file=sys.stderr)
    return result


def million(
    sizes: tuple[int, int, int], scratch: str | None, rounds: int, device: torch.device
) -> dict[str, Any]:
    """Measure seconds from a memory-mapped file, then from memory, for many rows of 512 numbers."""
    count, known, n = sizes
    shape, labeled = (count, 512), np.random.default_rng(0).choice(count, known, replace=False)
    runs: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        mapped = np.memmap(Path(folder) / "features.bin", dtype=np.float32, mode="w+", shape=shape)
        fill(mapped)
        mapped.flush()
        for _ in range(rounds):
            mapped = np.memmap(Path(folder) / "features.bin", dtype=np.float32, mode="r", shape=shape)
            if device.type == "cpu":
                took, _ = timed(alkit_k_center, mapped, labeled, n)
                runs.setdefault("memory-mapped", []).append(took)
            features = torch.from_numpy(np.array(mapped)).to(device)
            del mapped
            took, _ = timed(alkit_k_center, features, labeled, n)
            runs.setdefault("in memory", []).append(took)
        memory_mb = extra_memory(features, labeled, n)
    return {
        "seconds": {name: statistics.median(values) for name, values in runs.items()},
        "extra_memory_mb": memory_mb,
    }


def installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def table(results: dict[str, dict[str, object]]) -> list[str]:
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
    return lines


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
    arguments = parser(__doc__, devices=True)
    arguments.set_defaults(rounds=3)
    arguments.add_argument("--sizes", nargs="*", choices=list(COMPARED), default=["10k", "50k"])
    arguments.add_argument("--features", type=Path, help="[N, D] float32 .npy instead of features of digits")
    arguments.add_argument(
        "--full", action="store_true", help="run the slow methods in full at the large size"
    )
    arguments.add_argument("--growth", action="store_true", help="measure growth in N and in b")
    arguments.add_argument("--million", action="store_true", help="1,000,000 x 512, b = 10,000")
    arguments.add_argument("--scratch", help="folder for a file of 2 GB")
    arguments.add_argument("--plot", type=Path, help="file for a plot of the growth (needs matplotlib)")
    given = arguments.parse_args()
    sizes = ["tiny"] if given.tiny and given.sizes else given.sizes
    most = COMPARED["tiny"] if given.tiny else MILLION
    torch.set_num_threads(given.threads)
    threadpool_limits(given.threads)
    if given.clock == "cpu":
        clock = time.process_time
    packages = [name for name in ("scikit-learn", "scikit-activeml") if installed(name)]
    source = about(given, packages=packages, device=str(given.device))
    found: dict[str, object] = {"source": source}
    lines = ["# Greedy k-center"]
    if sizes:
        largest = max(COMPARED[name][0] for name in sizes)
        features = np.load(given.features) if given.features else trained_features(largest)
        warm = torch.from_numpy(features[:2000]).to(given.device)
        alkit_k_center(warm, np.array([0]), 100)  # libraries loaded
        compared = {name: compare(name, features, given.rounds, given.full, given.device) for name in sizes}
        found["compared"] = compared
        lines += ["", *table(compared)]
        del features
    if given.million:
        found["million"] = far = million(most, given.scratch, given.rounds, given.device)
        taken = ", ".join(f"{name} {value:.2f} s" for name, value in far["seconds"].items())
        memory_mb = far["extra_memory_mb"] or 0
        known = f"{most[0]:,} x 512, {most[1]:,} labeled, b = {most[2]:,}"
        lines += ["", f"{known}: {taken}; +{memory_mb:.0f} MB"]
    if given.growth:
        found["growth"] = growth(given.rounds, given.device)
        if given.plot:
            plot(found["growth"], given.plot)
    lines += ["", *(f"- {key}: {value}" for key, value in source.items())]
    print("\n".join(lines))
    if given.out:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n")
        given.out.with_suffix(".md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
