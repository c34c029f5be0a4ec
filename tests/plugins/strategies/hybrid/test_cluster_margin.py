"""Cluster-Margin: whose turn it is, and clusters that are found once."""

from __future__ import annotations

import numpy as np
import torch

from alkit_plugins.components import clusters
from alkit_plugins.strategies.hybrid.cluster_margin import ClusterMargin, in_turn


def test_the_smallest_groups_come_first_and_each_in_turn():
    group = np.array([2, 0, 0, 0, 1, 1, 2, 0])
    order = in_turn(group, 8, np.random.default_rng(0))
    assert group[order].tolist() == [1, 2, 0, 1, 2, 0, 0, 0]
    assert sorted(order.tolist()) == list(range(8))
    others = {tuple(in_turn(group, 3, np.random.default_rng(seed)).tolist()) for seed in range(20)}
    assert len(others) > 3


def test_picks_are_of_the_smallest_margins(make_cycle):
    cycle = make_cycle(60, labeled=10)
    alone, wide = ClusterMargin(factor=1.0), ClusterMargin(factor=2.0)
    smallest = alone.select(cycle, 8)
    scores = [cycle.scores[int(index)] for index in smallest]
    picks = wide.select(make_cycle(60, labeled=10), 8)
    assert len({*smallest.tolist(), *picks.tolist()}) > 8
    assert set(picks.tolist()) <= set(
        ClusterMargin(factor=1.0).select(make_cycle(60, labeled=10), 16).tolist()
    )
    assert max(scores) <= 0.0


def test_clusters_are_found_once_and_kept(make_cycle):
    first = ClusterMargin(clusters=3)
    first.select(make_cycle(60, labeled=10), 5)
    again = ClusterMargin(clusters=3)
    again.load_state_dict(first.state_dict())
    kept = again._cluster.copy()
    again.select(make_cycle(60, labeled=20, seed=1), 5)
    assert np.array_equal(again._cluster, kept)


def test_rows_go_to_the_nearest_center():
    features = torch.tensor([[0.0, 0.0], [9.0, 9.0], [1.0, 0.0], [8.0, 9.0]], dtype=torch.float16)
    found = clusters.assigned(features[[0, 1, 3]], np.array([[0.0, 0.0], [9.0, 9.0]]))
    assert found.tolist() == [0, 1, 1]
