"""The CoreSet strategy: positions, options and records."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from alkit import options
from alkit_plugins.strategies.diversity.coreset import CoreSet, principal


def brute_force(embeddings, labeled, candidates, n):
    rows = embeddings.astype(np.float64)
    square = np.full(len(rows), np.inf)
    for centre in labeled:
        square = np.minimum(square, ((rows - rows[centre]) ** 2).sum(axis=1))
    picks, distances = [], []
    left = list(candidates)
    for _ in range(n):
        pick = left[int(square[left].argmax())]
        picks.append(pick)
        distances.append(np.sqrt(square[pick]))
        left.remove(pick)
        square = np.minimum(square, ((rows - rows[pick]) ** 2).sum(axis=1))
    return picks, distances


@pytest.fixture
def scattered(make_cycle):
    """Labeled and candidates interleaved, some images neither: positions differ from rows of features."""
    cycle = make_cycle(60, (3, 8, 8))
    everything = cycle.embeddings(np.arange(60)).numpy()
    shuffled = np.random.default_rng(3).permutation(60)
    cycle.labeled, cycle.candidates = np.sort(shuffled[:9]), np.sort(shuffled[9:45])
    return cycle, everything


def test_picks_are_positions_in_the_pool(scattered):
    cycle, embeddings = scattered
    picks = CoreSet().select(cycle, 12)
    expected, distances = brute_force(embeddings, cycle.labeled, cycle.candidates, 12)
    assert picks.tolist() == expected
    assert picks.dtype == np.int64
    assert [cycle.scores[pick] for pick in picks.tolist()] == pytest.approx(distances, rel=1e-12)
    assert 0 < cycle.diagnostics["radius"] <= distances[-1]


def test_every_candidate_can_be_taken(scattered):
    cycle, _ = scattered
    assert set(CoreSet(robust=0.5).select(cycle, 36)) == set(cycle.candidates)
    assert cycle.diagnostics["radius"] == 0.0


def test_each_image_is_embedded_once(make_cycle):
    cycle = make_cycle()
    CoreSet().select(cycle, 5)
    CoreSet(metric="cosine").select(cycle, 5)
    assert cycle.model.asked == 40
    assert set(cycle.profile.seconds) >= {"embed", "select"}


def test_identical_images(make_cycle):
    cycle = make_cycle(pixels=np.full((20, 1, 8, 8), 7, dtype=np.uint8))
    assert CoreSet().select(cycle, 6).tolist() == [10, 11, 12, 13, 14, 15]


def test_nothing_labeled(make_cycle):
    cycle = make_cycle(labeled=0)
    picks = CoreSet().select(cycle, 4)
    assert len(set(picks.tolist())) == 4
    assert picks[0] not in cycle.scores  # it has no distance
    assert set(cycle.scores) == set(picks[1:].tolist())


def test_robust_passes_the_outlier_over(make_cycle):
    pixels = np.random.default_rng(0).integers(100, 110, (40, 1, 8, 8), dtype=np.uint8)
    pixels[25] = np.where(np.indices((8, 8)).sum(axis=0) < 8, 0, 255)
    assert CoreSet().select(make_cycle(pixels=pixels), 1).tolist() == [25]
    assert 25 not in CoreSet(robust=0.04).select(make_cycle(pixels=pixels), 10)


def test_cosine_differs_from_euclidean(scattered):
    cycle, embeddings = scattered
    unit = embeddings.astype(np.float64)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    picks = CoreSet(metric="cosine").select(cycle, 8)
    assert picks.tolist() == brute_force(unit, cycle.labeled, cycle.candidates, 8)[0]
    assert picks.tolist() != CoreSet().select(cycle, 8).tolist()


def test_pca_with_all_components_changes_no_distance(scattered):
    cycle, embeddings = scattered
    assert embeddings.shape[1] == 12
    assert CoreSet(pca=12).select(cycle, 8).tolist() == CoreSet().select(cycle, 8).tolist()


@pytest.mark.parametrize("centered", [True, False])
def test_principal_keeps_the_directions_that_matter(centered):
    generator = torch.Generator().manual_seed(0)
    basis = torch.linalg.qr(torch.randn(20, 3, generator=generator)).Q
    features = torch.randn(200, 3, generator=generator) @ basis.T
    if not centered:
        features = torch.nn.functional.normalize(features, dim=1)
    kept = principal(features, 3, centered=centered)
    assert kept.shape == (200, 3)
    torch.testing.assert_close(torch.pdist(kept), torch.pdist(features), atol=1e-4, rtol=1e-4)
    assert principal(features, 50, centered=centered).shape == (200, 20)


def test_options():
    built = options.build(CoreSet, {"metric": "cosine", "robust": "0.01", "pca": "64"})
    assert built == CoreSet(metric="cosine", robust=0.01, pca=64)
    assert options.build(CoreSet, {"preset": "published"}) == CoreSet()
