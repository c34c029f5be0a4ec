"""BAIT: the same picks as with whole matrices and the traces themselves."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from alkit_plugins.components import fisher
from alkit_plugins.components.fisher import Design, information, roots
from alkit_plugins.strategies.hybrid.bait import Bait, forward_backward, parts, strongest


def drawn(seed, count=30, classes=3, dim=4):
    rng = np.random.default_rng(seed)
    probabilities = torch.from_numpy(2.0 * rng.standard_normal((count, classes))).softmax(dim=1)
    return probabilities, torch.from_numpy(rng.standard_normal((count, dim)))


def informations(probabilities, rows):
    """One whole matrix for each image, [n, classes · D, classes · D]."""
    spread = torch.diag_embed(probabilities) - probabilities.unsqueeze(2) * probabilities.unsqueeze(1)
    outer = rows.unsqueeze(2) * rows.unsqueeze(1)
    return torch.stack([torch.kron(one, two) for one, two in zip(spread, outer, strict=True)])


def by_definition(start, aim, every, n, oversample):
    """Compute the trace itself for each image that could be added or removed."""
    total, added = start.clone(), []

    def trace(row, sign):
        return float(torch.trace(torch.linalg.inv(total + sign * every[row]) @ aim))

    while len(added) < int(oversample * n):
        left = [row for row in range(len(every)) if row not in added]
        added.append(min(left, key=lambda row: trace(row, 1)))
        total += every[added[-1]]
    while len(added) > n:
        added.remove(out := min(added, key=lambda row: trace(row, -1)))
        total -= every[out]
    return added


@pytest.mark.parametrize(("seed", "block"), [(0, 512), (1, 7), (2, 1)])
def test_same_as_with_whole_matrices(seed, block, monkeypatch):
    monkeypatch.setattr(fisher, "BLOCK", block)
    probabilities, rows = drawn(seed)
    every = informations(probabilities, rows)
    aim, start = every.mean(dim=0), 0.5 * torch.eye(12, dtype=torch.float64) + every[:5].mean(dim=0)
    assert torch.allclose(information(roots(probabilities), rows), aim)
    design = Design(start.clone(), aim, 0.8**0.5 * roots(probabilities[5:]), rows[5:])
    picks, gains = forward_backward(design, 25, 5, 2.0)
    assert picks.tolist() == by_definition(start, aim, 0.8 * every[5:], 5, 2.0)
    assert (gains > 0.0).all()


def test_changes_are_those_of_the_trace():
    probabilities, rows = drawn(3)
    every = informations(probabilities, rows)
    aim, start = every.mean(dim=0), torch.eye(12, dtype=torch.float64)
    design = Design(start.clone(), aim, roots(probabilities), rows)
    before = torch.trace(torch.linalg.inv(start) @ aim)
    after = torch.stack([torch.trace(torch.linalg.inv(start + one) @ aim) for one in every])
    assert torch.allclose(design.change(1), before - after)
    design.take(4, 1)
    design.take(9, 1)
    now = start + every[4] + every[9]
    without = torch.trace(torch.linalg.inv(now - every[9]) @ aim) - torch.trace(torch.linalg.inv(now) @ aim)
    assert float(design.change(-1)[9]) == pytest.approx(float(without))


def test_the_scaling_of_the_published_code(make_cycle):
    cycle = make_cycle(30, labeled=8)
    picks = Bait(regularization=0.3).select(cycle, 4)
    seen = cycle.collect(np.arange(30), parts).double()
    every = informations(seen[:, :3], seen[:, 3:])
    start = 0.3 * torch.eye(12, dtype=torch.float64) + every[:8].mean(dim=0) * 8 / 12
    expected = by_definition(start, every.mean(dim=0), every[8:] * 4 / 12, 4, 2.0)
    assert (picks - 8).tolist() == expected


def test_a_small_matrix_keeps_the_strongest_directions(make_cycle):
    rows = torch.tensor([[3.0, 0.0, 0.1], [0.0, 2.0, 0.0], [-3.0, 0.0, 0.1]], dtype=torch.float64)
    assert strongest(rows, 3) is rows
    assert torch.allclose(strongest(rows, 2).square().sum(dim=1), rows[:, :2].square().sum(dim=1), atol=0.05)
    cycle = make_cycle(30, labeled=8)
    assert len(set(Bait(size=6).select(cycle, 22).tolist())) == 22
    assert cycle.diagnostics["directions"] == 2


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_the_same_rows_on_a_gpu():
    probabilities, rows = drawn(0, count=900, classes=5, dim=12)
    picks = []
    for device in ("cpu", "cuda"):
        root, own = roots(probabilities.to(device)), rows.to(device)
        start = torch.eye(60, dtype=torch.float64, device=device)
        picks.append(
            forward_backward(Design(start, information(root, own), root, own), 900, 20, 2.0)[0].tolist()
        )
    assert picks[0] == picks[1]
