"""UHerding: coverage weighted by uncertainty, by the definition; its radius, and a model that is certain."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from alkit.training.types import Output
from alkit_plugins.strategies.diversity.maxherding import MaxHerding
from alkit_plugins.strategies.hybrid.uherding import UHerding, smallest_distance, uncertain


@pytest.fixture
def sure(make_cycle, monkeypatch):
    """A cycle whose model gives the same probabilities for every image."""

    def make(probabilities, **arguments):
        cycle = make_cycle(**arguments)
        forward = cycle.model.forward_batch

        def answer(batch):
            output = forward(batch)
            rows = torch.tensor(probabilities).expand(len(batch.images), -1)
            return Output(rows, rows, output.embedding)

        monkeypatch.setattr(cycle.model, "forward_batch", answer)
        return cycle

    return make


def by_definition(unit, known, weights, radius, n):
    kernel = np.exp(-((unit[:, None] - unit[None]) ** 2).sum(axis=2) / radius**2)
    best = np.exp(-((unit[:, None] - known[None]) ** 2).sum(axis=2) / radius**2).max(axis=1)
    picks = []
    for _ in range(n):
        gain = np.maximum(kernel - best, 0.0) @ weights
        gain[picks] = -1.0
        picks.append(int(gain.argmax()))
        best = np.maximum(best, kernel[picks[-1]])
    return picks


@pytest.mark.parametrize("how", ["margin", "entropy", "least-confidence"])
def test_same_as_the_definition(how, make_cycle):
    cycle = make_cycle(60, labeled=12)
    picks = UHerding(uncertainty=how, temperature=1.5).select(cycle, 10)
    output = next(iter(cycle.outputs(np.arange(0, 16))))
    outputs = [output, *cycle.outputs(np.arange(16, 60))]
    unit = torch.cat([part.embedding for part in outputs]).double()
    unit = (unit / unit.norm(dim=1, keepdim=True)).numpy()
    logits = torch.cat([part.prediction for part in outputs]).double() / 1.5
    known = unit[:12]
    apart = np.linalg.norm(known[:, None] - known[None], axis=2)
    radius = apart[apart > 0].min()
    weights = uncertain(logits.softmax(dim=1), how).numpy()[12:]
    assert cycle.diagnostics["radius"] == pytest.approx(radius, rel=1e-5)
    assert (picks - 12).tolist() == by_definition(unit[12:], known, weights, radius, 10)


def test_equal_uncertainty_is_maxherding(sure):
    picks = UHerding(radius=1.0).select(sure([0.5, 0.3, 0.2]), 20)
    assert picks.tolist() == MaxHerding(radius=1.0).select(sure([0.5, 0.3, 0.2]), 20).tolist()


def test_a_certain_model_leaves_plain_coverage(sure):
    cycle = sure([1.0, 0.0, 0.0])
    picks = UHerding(radius=1.0).select(cycle, 30)
    assert picks.tolist() == MaxHerding(radius=1.0).select(sure([1.0, 0.0, 0.0]), 30).tolist()
    assert cycle.scores == {}


def test_uncertainty_by_hand():
    probabilities = torch.tensor([[0.6, 0.3, 0.1], [1.0, 0.0, 0.0]], dtype=torch.float64)
    assert uncertain(probabilities, "margin").tolist() == pytest.approx([0.7, 0.0])
    assert uncertain(probabilities, "least-confidence").tolist() == pytest.approx([0.4, 0.0])
    assert uncertain(probabilities, "entropy").tolist() == pytest.approx([0.8979457, 0.0])


def test_the_smallest_distance_skips_copies():
    rows = torch.tensor([[0.0, 1.0], [0.0, 1.0], [0.6, 0.8], [-1.0, 0.0]])
    assert smallest_distance(rows) == pytest.approx(0.4**0.5)
    assert smallest_distance(rows[:2]) == smallest_distance(rows[:0]) == 1.0


def test_one_class_and_few_labels_need_no_temperature(make_cycle):
    cycle = make_cycle(40, labeled=20)  # all labels are 0
    UHerding().select(cycle, 5)
    assert cycle.diagnostics["temperature"] == 1.0
