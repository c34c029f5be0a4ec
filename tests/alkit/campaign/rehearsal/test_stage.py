"""Replays on a small world: pairs, judges that are never trained on, and results that are kept."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from alkit.campaign.rehearsal.stage import Stage
from alkit.composition.factory import make_strategy
from alkit.testing.world import CLASSES, make_world


@pytest.fixture(scope="module")
def stage() -> Stage:
    """All images labeled, and half of ten held out for each replay."""
    world = make_world("classification")
    everything = np.arange(len(world.values))
    return Stage(
        images=world.images,
        labeled=everything,
        values=world.values,
        task=world.model,
        classes=CLASSES,
        test=None,
        held_out=everything[:10],
        seed=1,
        device=world.device,
    )


def test_judges_are_not_trained_on_and_differ_from_replay_to_replay(stage: Stage) -> None:
    orders = [stage.order(seed) for seed in range(2)]
    for order in orders:
        assert len(set(order.tolist())) == len(stage.labeled) - 5 == stage.trained_on
        assert set(range(10, len(stage.labeled))) <= set(order.tolist())
    assert set(orders[0].tolist()) != set(orders[1].tolist())
    assert stage.order(0).tolist() == orders[0].tolist()


def test_an_interrupted_rehearsal_goes_on(stage: Stage) -> None:
    kept: dict[str, list[float]] = {}
    computed = []

    def keep(name: str, compute: Callable[[], list[float]]) -> list[float]:
        if name not in kept:
            if len(computed) == 1:
                raise KeyboardInterrupt
            computed.append(name)
            kept[name] = compute()
        return kept[name]

    strategies = [make_strategy("entropy")]
    with pytest.raises(KeyboardInterrupt):
        stage.replays(strategies, 1, keep)
    assert list(kept) == ["random-0"]
    computed.clear()
    found = stage.replays(strategies, 1, keep)
    assert computed == ["entropy-0"]
    assert found.curve[0] == tuple(kept["random-0"]) and len(found.curve[0]) == len(found.sizes)
    assert [arm.values for arm in found.arms["entropy"]] == [(value,) for value in kept["entropy-0"]]
    assert all(value < 0 for value in found.curve[0])  # of a loss, larger is better


def test_choices_that_differ_only_in_options_are_replayed_apart(stage: Stage) -> None:
    texts = ["coreset", "coreset(metric=cosine)", "power(margin)", "power(entropy)", "power(margin, beta=2)"]
    names = []

    def keep(name: str, compute: Callable[[], list[float]]) -> list[float]:
        names.append(name)
        return [float(len(names))] * 5

    found = stage.replays([make_strategy(text) for text in texts], 1, keep)
    assert list(found.arms) == [*texts[:4], "power(margin, beta=2.0)"]
    assert len({arms[0].values for arms in found.arms.values()}) == len(texts)
    assert len(set(names)) == 1 + len(texts)
