"""Distances to nearest neighbours against all distances."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alkit.distances.neighbors import neighbor_distances

SEEDS = st.integers(0, 2**32 - 1)


def brute_force(squares, k):
    squares = squares.copy()
    np.fill_diagonal(squares, np.inf)
    return np.sqrt(np.sort(squares, axis=1)[:, : min(k, len(squares) - 1)])


def test_three_points_on_a_line():
    found = neighbor_distances(np.array([[0.0], [3.0], [4.0]]), 2)
    assert found.tolist() == [[3.0, 4.0], [1.0, 3.0], [1.0, 4.0]]


@pytest.mark.parametrize("levels", [2, 4, 1000])
@settings(
    max_examples=6,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=SEEDS)
def test_same_as_brute_force_in_small_blocks(tiny_blocks, squares_of, levels, seed):
    """Few levels: many neighbours are tied, more than are kept in float32."""
    rng = np.random.default_rng(seed)
    features = rng.integers(0, levels, (int(rng.integers(2, 90)), int(rng.integers(1, 5)))).astype(np.float32)
    for k in (1, 3, 20, 500):
        expected = brute_force(squares_of(features), k)
        np.testing.assert_allclose(neighbor_distances(features, k), expected, rtol=1e-12)


def test_same_as_brute_force_over_blocks(squares_of):
    features = np.random.default_rng(0).standard_normal((1500, 20)).astype(np.float32)
    np.testing.assert_allclose(
        neighbor_distances(features, 5), brute_force(squares_of(features), 5), rtol=1e-12
    )


def test_near_ties_far_from_the_origin_are_decided_in_float64(squares_of):
    """On a sphere, 1e-9 apart in radius: float32 cannot order them, and more are close than are kept."""
    rng = np.random.default_rng(1)
    directions = rng.standard_normal((200, 32))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    features = np.concatenate([np.zeros((1, 32)), directions * (1 + 1e-9 * rng.random((200, 1)))])
    np.testing.assert_allclose(
        neighbor_distances(features, 3), brute_force(squares_of(features), 3), rtol=1e-12
    )


def test_cosine_and_scale():
    features = np.random.default_rng(2).standard_normal((50, 6))
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    found = neighbor_distances(features, 4, metric="cosine")
    np.testing.assert_allclose(found, neighbor_distances(unit, 4) ** 2 / 2, rtol=1e-9)
    np.testing.assert_allclose(
        neighbor_distances(features * 1e30, 4), neighbor_distances(features, 4) * 1e30, rtol=1e-9
    )


def test_a_lone_row_has_no_neighbour():
    assert neighbor_distances(np.zeros((1, 3)), 4).shape == (1, 0)
    assert neighbor_distances(np.zeros((0, 3)), 4).shape == (0, 0)


def test_identical_rows_are_at_distance_zero():
    assert neighbor_distances(np.full((60, 3), 0.1, np.float32), 5).max() == 0.0


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="k should be at least 1"):
        neighbor_distances(np.zeros((3, 2)), 0)
    with pytest.raises(ValueError, match="row 1 of the features holds NaN"):
        neighbor_distances(np.array([[0.0], [np.nan]]), 1)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_cuda_gives_the_same():
    features = np.random.default_rng(0).standard_normal((3000, 64)).astype(np.float32)
    found = neighbor_distances(torch.from_numpy(features).cuda(), 20)
    np.testing.assert_allclose(found, neighbor_distances(features, 20), rtol=1e-12)
