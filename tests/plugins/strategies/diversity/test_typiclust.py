"""TypiClust: typicality by hand, and whose turn it is."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import alkit.testing
from alkit import options
from alkit.engine.cycle import Cycle
from alkit_plugins.strategies.diversity import typiclust
from alkit_plugins.strategies.diversity.typiclust import TypiClust, mean_distances


def on_circle(degrees):
    radians = np.deg2rad(np.asarray(degrees, dtype=np.float64))
    return torch.from_numpy(np.stack([np.cos(radians), np.sin(radians)], axis=1)).float()


@pytest.fixture
def circle(make_cycle, monkeypatch):
    """A cycle whose embeddings are directions, given in degrees; the first `labeled` are labeled."""

    def make(degrees, labeled=0, **arguments):
        cycle = make_cycle(count=len(degrees), labeled=labeled, **arguments)
        rows = on_circle(degrees) * torch.linspace(1, 5, len(degrees)).unsqueeze(1)  # lengths do not matter
        monkeypatch.setattr(cycle, "embeddings", lambda indices: rows[indices])
        return cycle

    return make


def test_mean_distances_by_hand():
    rows = torch.tensor([[0.0], [100.0], [1.0], [4.0], [101.0], [500.0]])
    cluster = np.array([0, 1, 0, 0, 1, 2])
    assert mean_distances(rows, cluster, 1).tolist() == [1.0, 1.0, 1.0, 3.0, 1.0, 0.0]
    assert mean_distances(rows, cluster, 20).tolist() == [2.5, 1.0, 2.0, 3.5, 1.0, 0.0]


def test_the_most_typical_of_the_largest_clusters_without_labels(circle):
    # Around 0 degrees with a label, 90 (five), 180 (six, densest at 181) and 270 (two, too few).
    degrees = [0, 1, 2, 3, 4, 5, 6, 85, 88, 90, 93, 96, 170, 180, 181, 182, 190, 195, 270, 275]
    cycle = circle(degrees, labeled=1)
    strategy = TypiClust(max_clusters=4)
    picks = strategy.select(cycle, 4)
    assert cycle.diagnostics["clusters"] == 4
    assert picks[:2].tolist() == [14, 9]
    # Once in each, the larger of those with one label or pick; that at 270 degrees is left out.
    assert picks[2] in range(1, 7) and picks[3] in (13, 15)
    distance = mean_distances(on_circle(degrees)[12:18], np.zeros(6, np.int64), 20)
    assert cycle.scores[14] == pytest.approx(1 / distance[2], rel=1e-5)


def test_small_clusters_are_taken_when_nothing_else_is_left(circle):
    picks = TypiClust().select(circle([0, 1, 2, 3, 4, 120, 240]), 7)
    assert sorted(picks.tolist()) == list(range(7))


def test_as_many_clusters_as_labels_in_the_end(make_cycle):
    cycle = make_cycle(200, labeled=10)
    TypiClust().select(cycle, 25)
    assert cycle.diagnostics["clusters"] == 35
    TypiClust(max_clusters=7).select(cycle, 25)
    assert cycle.diagnostics["clusters"] == 7


def test_identical_images(make_cycle):
    cycle = make_cycle(pixels=np.full((20, 1, 8, 8), 7, dtype=np.uint8))
    assert TypiClust().select(cycle, 6).tolist() == [10, 11, 12, 13, 14, 15]
    assert cycle.scores == {}  # infinitely typical


def test_nothing_labeled_and_fewer_distinct_images_than_asked_for(circle):
    picks = TypiClust().select(circle([0, 0, 0, 90, 90, 200, 200]), 6)
    assert len(set(picks.tolist())) == 6
    assert picks[:3].tolist() == [0, 3, 5]


def test_seed_decides(make_cycle):
    first, second, other = (TypiClust().select(make_cycle(120, seed=seed), 15).tolist() for seed in (0, 0, 1))
    assert first == second != other


def test_options():
    given = {"max-clusters": "9", "min-cluster": "1", "neighbors": "3"}
    assert options.build(TypiClust, given) == TypiClust(max_clusters=9, min_cluster=1, neighbors=3)


@pytest.mark.parametrize("most", [0, 2**17])
def test_embeddings_in_a_file_are_left_there_and_give_the_same_picks(most, monkeypatch):
    world = alkit.testing.make_world()
    world.train(TypiClust())
    world.from_files(TypiClust.needs)
    monkeypatch.setattr(typiclust, "MOST_IN_MEMORY", most)
    with monkeypatch.context() as patch:
        patch.setattr(Cycle, "embeddings", None)  # would copy them
        picks = world.choose(TypiClust(), 8)
    monkeypatch.setattr(Cycle, "stored_embeddings", lambda *_: None)
    np.testing.assert_array_equal(world.choose(TypiClust(), 8), picks)
