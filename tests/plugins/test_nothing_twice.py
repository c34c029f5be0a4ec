"""In one selection the task model sees each image once at most, and the profiler finds nothing done twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch.profiler import ProfilerActivity, profile

import alkit.testing
from alkit import options
from alkit.data.loader import Batch
from alkit.plugin import registry
from alkit.training.types import Output

SEEN = {
    "random": "nothing",
    "subset": "nothing",
    "entropy": "candidates",
    "margin": "candidates",
    "least-confidence": "candidates",
    "mc-entropy": "candidates",
    "bald": "candidates",
    "batchbald": "candidates",
    "learning-loss": "candidates",
    "badge": "candidates",
    "cluster-margin": "candidates, then both",  # to cluster, in the first query alone
    "cdal": "both",
    "coreset": "both",
    "kmeans": "candidates",
    "typiclust": "both",
    "probcover": "both",
    "maxherding": "both",
    "uherding": "both",
    "dropquery": "candidates",
    "galaxy": "both",
    "bait": "both",
    "egl": "candidates",
    "tod": "nothing",  # in the first query
    "ss-vaal": "both",
    "coregcn": "both",
    "uncertaingcn": "both",
    "vaal": "nothing",
    "ta-vaal": "both",
}


@pytest.mark.parametrize("name", SEEN)
def test_each_image_passes_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"iterations": 2} if "vaal" in name else {}
    strategy = options.build(registry.strategies.get(name), given)
    world = alkit.testing.make_world()
    world.train(strategy)
    cycle = world.cycle()
    seen: list[int] = []
    forward = cycle.model.forward_batch

    def counting(batch: Batch) -> Output:
        seen.extend(batch.indices.tolist())
        return forward(batch)

    monkeypatch.setattr(cycle.model, "forward_batch", counting)
    world.choose(strategy, 5, cycle)
    expected = {
        "nothing": np.empty(0, dtype=np.int64),
        "candidates": cycle.candidates,
        "both": np.union1d(cycle.labeled, cycle.candidates),
        "candidates, then both": np.concatenate([cycle.candidates, cycle.labeled, cycle.candidates]),
    }[SEEN[name]]
    assert sorted(seen) == sorted(expected.tolist())


def test_no_strategy_is_left_out() -> None:
    own = {plugin.name for plugin in registry.strategies if plugin.distribution == "alkit"}
    composed = {name for name in own if issubclass(registry.strategies.get(name), alkit.Combinator)}
    others = {"disputed", "mc-variance", "ppal"}  # for answers, numbers and boxes
    assert own - composed - others == set(SEEN)


def images_by_layer(work: Callable[[], object]) -> Counter[tuple[int, ...]]:
    """Profile `work`; return how many maps passed each convolution, by the shape of its weight."""
    with profile(activities=[ProfilerActivity.CPU], record_shapes=True) as profiled:
        work()
    passed: Counter[tuple[int, ...]] = Counter()
    for event in profiled.key_averages(group_by_input_shape=True):
        if event.key == "aten::convolution":
            images, weight = event.input_shapes[:2]
            passed[tuple(weight)] += images[0] * event.count
    return passed


def test_the_profiler_sees_no_image_twice_in_the_task_model() -> None:
    world = alkit.testing.make_world()
    strategy = options.build(registry.strategies.get("ta-vaal"), {"iterations": 3, "channels": (5, 6)})
    world.train(strategy)
    cycle = world.cycle()
    layers = [m for m in world.model.network.modules() if isinstance(m, torch.nn.Conv2d)]
    passed = images_by_layer(lambda: world.choose(strategy, 5, cycle))
    everyone = len(cycle.labeled) + len(cycle.candidates)
    assert layers and all(passed[tuple(layer.weight.shape)] == everyone for layer in layers)


def test_the_profiler_sees_only_what_the_adversary_needs() -> None:
    """The encoder runs in both steps of an iteration and once to judge; the decoder in the VAE's alone."""
    world = alkit.testing.make_world()
    given = {"iterations": 3, "channels": (5, 6), "latent": 4, "batch-size": 7}
    strategy = options.build(registry.strategies.get("ta-vaal"), given)
    world.train(strategy)
    cycle = world.cycle()
    passed = images_by_layer(lambda: world.choose(strategy, 5, cycle))
    everyone = len(cycle.labeled) + len(cycle.candidates)
    first, second, last = (5, 3, 4, 4), (6, 5, 4, 4), (5, 3, 1, 1)
    encoded, entries = 3 * 4 * 7 + everyone, 3 * (4 + 1 + 1)  # latent, rank and bias, once an iteration
    assert passed[first] == encoded
    assert passed[second] == encoded + entries  # the decoder's first layer has the same shape
    assert passed[last] == 3 * 2 * 7


def test_embeddings_are_kept_for_the_rest_of_the_cycle(monkeypatch: pytest.MonkeyPatch) -> None:
    world = alkit.testing.make_world()
    world.train(registry.strategies.get("coreset")())
    cycle = world.cycle()
    first = cycle.embeddings(cycle.candidates)
    monkeypatch.setattr(cycle.model, "forward_batch", None)  # asking it again would fail
    again = cycle.embeddings(cycle.candidates[::2])
    assert (again == first[::2]).all()
