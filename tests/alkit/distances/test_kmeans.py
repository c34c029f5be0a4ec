"""k-means: small partitions by hand, invariants, and inertia next to scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans as Reference

from alkit.distances.kmeans import k_means


def mixture(count=600, dim=8, seed=0, centres=12):
    rng = np.random.default_rng(seed)
    middle = rng.standard_normal((centres, dim)) * 4
    return (middle[rng.integers(0, centres, count)] + rng.standard_normal((count, dim))).astype(np.float32)


def test_two_pairs_on_a_line():
    found = k_means(np.array([[0.0], [1.0], [10.0], [12.0]]), 2)
    assert found.centers.tolist() == [[0.5], [11.0]]
    assert found.cluster.tolist() == [0, 0, 1, 1]
    assert found.distances.tolist() == [0.5, 0.5, 1.0, 1.0]
    assert found.inertia == pytest.approx(2.5)


@pytest.mark.parametrize("k", [1, 5, 40])
@pytest.mark.parametrize("kind", ["array", "tensor", "float64", "far"])
def test_centres_are_means_and_rows_are_with_the_nearest(tiny_blocks, k, kind):
    features = mixture(200) + (100.0 if kind == "far" else 0.0)
    given = {"tensor": torch.from_numpy(features), "float64": features.astype(np.float64)}.get(kind, features)
    found = k_means(given, k, iterations=500)
    rows = features.astype(np.float64)
    apart = np.linalg.norm(rows[:, None] - found.centers[None], axis=2)
    assert len(found.centers) == k
    numbers, first = np.unique(found.cluster, return_index=True)
    assert numbers.tolist() == list(range(k)) and (np.diff(first) > 0).all()
    np.testing.assert_allclose(found.distances, apart[np.arange(200), found.cluster], rtol=1e-9)
    np.testing.assert_allclose(found.distances, apart.min(axis=1), rtol=1e-4)
    for number, centre in enumerate(found.centers):
        np.testing.assert_allclose(centre, rows[found.cluster == number].mean(axis=0), rtol=1e-4, atol=1e-4)


def test_inertia_is_that_of_scikit_learn():
    features = mixture(2000, 16)
    ours = min(k_means(features, 30, seed=seed, iterations=100).inertia for seed in range(3))
    theirs = min(Reference(30, n_init=1, random_state=seed).fit(features).inertia_ for seed in range(3))
    assert ours < 1.1 * theirs


def test_iterations_lower_the_inertia_and_the_seed_decides():
    features = mixture()
    assert k_means(features, 30, iterations=20).inertia < k_means(features, 30, iterations=0).inertia
    first, second, other = (k_means(features, 30, seed=seed) for seed in (0, 0, 1))
    assert (first.cluster == second.cluster).all() and (first.centers == second.centers).all()
    assert (first.centers != other.centers).any()


@pytest.mark.parametrize("k", [1, 2, 3, 4, 100])
def test_no_more_clusters_than_distinct_rows(k):
    features = np.repeat(np.array([[0.1, 7.0], [0.2, 7.0], [5.0, -1.0]], np.float32), 30, axis=0)
    found = k_means(features, k)
    assert len(found.centers) == min(k, 3) and set(found.cluster) == set(range(min(k, 3)))
    if k >= 3:
        assert found.inertia < 1e-9
        assert all(len(set(found.cluster[start : start + 30])) == 1 for start in (0, 30, 60))


def test_cosine_is_of_rows_of_length_one():
    features = mixture(300) * np.random.default_rng(3).random((300, 1)).astype(np.float32)
    unit = features.astype(np.float64) / np.linalg.norm(features.astype(np.float64), axis=1, keepdims=True)
    found, expected = k_means(features, 9, metric="cosine"), k_means(unit, 9)
    assert (found.cluster == expected.cluster).all()
    np.testing.assert_allclose(found.centers, expected.centers, rtol=1e-6, atol=1e-9)


def test_any_scale():
    features = mixture(100).astype(np.float64)
    found, large = k_means(features, 5), k_means(features * 2.0**200, 5)
    assert (found.cluster == large.cluster).all()
    np.testing.assert_allclose(large.centers, found.centers * 2.0**200, rtol=1e-5)


def test_bad_input_is_refused():
    for rows, k in ((3, 0), (0, 2)):
        with pytest.raises(ValueError, match="at least one cluster and one row"):
            k_means(np.zeros((rows, 2)), k)
    with pytest.raises(ValueError, match="row 1 of the features holds NaN"):
        k_means(np.array([[0.0], [np.nan]]), 1)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_cuda_gives_nearly_the_same():
    features = mixture(3000, 64)
    here, there = k_means(features, 12), k_means(torch.from_numpy(features).cuda(), 12)
    assert there.inertia == pytest.approx(here.inertia, rel=1e-2)
