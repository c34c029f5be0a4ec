"""Counts within a radius against all distances."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alkit.distances.balls import Balls

SEEDS = st.integers(0, 2**32 - 1)


def test_the_boundary_belongs_to_the_ball():
    balls = Balls(np.array([[0.0], [3.0], [4.0], [8.0]]), 1.0)
    assert balls.sizes().tolist() == [1, 2, 2, 1]
    assert balls.count(np.array([2])).tolist() == [0, 1, 1, 0]
    assert balls.count(np.array([3, 0, 3])).tolist() == [1, 0, 0, 1]


@pytest.mark.parametrize("levels", [2, 4, 1000])
@settings(
    max_examples=8,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=SEEDS)
def test_same_as_brute_force_in_small_blocks(tiny_blocks, squares_of, levels, seed):
    """Few levels: many pairs lie on the boundary."""
    rng = np.random.default_rng(seed)
    features = rng.integers(0, levels, (int(rng.integers(2, 90)), 3)).astype(np.float32)
    squares = squares_of(features)
    index = rng.choice(len(features), len(features) // 2, replace=False)
    for radius in (0.0, 1.0, 2.0, float(np.sqrt(np.quantile(squares, 0.4)))):
        within = squares <= radius**2
        balls = Balls(features, radius)
        assert balls.sizes().tolist() == within.sum(axis=1).tolist()
        assert balls.count(index).tolist() == within[:, index].sum(axis=1).tolist()
        assert balls.count(np.arange(len(features))).tolist() == balls.sizes().tolist()


def test_over_blocks(squares_of):
    features = np.random.default_rng(0).standard_normal((1300, 16)).astype(np.float32)
    within = squares_of(features) <= 4.0**2
    balls = Balls(torch.from_numpy(features), 4.0)
    assert balls.sizes().tolist() == within.sum(axis=1).tolist()
    assert balls.count(np.arange(1200)).tolist() == within[:, :1200].sum(axis=1).tolist()


def test_near_ties_are_decided_in_float64():
    """Around the origin at radii 1e-7 apart, which float32 cannot tell in a matrix product."""
    rng = np.random.default_rng(1)
    directions = rng.standard_normal((300, 64))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    lengths = 1 + 2e-7 * (rng.random((300, 1)) - 0.5)
    features = np.concatenate([np.zeros((1, 64)), directions * lengths])
    within = (features**2).sum(axis=1) <= 1.0
    assert Balls(features, 1.0).count(np.array([0])).tolist() == within.astype(int).tolist()
    assert 50 < within.sum() < 250


def test_any_scale():
    features = np.array([[0.0], [3.0], [4.0]])
    assert Balls(features * 1e200, 1e200).sizes().tolist() == [1, 2, 2]
    assert Balls(features * 1e-200, 1e-200).sizes().tolist() == [1, 2, 2]
    assert Balls(features, 1e9).sizes().tolist() == [3, 3, 3]


def test_bad_input_is_refused():
    for radius in (-1.0, np.nan):
        with pytest.raises(ValueError, match="radius should be zero or more"):
            Balls(np.zeros((3, 2)), radius)
    with pytest.raises(ValueError, match="row 1 of the features holds NaN"):
        Balls(np.array([[0.0], [np.nan]]), 1.0)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_cuda_gives_the_same():
    features = np.random.default_rng(0).standard_normal((3000, 64)).astype(np.float32)
    here, there = Balls(features, 10.5), Balls(torch.from_numpy(features).cuda(), 10.5)
    assert here.sizes().tolist() == there.sizes().tolist()
    assert here.count(np.arange(99)).tolist() == there.count(np.arange(99)).tolist()
