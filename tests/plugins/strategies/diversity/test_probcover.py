"""ProbCover: greedy coverage and the radius of purity, against the definitions."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from alkit import options
from alkit.distances.balls import Balls
from alkit_plugins.strategies.diversity.probcover import DIAMETER, ProbCover, cover, pure_radius

SEEDS = st.integers(0, 2**32 - 1)


def on_circle(degrees):
    radians = np.deg2rad(np.asarray(degrees, dtype=np.float64))
    return torch.from_numpy(np.stack([np.cos(radians), np.sin(radians)], axis=1)).float()


def chord(degrees):
    return float(2 * np.sin(np.deg2rad(degrees) / 2))


@pytest.fixture
def circle(make_cycle, monkeypatch):
    """A cycle whose embeddings are directions, given in degrees; the first `labeled` are labeled."""

    def make(degrees, labeled=0, **arguments):
        cycle = make_cycle(count=len(degrees), labeled=labeled, **arguments)
        rows = on_circle(degrees) * 3.0
        monkeypatch.setattr(cycle, "embeddings", lambda indices: rows[indices])
        return cycle

    return make


def greedy(within, labeled, candidates, n):
    """The definition: every degree counted anew before every pick."""
    covered = within[labeled].any(axis=0)
    picks, gains = [], []
    for _ in range(n):
        gain = (within & ~covered).sum(axis=1)
        left = [c for c in candidates if c not in picks]
        pick = max(left, key=lambda c: (gain[c], -c))
        if gain[pick] == 0:
            break
        picks.append(pick)
        gains.append(gain[pick])
        covered |= within[pick]
    return picks, gains, covered.mean()


@pytest.mark.parametrize("known", [0, 3, 40])
@settings(max_examples=12, derandomize=True, deadline=None)
@given(seed=SEEDS)
def test_same_as_the_definition(known, seed):
    rng = np.random.default_rng(seed)
    features = rng.integers(0, 9, (150, 2)).astype(np.float32)
    order = rng.permutation(150)
    labeled, candidates = np.sort(order[:known]), np.sort(order[known:120])
    within = ((features[:, None] - features[None]) ** 2).sum(axis=2) <= 2.0
    picks, gains, covered = cover(Balls(features, 2.0**0.5 + 1e-9), labeled, candidates, 60)
    expected = greedy(within, labeled, candidates.tolist(), 60)
    assert picks.tolist() == expected[0] and gains.tolist() == expected[1]
    assert covered == pytest.approx(expected[2])


def test_by_hand(circle):
    # One labeled at 0 covers up to 10; the ball of 52 holds five, that of 201 three, that of 120 one.
    cycle = circle([0, 5, 9, 44, 48, 52, 56, 60, 120, 200, 201, 203], labeled=1)
    picks = ProbCover(radius=chord(10)).select(cycle, 3)
    assert picks.tolist() == [5, 9, 8]
    assert [cycle.scores[pick] for pick in picks.tolist()] == [5, 3, 1]
    assert cycle.diagnostics["coverage"] == 1.0 and cycle.diagnostics["picks_that_cover"] == 3


def test_what_covers_nothing_is_the_farthest_left_and_it_is_said(circle):
    cycle = circle([0, 5, 9, 100, 106], labeled=1)
    said = []
    cycle.progress.line = said.append
    picks = ProbCover(radius=chord(10)).select(cycle, 4)
    assert picks.tolist() == [3, 2, 4, 1]
    assert set(cycle.scores) == {3}
    assert cycle.diagnostics["picks_that_cover"] == 1
    assert re.search("radius 0.174 can cover: 1; .*: 3$", said[0])


def test_everything_covered_by_labels(circle):
    cycle = circle([0, 5, 90, 140, 200], labeled=2)
    assert ProbCover(radius=DIAMETER).select(cycle, 2).tolist() == [4, 2]
    assert cycle.diagnostics["picks_that_cover"] == 0 and cycle.scores == {}


def test_a_radius_of_zero_covers_copies(circle):
    assert ProbCover(radius=0.0).select(circle([0, 7, 7, 50, 50, 50]), 3).tolist() == [3, 1, 0]


def test_pure_radius_by_hand():
    rows = torch.tensor([[0.0], [1.0], [2.0], [4.0], [5.0], [9.0]], dtype=torch.float64) / 10
    cluster, everything = np.array([0, 0, 0, 1, 1, 1]), np.arange(6)
    # The nearest of the other cluster is at .4 .3 .2 | .2 .3 .7
    for purity, expected in ((1.0, 0.2), (0.7, 0.2), (0.6, 0.3), (0.3, 0.4), (0.1, 0.7), (0.0, 0.7)):
        radius = pure_radius(rows, cluster, everything, purity)
        assert radius == pytest.approx(expected) and radius < expected + 1e-12
    assert pure_radius(rows, cluster, np.array([0, 5]), 1.0) == pytest.approx(0.4)
    assert pure_radius(rows, np.zeros(6, np.int64), everything, 0.95) == DIAMETER


@settings(max_examples=5, derandomize=True, deadline=None)
@given(seed=SEEDS)
def test_balls_of_the_pure_radius_are_as_pure_as_asked_for(seed):
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((200, 3))
    cluster = (rows[:, 0] + 0.2 * rng.standard_normal(200) > 0).astype(np.int64)
    apart = np.linalg.norm(rows[:, None] - rows[None], axis=2)

    def pure(radius):
        return 1 - ((apart <= radius) & (cluster[:, None] != cluster)).any(axis=1).mean()

    radius = pure_radius(torch.from_numpy(rows), cluster, np.arange(200), 0.9)
    assert pure(radius * (1 - 1e-9)) >= 0.9 > pure(radius * (1 + 1e-9))


def test_radius_is_found_and_recorded(circle):
    cycle = circle([0, 2, 4, 6, 100, 102, 104, 106], labeled=1)
    picks = ProbCover(pseudo_classes=2, purity=1.0).select(cycle, 2)
    assert cycle.diagnostics["radius"] == pytest.approx(chord(94), rel=1e-5)
    assert picks[0] == 4 and cycle.diagnostics["picks_that_cover"] == 1


def test_identical_images(make_cycle):
    cycle = make_cycle(pixels=np.full((20, 1, 8, 8), 7, dtype=np.uint8))
    assert ProbCover(pseudo_classes=2).select(cycle, 6).tolist() == [10, 11, 12, 13, 14, 15]


def test_all_candidates(make_cycle):
    cycle = make_cycle(60, labeled=0)
    assert sorted(ProbCover(pseudo_classes=3).select(cycle, 60).tolist()) == list(range(60))


def test_options():
    built = options.build(ProbCover, {"radius": "0.4", "purity": "0.9", "pseudo-classes": "10"})
    assert built == ProbCover(radius=0.4, purity=0.9, pseudo_classes=10)
