"""UncertainGCN and CoreGCN: the published network step by step, in factors and without."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from alkit import options
from alkit.distances.kcenter import k_center
from alkit.errors import TrainingDiverged, TrainingError
from alkit_plugins.components.gcn import GCN, Graph, graph_loss
from alkit_plugins.strategies.learned.coregcn import CoreGCN
from alkit_plugins.strategies.learned.uncertaingcn import UncertainGCN

QUICK = {"hidden": 8, "epochs": 5}


def dense(features):
    """The adjacency as it is published, N x N: columns of the similarities divided by their sums, plus I."""
    unit = torch.nn.functional.normalize(features, dim=1)
    similar = unit @ unit.T - torch.eye(len(unit), dtype=unit.dtype)
    return similar / similar.sum(dim=0) + torch.eye(len(unit), dtype=unit.dtype)


def embeddings(count=60, dim=12, seed=0):
    return torch.rand(count, dim, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_factors_are_the_published_adjacency():
    features = embeddings()
    graph, adjacency = Graph(features), dense(features)
    values = torch.randn(60, 3, dtype=torch.float64)
    torch.testing.assert_close(graph.pass_on(values), adjacency @ values)
    torch.testing.assert_close(graph.mixed, adjacency @ torch.nn.functional.normalize(features, dim=1))


def test_training_follows_the_published_one():
    """Their layers are A (X W) + b; the same weights, loss and optimizer end at the same confidence."""
    features = embeddings()
    unit, adjacency = torch.nn.functional.normalize(features, dim=1), dense(features)
    torch.manual_seed(0)
    network = GCN(12, 8, dropout=0.0).double()
    weights = [p.detach().clone().requires_grad_() for p in network.parameters()]

    def confidence():
        hidden = torch.relu(adjacency @ (unit @ weights[0].T) + weights[1])
        return torch.sigmoid(adjacency @ (hidden @ weights[2].T) + weights[3])[:, 0]

    graph = Graph(features)
    ours = torch.optim.Adam(network.parameters(), lr=1e-2, weight_decay=5e-4)
    theirs = torch.optim.Adam(weights, lr=1e-2, weight_decay=5e-4)
    for _ in range(20):
        ours.zero_grad()
        graph_loss(network(graph)[0], 10, 1.2).backward()
        ours.step()
        scores = confidence()
        theirs.zero_grad()
        (-scores[:10].log().mean() - 1.2 * (1 - scores[10:]).log().mean()).backward()
        theirs.step()
    torch.testing.assert_close(network(graph)[0].sigmoid(), confidence(), rtol=1e-6, atol=1e-9)


def test_sums_that_are_next_to_nothing_are_not_divided_by():
    opposite = torch.tensor([[1.0, 0.0], [-1.0, 1e-6], [0.0, 1.0], [0.0, 0.0]])
    assert Graph(opposite).mixed.abs().max() < 3.0
    assert torch.isfinite(Graph(torch.zeros(3, 2)).mixed).all()


def test_loss_by_hand():
    logits = torch.tensor([0.0, np.log(3.0), 0.0, -np.log(3.0)])
    expected = -(np.log(0.5) + np.log(0.75)) / 2 - 1.2 * (np.log(0.5) + np.log(0.75)) / 2
    assert graph_loss(logits, 2, 1.2).item() == pytest.approx(expected, rel=1e-5)


def test_starting_weights_are_the_published_ones():
    torch.manual_seed(0)
    network = GCN(64, 128, 0.3)
    assert network.inner.weight.abs().max().item() == pytest.approx(128**-0.5, rel=0.01)
    assert network.outer.weight.abs().max().item() == pytest.approx(1.0, rel=0.05)


def test_it_learns_to_tell_labeled_images(make_cycle):
    pixels = np.random.default_rng(0).integers(0, 60, (80, 1, 8, 8), dtype=np.uint8)
    pixels[:20, :, :4] += 180  # the labeled ones, and half of the others
    pixels[40:60, :, :4] += 180
    cycle = make_cycle(pixels=pixels, labeled=20)
    logits, hidden = UncertainGCN(learning_rate=1e-2).learned(cycle, cycle.candidates)
    assert hidden.shape == (80, 128) and not hidden.requires_grad
    alike, unlike = logits[40:60], torch.cat([logits[20:40], logits[60:]])
    assert alike.min() > unlike.max()
    assert 0.6 < cycle.diagnostics["graph_auc"] < 0.95


def test_uncertain_takes_what_is_closest_to_the_margin(make_cycle, monkeypatch):
    cycle = make_cycle(16)
    confidence = torch.tensor([0.9, 0.12, 0.05, 0.3, 0.1, 0.12], dtype=torch.float64)
    logits = torch.cat([torch.zeros(10, dtype=torch.float64), confidence.logit()])
    monkeypatch.setattr(UncertainGCN, "learned", lambda *arguments: (logits, None))
    assert UncertainGCN().select(cycle, 4).tolist() == [14, 11, 15, 12]
    assert cycle.scores[12] == pytest.approx(-0.05)
    assert UncertainGCN(s_margin=1.0).select(cycle, 1).tolist() == [10]


def test_core_is_k_center_over_hidden_features(make_cycle):
    cycle, again = make_cycle(90), make_cycle(90)
    picks = CoreGCN(**QUICK).select(cycle, 7)
    hidden = CoreGCN(**QUICK).learned(again, again.candidates)[1]
    expected = k_center(hidden, np.arange(10), 7)
    assert picks.tolist() == expected.indices.tolist()
    assert [cycle.scores[pick] for pick in picks.tolist()] == pytest.approx(expected.distances)
    assert cycle.diagnostics["radius"] == pytest.approx(expected.radius)


def test_published_core_is_k_center_over_what_went_in(make_cycle):
    cycle = make_cycle(90)
    picks = options.build(CoreGCN, {"preset": "published"}).select(cycle, 7)
    unit = torch.nn.functional.normalize(cycle.embeddings(np.arange(90)), dim=1)
    assert picks.tolist() == k_center(unit, np.arange(10), 7).indices.tolist()
    assert "graph_auc" not in cycle.diagnostics  # nothing was trained
    assert picks.tolist() != CoreGCN(**QUICK).select(make_cycle(90), 7).tolist()


@pytest.mark.parametrize("strategy", [CoreGCN, UncertainGCN])
def test_seed_decides(make_cycle, strategy):
    runs = []
    for seed, noise in ((0, 5), (0, 6), (1, 5)):
        torch.manual_seed(noise)  # the global generator has no say
        runs.append(strategy(**QUICK).select(make_cycle(200, seed=seed), 9).tolist())
    assert runs[0] == runs[1] != runs[2]


@pytest.mark.parametrize("strategy", [CoreGCN, UncertainGCN])
def test_subset_limits_what_is_looked_at(make_cycle, strategy):
    cycle = make_cycle(200)
    assert len(set(strategy(**QUICK, subset=15).select(cycle, 12).tolist())) == 12
    assert cycle.model.asked == 25


@pytest.mark.parametrize("strategy", [CoreGCN, UncertainGCN])
def test_hostile_pools(make_cycle, strategy):
    same = make_cycle(pixels=np.full((20, 1, 8, 8), 7, dtype=np.uint8))
    assert len(set(strategy(**QUICK).select(same, 10).tolist())) == 10
    assert strategy(**QUICK).select(make_cycle(2, labeled=1), 1).tolist() == [1]
    name = strategy.name
    with pytest.raises(TrainingError, match=f"{name} .*no image is labeled"):
        strategy(**QUICK).select(make_cycle(labeled=0), 3)
    with pytest.raises(TrainingDiverged, match=f"{name} .*not finite; lower learning-rate"):
        strategy(hidden=8, learning_rate=1e30).select(make_cycle(), 3)


def test_options():
    built = options.build(UncertainGCN, {"hidden": "64", "s-margin": "0.2", "preset": "published"})
    assert built == UncertainGCN(hidden=64, s_margin=0.2, subset=10_000)
