"""Turns between clusters, by hand."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from alkit_plugins.components.clusters import in_turn

CLUSTER = np.array([0, 1, 1, 1, 2, 2, 0, 3])
COST = np.array([1.0, 0.5, 0.2, 0.2, 0.9, 0.1, 0.0, 0.0])
ALL = np.arange(8)


def test_larger_clusters_first_then_the_lower_number_then_again():
    chosen = in_turn(CLUSTER, COST, ALL[:0], ALL, 8)
    # Sizes 2, 3, 2, 1: cluster 1, then 0 and 2, then 3; then second members in the same order.
    assert chosen.tolist() == [2, 6, 5, 7, 3, 0, 4, 1]
    assert chosen.dtype == np.int64


def test_known_members_count_and_are_not_chosen():
    known = np.array([2, 6, 7])
    chosen = in_turn(CLUSTER, COST, known, np.setdiff1d(ALL, known), 5)
    assert chosen.tolist() == [5, 3, 0, 4, 1]


def test_small_clusters_wait():
    assert in_turn(CLUSTER, COST, ALL[:0], ALL, 8, smallest=3).tolist() == [2, 3, 1, 6, 5, 7, 0, 4]


def test_only_candidates_are_chosen():
    assert in_turn(CLUSTER, COST, ALL[:0], np.array([7, 4, 1]), 3).tolist() == [1, 4, 7]


@settings(max_examples=20, derandomize=True, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_any_partition_gives_distinct_candidates(seed):
    rng = np.random.default_rng(seed)
    cluster = rng.integers(0, 6, 40)
    order = rng.permutation(40)
    known, candidates = order[:10], np.sort(order[10:35])
    for n in (0, 1, 13, 25):
        chosen = in_turn(cluster, rng.integers(0, 3, 40).astype(float), known, candidates, n, smallest=5)
        assert len(set(chosen.tolist())) == n and set(chosen.tolist()) <= set(candidates.tolist())
