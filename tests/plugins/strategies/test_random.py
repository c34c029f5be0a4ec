"""Random sampling."""

from __future__ import annotations

import numpy as np

from alkit_plugins.strategies.random import Random


def test_picks_are_distinct_candidates(make_cycle):
    cycle = make_cycle(count=40, labeled=10)
    picks = Random().select(cycle, 30)
    assert sorted(picks) == list(range(10, 40))


def test_seed_decides(make_cycle):
    first, again, other = (Random().select(make_cycle(seed=seed), 8) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_uniform(make_cycle):
    counts = np.zeros(14)
    for seed in range(400):
        counts[Random().select(make_cycle(count=14, labeled=4, seed=seed), 5)] += 1
    assert counts[:4].sum() == 0
    # 200 times each in the mean; five standard deviations of a binomial count
    assert np.abs(counts[4:] - 200).max() < 50


def test_looks_at_no_model(make_cycle):
    cycle = make_cycle()
    Random().select(cycle, 3)
    assert cycle.model.asked == 0
    assert Random.needs == frozenset()
    assert Random().companion(None) is None
