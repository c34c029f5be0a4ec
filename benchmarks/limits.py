"""Why some targets are hard to reach: the profile, and the distance to the machine's limit.

    python benchmarks/limits.py
    python benchmarks/limits.py --cases k-center --rounds 9

For each case, this prints the times and the target ("bar"), torch's profile of alkit's side by operator,
and a limit. The limit gives every operator that runs the larger of two times: its floating-point operations
at the peak of matrix products, and the bytes of its inputs and outputs at the speed of a copy. Both peaks
are measured first. What no operator explains (Python, numpy, the allocator) counts as zero. Data in a cache
moves faster than a copy, so an operator may beat its limit. Both sides run in one process here; use the
ratios of `speed.py`.
"""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import adversary
import kcenter
import numpy as np
import torch
import training
from common import about, parser, precisions, seconds
from torch.profiler import ProfilerActivity, profile
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from alkit.utils.malloc import keep_freed_memory

CPU = torch.device("cpu")
GATHERS = (torch.ops.aten.index_select, torch.ops.aten.index, torch.ops.aten.gather)  # read what they return
Case = tuple[Callable[[], object], Callable[[], object], float]  # baseline, alkit's, times as fast


class Peak(NamedTuple):
    """The peaks of this machine: operations per second by data type, and bytes per second."""

    flops: dict[torch.dtype, float]
    bytes: float


class Counter(TorchDispatchMode):
    """Adds up operations, bytes, and for each operator the least time that they could take."""

    def __init__(self, peak: Peak) -> None:
        super().__init__()
        self.peak, self.flops, self.bytes = peak, 0, 0
        self.least: dict[str, float] = defaultdict(float)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if not func.is_view:
            gathers = func.overloadpacket in GATHERS
            leaves = tree_leaves((result, result) if gathers else (args, kwargs, result))
            tensors = [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]
            moved = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
            count = flop_registry.get(func.overloadpacket)
            flops = 0 if count is None else count(*args, **kwargs, out_val=result)
            half = any(tensor.dtype == torch.bfloat16 for tensor in tensors)
            speed = self.peak.flops[torch.bfloat16 if half else torch.float32]
            self.least[func.overloadpacket.__name__] += max(flops / speed, moved / self.peak.bytes)
            self.flops, self.bytes = self.flops + flops, self.bytes + moved
        return result


def measured_peak(rounds: int) -> Peak:
    """Measure by multiplying square matrices, and by copying more than any cache holds."""

    def product(dtype: torch.dtype) -> float:
        left, right = (torch.randn(2048, 2048).to(dtype) for _ in range(2))
        return 2 * 2048**3 / min(seconds({"": lambda: left @ right}, rounds)[""])

    source = torch.randn(1 << 26)
    target = torch.empty_like(source)
    copied = 2 * source.numel() * 4 / min(seconds({"": lambda: target.copy_(source)}, rounds)[""])
    return Peak({dtype: product(dtype) for dtype in (getattr(torch, p) for p in precisions(CPU))}, copied)


def k_center(size: str) -> Case:
    count, known, n = kcenter.COMPARED[size]
    features = kcenter.trained_features(count)
    labeled = np.random.default_rng(0).choice(count, known, replace=False)
    sides = [partial(run, features, labeled, n) for run in (kcenter.matrix_vector, kcenter.alkit_k_center)]
    return sides[0], sides[1], kcenter.BARS["10k"]["numpy"]


def scoring(batch: int, threads: int, precision: Any) -> Case:
    sides = (
        adversary.textbook(batch, threads, CPU),
        adversary.reworked(batch, threads, CPU, precision),
    )
    piece = adversary.SCORING
    return sides[0][piece], sides[1][piece], adversary.BARS[piece][f"alkit, {precision}"]


def trained(count: int, batch: int, threads: int, precision: Any) -> Case:
    piece, sizes = training.PIECE, (count, batch, threads, CPU)
    baseline, ours = training.plain(*sizes)[piece], training.ours(*sizes, precision)[piece]
    return baseline, ours, training.BARS[piece][f"alkit, {precision}"]


def explain(name: str, case: Case, peak: Peak, rounds: int) -> list[str]:
    """Time a case, profile it, and compute its limit."""
    baseline, ours, bar = case
    taken = seconds({"baseline": baseline, "ours": ours}, rounds)
    before, now = (statistics.median(values) for values in taken.values())
    with Counter(peak) as counter:
        ours()
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        started = time.perf_counter()
        ours()
        whole = time.perf_counter() - started
    events = sorted(profiled.key_averages(), key=lambda event: -event.self_cpu_time_total)
    inside = sum(event.self_cpu_time_total for event in events) / 1e6
    least = sum(counter.least.values())
    largest = sorted(counter.least.items(), key=lambda item: -item[1])[:4]
    times = f"{before / now:.2f} times as fast. The bar of {bar:g} times is at {before / bar:.4g} s"
    moved = f"{counter.flops / 1e9:.4g} GFLOP and {counter.bytes / 1e9:.4g} GB"
    speed = f"{counter.flops / now / 1e9:.4g} GFLOP/s and {counter.bytes / now / 1e9:.4g} GB/s"
    shares = [(event.key, event.count, event.self_cpu_time_total / 1e6 / whole) for event in events[:8]]
    return [
        f"## {name}",
        "",
        f"{now:.4g} s against {before:.4g} s: {times}: {'met' if now <= before / bar else 'missed'} here.",
        "",
        "| operator | calls | share of the time |",
        "|---|---|---|",
        *(f"| {operator} | {calls} | {share:.0%} |" for operator, calls, share in shares),
        f"| none: Python, numpy | | {max(0.0, 1 - inside / whole):.0%} |",
        "",
        f"{moved} at {speed}. The limit of these operators is {least:.4g} s, {least / now:.0%} of the time "
        f"taken and {before / least:.3g} times as fast as the baseline: "
        + ", ".join(f"{operator} {value:.3g} s" for operator, value in largest),
        "",
    ]


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--tiny", action="store_true", help="tiny sizes that only test the code")
    arguments.add_argument("--cases", nargs="*", default=[""], help="only cases whose names begin with this")
    given = arguments.parse_args()
    torch.set_num_threads(given.threads)
    keep_freed_memory()  # as alkit's commands do
    batch, count = (2, 4) if given.tiny else (128, 512)
    cases = {"k-center against numpy's product": partial(k_center, "tiny" if given.tiny else "10k")}
    for name in precisions(CPU):
        cases[f"scoring, {name}"] = partial(scoring, batch, given.threads, name)
        cases[f"training, {name}"] = partial(trained, count, batch, given.threads, name)
    peak = measured_peak(given.rounds)
    speeds = ", ".join(f"{speed / 1e9:.0f} GFLOP/s in {dtype}" for dtype, speed in peak.flops.items())
    lines = ["# Limits", "", f"Measured peaks: {speeds}, {peak.bytes / 1e9:.1f} GB/s.", ""]
    for name, make in cases.items():
        if name.startswith(tuple(given.cases)):
            lines += explain(name, make(), peak, given.rounds)
    lines += [f"- {key}: {value}" for key, value in about(given).items()]
    print("\n".join(lines))
    if given.out:
        given.out.with_suffix(".md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
