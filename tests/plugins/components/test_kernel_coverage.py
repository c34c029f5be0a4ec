"""Greedy kernel coverage: the same as the definition, in blocks, with few gains computed again."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from alkit_plugins.components import kernel_coverage
from alkit_plugins.components.kernel_coverage import KernelCoverage, greedy, rest

SEEDS = st.integers(0, 2**32 - 1)


def by_definition(kernel, best, weights, n):
    """Compute every gain anew before every pick."""
    picks, gains = [], []
    for _ in range(n):
        gain = np.maximum(kernel - best, 0.0) @ weights / weights.sum()
        gain[picks] = -1.0
        pick = int(np.flatnonzero(gain > gain.max() - 1e-10)[0])
        if gain[pick] < 1e-10:
            break
        picks.append(pick)
        gains.append(gain[pick])
        best = np.maximum(best, kernel[pick])
    return picks, gains, float(best @ weights / weights.sum())


@pytest.mark.parametrize(("block", "known"), [(1024, 0), (7, 5)])
@settings(max_examples=15, derandomize=True, deadline=None)
@given(seed=SEEDS)
def test_same_as_the_definition(block, known, seed):
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, 6, (90, 2)) / 4.0  # with copies
    others = rng.integers(0, 6, (known, 2)) / 4.0
    weights = rng.choice([0.0, 0.5, 1.0], 90) + (np.arange(90) == 0)
    kernel = np.exp(-((rows[:, None] - rows[None]) ** 2).sum(axis=2) / 0.7**2)
    best = np.exp(-((rows[:, None] - others[None]) ** 2).sum(axis=2) / 0.7**2).max(axis=1, initial=0.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel_coverage, "BLOCK", block)
        coverage = KernelCoverage(torch.from_numpy(rows), 0.7, torch.from_numpy(weights))
        coverage.cover(torch.from_numpy(others))
        picks, gains = greedy(coverage, 40)
    expected = by_definition(kernel, best, weights, 40)
    assert picks.tolist() == expected[0]
    assert gains == pytest.approx(expected[1], abs=1e-9)
    assert coverage.covered == pytest.approx(expected[2])


def test_most_gains_are_not_computed_again(monkeypatch):
    rows = torch.from_numpy(np.random.default_rng(0).standard_normal((600, 8)))
    coverage = KernelCoverage(rows / rows.norm(dim=1, keepdim=True), 0.5)
    asked, gains = [], coverage.gains
    monkeypatch.setattr(coverage, "gains", lambda index: asked.append(len(index)) or gains(index))
    greedy(coverage, 50)
    assert sum(asked) < 0.25 * 50 * 600


def test_only_what_is_left_is_chosen():
    rows = torch.tensor([[0.0], [0.1], [5.0], [9.0]])
    picks, _ = greedy(KernelCoverage(rows, 1.0), 9, np.array([1, 3]))
    assert picks.tolist() == [1, 3]


def test_the_rest_is_the_lowest():
    assert rest(np.array([1, 0, 5]), 7, 3).tolist() == [2, 3, 4]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_the_same_rows_on_a_gpu():
    rows = torch.from_numpy(np.random.default_rng(0).standard_normal((3000, 16)))
    rows /= rows.norm(dim=1, keepdim=True)
    here, there = KernelCoverage(rows[100:], 0.5), KernelCoverage(rows[100:].cuda(), 0.5)
    here.cover(rows[:100])
    there.cover(rows[:100].cuda())
    assert greedy(here, 60)[0].tolist() == greedy(there, 60)[0].tolist()
