"""The kmeans strategy: nearest to centres, distinct, positions in the pool."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from alkit import options
from alkit.distances.kmeans import k_means
from alkit_plugins.strategies.diversity.kmeans import KMeans


@pytest.fixture
def lines(make_cycle, monkeypatch):
    """A cycle whose embeddings are given numbers on a line; the first `labeled` are labeled."""

    def make(numbers, labeled=0, **arguments):
        cycle = make_cycle(count=len(numbers), labeled=labeled, **arguments)
        rows = torch.tensor(numbers, dtype=torch.float32).reshape(len(numbers), -1)
        monkeypatch.setattr(cycle, "embeddings", lambda indices: rows[indices])
        return cycle

    return make


def test_the_middle_of_each_cluster_and_large_clusters_first(lines):
    cycle = lines([0.0, 50.0, 10.0, 11.0, 12.0, 20.0, 21.0, 22.0, 23.0, 24.0], labeled=2)
    assert KMeans().select(cycle, 2).tolist() == [7, 3]
    assert cycle.diagnostics["clusters"] == 2 and cycle.scores == {}


def test_of_two_as_near_the_lower_index_is_chosen(lines):
    for offset in (0.0, 0.1, 0.3):
        assert KMeans().select(lines([5 + offset, 6 + offset, 90.0, 91.0]), 2).tolist() == [0, 2]


def test_fewer_distinct_images_than_asked_for(lines):
    picks = KMeans().select(lines([1.0, 1.0, 1.0, 4.0, 4.0, 9.0]), 5)
    assert len(set(picks.tolist())) == 5
    assert picks[:3].tolist() == [0, 3, 5]


def test_members_nearest_to_their_centre(make_cycle):
    cycle = make_cycle(90, labeled=10)
    picks = KMeans().select(cycle, 12)
    again = make_cycle(90, labeled=10)
    rows = again.embeddings(again.candidates)
    found = k_means(rows, 12, seed=int(again.rng.integers(2**31)))
    assert sorted(found.cluster[picks - 10]) == list(range(12))
    for pick in picks - 10:
        own = found.cluster == found.cluster[pick]
        assert found.distances[pick] == pytest.approx(found.distances[own].min(), rel=1e-4)


def test_cosine_ignores_length(lines):
    numbers = [[1.0, 0.0], [9.0, 0.1], [0.0, 1.0], [0.1, 9.0]]
    picks = KMeans(metric="cosine").select(lines(numbers), 2)
    assert picks.tolist() == [0, 2]
    assert options.build(KMeans, {"metric": "cosine", "iterations": "3"}) == KMeans(
        metric="cosine", iterations=3
    )


def test_seed_decides(make_cycle):
    first, second, other = (KMeans().select(make_cycle(90, seed=seed), 15).tolist() for seed in (0, 0, 1))
    assert first == second != other


def test_labeled_images_are_not_looked_at(make_cycle):
    cycle = make_cycle(90, labeled=10)
    KMeans().select(cycle, 5)
    assert cycle.model.asked == 80
    assert np.isin(KMeans().select(cycle, 80), cycle.candidates).all()
