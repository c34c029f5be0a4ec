"""CDAL: confusion by predicted class, its divergence, and picks far from all centers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import alkit.testing
from alkit import Output
from alkit_plugins.strategies.diversity.cdal import CDAL, Divergence, contexts


def _output(probabilities: list[list[float]], weights: list[float] | None = None) -> Output:
    """Make the output of one image: the probabilities of its pixels, and which of them count."""
    found = torch.tensor(probabilities).T[None, :, None]
    return Output(found, found, weights=None if weights is None else torch.tensor([[weights]]))


def _entropy(row: list[float]) -> float:
    return -sum(p * math.log(p) for p in row if p)


def test_confusion_is_the_mean_of_a_predicted_class_weighted_by_entropy():
    pixels = [[0.8, 0.1, 0.1], [0.4, 0.3, 0.3], [0.2, 0.7, 0.1]]
    first, second = _entropy(pixels[0]), _entropy(pixels[1])
    mean = [(first * a + second * b) / (first + second) for a, b in zip(*pixels[:2], strict=True)]
    found = contexts(_output(pixels))
    torch.testing.assert_close(found, torch.tensor([[mean, pixels[2], [0.0, 0.0, 0.0]]]))
    without = contexts(_output(pixels, [1.0, 0.0, 1.0]))
    torch.testing.assert_close(without[0, 0], torch.tensor(pixels[0]))
    whole = torch.tensor([pixels[0], pixels[2]])
    torch.testing.assert_close(contexts(Output(whole, whole)), whole.unsqueeze(1))
    certain = contexts(_output([[1.0, 0.0], [1.0, 0.0]]))
    torch.testing.assert_close(certain, torch.tensor([[[1.0, 0.0], [0.0, 0.0]]]))


def test_diversity_adds_the_divergences_of_the_classes_that_both_images_have():
    a, b, c = [0.8, 0.1, 0.1], [0.5, 0.3, 0.2], [0.1, 0.6, 0.3]
    nothing = [0.0, 0.0, 0.0]
    found = torch.tensor([[a, c, nothing], [b, b, a], [a, nothing, nothing]])

    def both_ways(p: list[float], q: list[float]) -> float:
        return sum(x * math.log(x / y) + y * math.log(y / x) for x, y in zip(p, q, strict=True)) / 2

    added = [0.0, both_ways(a, b) + both_ways(c, b), 0.0]
    torch.testing.assert_close(Divergence(found)(0), torch.tensor(added))
    averaged = [added[1] / 2, 0.0, both_ways(a, b)]
    torch.testing.assert_close(Divergence(found, average=True)(1), torch.tensor(averaged))


@pytest.mark.parametrize("task", ["classification", "segmentation"])
def test_each_pick_is_the_farthest_from_all_labeled_and_chosen_images(task):
    world = alkit.testing.make_world(task)
    world.train(CDAL())
    cycle = world.cycle()
    picks = world.choose(CDAL(), 6, cycle)
    pool = cycle.labeled_and_candidates
    found = cycle.collect(pool, contexts)
    all_pairs = torch.stack([Divergence(found)(row) for row in range(len(pool))]).numpy()
    rows = np.searchsorted(pool, picks)
    centers = np.searchsorted(pool, cycle.labeled).tolist()
    for pick in rows.tolist():
        left = np.setdiff1d(np.searchsorted(pool, cycle.candidates), centers)
        far = all_pairs[left][:, centers].min(axis=1)
        assert pick == left[far.argmax()]
        centers.append(pick)
