"""k-means++ seeding against its definition, written out on explicit outer products."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from alkit.distances import kmeanspp as kmeanspp_module
from alkit.distances.kmeanspp import Products, Seeding, k_means_plus_plus


def explicit(features, factors):
    """The outer products, one row each."""
    outer = factors[:, :, None].astype(np.float64) * features[:, None, :].astype(np.float64)
    return outer.reshape(len(outer), -1)


def squared_distances(points):
    return ((points[:, None] - points[None]) ** 2).sum(axis=2)


def chances(square, n, first):
    """The probability of every sequence of n picks, by the plain formula."""
    size = len(square)
    result = {}
    for picks in itertools.permutations(range(size), n):
        chance = 1.0 / size if first is None else float(picks[0] == first)
        for done in range(1, n):
            nearest = square[:, picks[:done]].min(axis=1)
            chance *= nearest[picks[done]] / nearest.sum()
        result[picks] = chance
    return result


def points(count=6, dim=3, classes=2, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((count, dim)), rng.standard_normal((count, classes))


def check_distribution(counts, expected):
    """Pearson's test at one in ten thousand; rare sequences share a cell."""
    total = sum(counts.values())
    cells = {picks: chance * total for picks, chance in expected.items() if chance * total >= 5}
    impossible = {picks for picks, chance in expected.items() if chance == 0}
    assert not impossible & set(counts)
    rest = total - sum(cells.values())
    statistic = sum((counts[picks] - wanted) ** 2 / wanted for picks, wanted in cells.items())
    if rest > 0:
        statistic += (total - sum(counts[picks] for picks in cells) - rest) ** 2 / rest
    assert statistic < chi2.ppf(1 - 1e-4, len(cells) - (rest <= 0))


@pytest.mark.parametrize("first", ["largest", "uniform"])
def test_the_distribution_is_that_of_the_plain_formula(first):
    features, factors = points(4)
    outer = explicit(features, factors)
    start = int((outer**2).sum(axis=1).argmax()) if first == "largest" else None
    rng = np.random.default_rng(1)
    counts = Counter(
        tuple(k_means_plus_plus(features, 3, factors=factors, first=first, rng=rng).indices.tolist())
        for _ in range(800)
    )
    check_distribution(counts, chances(squared_distances(outer), 3, start))


@pytest.mark.slow
@pytest.mark.parametrize(("proposals", "patience"), [(1, 1), (3, 100)])
def test_neither_stale_bounds_nor_rounds_change_the_distribution(proposals, patience, monkeypatch):
    """Two tight pairs and two others: their bounds are stale soon, and most proposals are rejected."""
    features, factors = points(4, seed=3)
    features = np.concatenate([features, features[:2] + 0.05])
    factors = np.concatenate([factors, factors[:2]])
    square = squared_distances(explicit(features, factors))
    monkeypatch.setattr(kmeanspp_module, "PROPOSALS", proposals)
    rng, counts = np.random.default_rng(2), Counter()
    for _ in range(3000):
        seeding = Seeding(Products([torch.from_numpy(features), torch.from_numpy(factors)]), 0, rng)
        seeding._spent = -patience * len(features)
        seeding.run(4)
        counts[tuple(seeding.picks)] += 1
    check_distribution(counts, chances(square, 4, 0))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_factored_distances_equal_explicit_ones(dtype):
    features, factors = (part.astype(dtype) for part in points(40, 30, 7))
    products = Products([torch.from_numpy(features), torch.from_numpy(factors)])
    square = squared_distances(explicit(features, factors))
    found = products.squared_distances(slice(0, 40), np.arange(40)).numpy()
    np.testing.assert_allclose(found, square, rtol=1e-9, atol=1e-9 * square.max())
    np.testing.assert_allclose(products.square, (explicit(features, factors) ** 2).sum(axis=1), rtol=1e-12)


def test_without_factors_the_points_are_the_features():
    features, _ = points(30)
    ones = np.ones((30, 1))
    plain = k_means_plus_plus(features, 12, rng=np.random.default_rng(5))
    factored = k_means_plus_plus(features, 12, factors=ones, rng=np.random.default_rng(5))
    assert plain.indices.tolist() == factored.indices.tolist()
    nearest = [
        np.linalg.norm(features[plain.indices[:k]] - features[plain.indices[k]], axis=1).min()
        for k in range(1, 12)
    ]
    assert plain.distances[0] == np.inf
    np.testing.assert_allclose(plain.distances[1:], nearest, rtol=1e-9)


@settings(max_examples=25, deadline=None)
@given(count=st.integers(1, 30), share=st.floats(0, 1), seed=st.integers(0, 99), repeated=st.integers(1, 30))
def test_no_index_twice_and_distances_as_defined(count, share, seed, repeated):
    """Many points coincide: distinct ones come first, and the rest at distance zero."""
    features, factors = points(count, seed=seed)
    features[:] = features[np.arange(count) % repeated]
    factors[:] = factors[np.arange(count) % repeated]
    n = round(share * count)
    drawn = k_means_plus_plus(features, n, factors=factors, rng=np.random.default_rng(seed))
    assert len(set(drawn.indices.tolist())) == len(drawn.indices) == n
    assert drawn.indices.dtype == np.int64
    different = min(n, repeated, count)
    assert (drawn.distances[:different] > 0).all()
    assert (drawn.distances[different:] == 0).all()


def test_points_that_are_all_zero_are_drawn_uniformly():
    counts = Counter(
        int(k_means_plus_plus(np.zeros((4, 3)), 2, rng=np.random.default_rng(seed)).indices[1])
        for seed in range(200)
    )
    check_distribution(counts, {(index): 0.25 for index in range(4)})


def test_pending_centres_are_folded_in(monkeypatch):
    """Enough picks that bounds are brought up to date on the way, in more blocks than one."""
    monkeypatch.setattr(kmeanspp_module, "BLOCK", 64)
    monkeypatch.setattr(kmeanspp_module, "CENTRES", 16)
    monkeypatch.setattr(kmeanspp_module, "PROPOSALS", 32)
    caught_up = []
    original = Seeding._catch_up
    monkeypatch.setattr(Seeding, "_catch_up", lambda self: (caught_up.append(1), original(self))[1])
    features, factors = points(300, 4, 3)
    drawn = k_means_plus_plus(features, 280, factors=factors, rng=np.random.default_rng(0))
    assert len(caught_up) == 2
    outer = explicit(features, factors)
    for k in (1, 50, 150, 279):
        nearest = np.linalg.norm(outer[drawn.indices[:k]] - outer[drawn.indices[k]], axis=1).min()
        assert drawn.distances[k] == pytest.approx(nearest, rel=1e-6)


def test_extreme_magnitudes():
    features, factors = points(20)
    usual = k_means_plus_plus(features, 8, factors=factors, rng=np.random.default_rng(0))
    for scale in (1e-150, 1e150):
        drawn = k_means_plus_plus(features * scale, 8, factors=factors, rng=np.random.default_rng(0))
        assert drawn.indices.tolist() == usual.indices.tolist()
        np.testing.assert_allclose(drawn.distances[1:], usual.distances[1:] * scale, rtol=1e-6)


def test_largest_is_the_largest_outer_product_and_the_earlier_of_two():
    features, factors = np.array([[3.0], [1.0], [2.0], [-2.0]]), np.array([[1.0], [1.0], [2.0], [2.0]])
    drawn = k_means_plus_plus(features, 1, factors=factors, first="largest", rng=np.random.default_rng(0))
    assert drawn.indices.tolist() == [2]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"n": 21}, "from 0 to the number of points, 20, not 21"),
        ({"factors": np.ones((19, 2))}, "not 19 for 20"),
        ({"first": "last"}, "first should be"),
        ({"features": np.full((20, 3), np.nan)}, "row 0 of the features"),
    ],
)
def test_bad_input(change, words):
    features, factors = points(20)
    given = {"features": features, "n": 3, "factors": factors, "rng": np.random.default_rng(0)} | change
    with pytest.raises(ValueError, match=words):
        k_means_plus_plus(given.pop("features"), given.pop("n"), **given)


def test_nothing_is_drawn_from_nothing():
    assert len(k_means_plus_plus(np.empty((0, 3)), 0, rng=np.random.default_rng(0)).indices) == 0


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_cuda_draws_the_same():
    features, factors = points(5000, 64, 10)
    given = {"first": "largest", "factors": torch.from_numpy(factors)}
    here = k_means_plus_plus(torch.from_numpy(features), 400, rng=np.random.default_rng(0), **given)
    given["factors"] = given["factors"].cuda()
    there = k_means_plus_plus(torch.from_numpy(features).cuda(), 400, rng=np.random.default_rng(0), **given)
    assert here.indices.tolist() == there.indices.tolist()
