"""MaxHerding: by hand, and the picks of another implementation."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from alkit_plugins.components.kernel_coverage import KernelCoverage, greedy
from alkit_plugins.strategies.diversity.maxherding import MaxHerding


def given(monkeypatch, cycle, rows):
    rows = torch.from_numpy(np.asarray(rows, dtype=np.float32))
    monkeypatch.setattr(cycle, "embeddings", lambda indices: rows[indices])
    return cycle


def on_circle(degrees):
    radians = np.deg2rad(degrees)
    return 3.0 * np.stack([np.cos(radians), np.sin(radians)], axis=1)


def test_by_hand(make_cycle, monkeypatch):
    # Image 0 is labeled, and its neighbor is covered; 92 lies in the middle of the other group.
    degrees = [0, 2, 90, 92, 95, 96, 200]
    cycle = given(monkeypatch, make_cycle(7, labeled=1), on_circle(degrees))
    picks = MaxHerding(radius=0.1).select(cycle, 2)
    chord = 2 * np.sin(np.deg2rad(np.array([2.0, 0.0, 3.0, 4.0])) / 2)
    assert picks.tolist() == [3, 6]
    assert cycle.scores[3] == pytest.approx(np.exp(-((chord / 0.1) ** 2)).sum() / 6, rel=1e-4)
    near = np.exp(-((chord / 0.1) ** 2))
    assert cycle.diagnostics["coverage"] == pytest.approx((near[0] + near.sum() + 1.0) / 6, rel=1e-4)


def test_the_first_pick_without_labels_is_the_densest(make_cycle, monkeypatch):
    cycle = given(monkeypatch, make_cycle(6, labeled=0), on_circle([0, 100, 108, 116, 216, 288]))
    assert MaxHerding().select(cycle, 1).tolist() == [2]


def test_copies_of_labeled_images_come_last(make_cycle, monkeypatch):
    cycle = given(monkeypatch, make_cycle(6, labeled=1), on_circle([10, 10, 10, 80, 10, 81]))
    assert MaxHerding(radius=0.5).select(cycle, 5).tolist() == [3, 5, 1, 2, 4]


def test_the_picks_of_scikit_activeml(golden):
    """MaxHerding(metric_dict={"gamma": 1.0}) of scikit-activeml 1.0.1, which breaks ties at random."""
    case = golden("maxherding")
    left = np.setdiff1d(np.arange(len(case["unit"])), case["labeled"])
    coverage = KernelCoverage(torch.from_numpy(case["unit"][left]), 1.0)
    coverage.cover(torch.from_numpy(case["unit"][case["labeled"]]))
    assert left[greedy(coverage, 20)[0]].tolist() == case["picks"].tolist()


def test_a_subset_is_drawn(make_cycle):
    cycle = make_cycle(40, labeled=5)
    picks = MaxHerding(subset=6).select(cycle, 6)
    assert len(set(picks.tolist())) == 6 and picks.min() >= 5
