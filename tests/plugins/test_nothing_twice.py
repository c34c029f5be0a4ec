"""In one selection the task model sees each image once at most."""

from __future__ import annotations

import numpy as np
import pytest

import alkit.testing
from alkit import options, plugins
from alkit.batches import Batch
from alkit.task import Output

SEEN = {
    "random": "nothing",
    "subset": "nothing",
    "vaal": "nothing",
    "entropy": "candidates",
    "margin": "candidates",
    "least-confidence": "candidates",
    "mc-entropy": "candidates",
    "bald": "candidates",
    "batchbald": "candidates",
    "badge": "candidates",
    "kmeans": "candidates",
    "learning-loss": "candidates",
    "coreset": "both",
    "typiclust": "both",
    "probcover": "both",
    "uncertaingcn": "both",
    "coregcn": "both",
    "ta-vaal": "both",
}
LESS = {"vaal": {"iterations": 2}, "ta-vaal": {"iterations": 2}}


@pytest.mark.parametrize("name", SEEN)
def test_each_image_passes_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    strategy = options.build(plugins.strategies.get(name), LESS.get(name))
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
    }[SEEN[name]]
    assert sorted(seen) == expected.tolist()


def test_embeddings_are_kept_for_the_rest_of_the_cycle(monkeypatch: pytest.MonkeyPatch) -> None:
    world = alkit.testing.make_world()
    world.train(plugins.strategies.get("coreset")())
    cycle = world.cycle()
    first = cycle.embeddings(cycle.candidates)
    monkeypatch.setattr(cycle.model, "forward_batch", None)  # asking it again would fail
    again = cycle.embeddings(cycle.candidates[::2])
    assert (again == first[::2]).all()


def test_no_strategy_is_left_out() -> None:
    own = {plugin.name for plugin in plugins.strategies if plugin.distribution == "alkit"}
    composed = {name for name in own if issubclass(plugins.strategies.get(name), alkit.Combinator)}
    assert own - composed - {"disputed"} == set(SEEN)  # that one looks at answers only
