"""TA-VAAL as a strategy: a whole query of the published code, and how ranks enter."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch

from alkit.options import build
from alkit.training.types import Output, Tap, TaskSpec
from alkit_plugins.strategies.adversarial.ta_vaal import TAVAAL
from alkit_plugins.strategies.adversarial.vaal import VAAL

QUICK = {"iterations": 3, "channels": (4, 6), "latent": 3, "discriminator_hidden": 8, "precision": "float32"}
SPEC = TaskSpec("t", (1, 8, 8), 3, frozenset(), (Tap("a", 1, (2, 2)), Tap("b", 4, (1, 1))))


class Given(torch.nn.Module):
    """A ranker whose answer is the feature."""

    def forward(self, features):
        return features[0]


class RankingModel:
    """A task model whose only feature is a given rank for each image."""

    spec = TaskSpec("ranking", (1, 32, 32), 1, frozenset({"features"}))

    def __init__(self, ranks):
        self.ranks, self.asked = ranks, []

    def forward_batch(self, batch):
        self.asked += batch.indices.tolist()
        ranks = self.ranks[torch.from_numpy(batch.indices)]
        return Output(ranks, features=(ranks,))


class Exact:
    """A batch whose images are normalized in float64."""

    def __init__(self, pixels, indices):
        self.images = (torch.from_numpy(pixels[indices]).double() / 255 - 0.5) / 0.25
        self.indices = indices

    def __len__(self):
        return len(self.indices)


class PublishedRun(TAVAAL):
    """The published options, with the networks and random numbers of the golden run."""

    def networks(self, cycle, plan, *, conditioned):
        vae, discriminator = super().networks(cycle, plan, conditioned=conditioned)
        for network, prefix in ((vae, "init_vae."), (discriminator, "init_disc.")):
            weights = {
                k[len(prefix) :]: torch.from_numpy(v) for k, v in self.golden.items() if k.startswith(prefix)
            }
            network.double().load_state_dict(weights, strict=False)
        self.trained = vae, discriminator
        return vae, discriminator

    def sides(self, cycle, name, indices, ranks, plan):
        noise = torch.from_numpy(self.golden[f"eps_vae_{name}"])
        for number, side in enumerate(super().sides(cycle, name, indices, ranks, plan)):
            count = len(side.images)
            if number == 0:
                drawn = torch.from_numpy(self.golden[f"r_random_{name}_iter0"]).double()
                side = replace(side, rank=drawn, condition=drawn)
            yield replace(side, noise=noise[:count])
            noise = noise[count:]


def test_golden_query(golden, make_cycle, monkeypatch):
    arrays = golden("tavaal_query_f64")
    pixels, labeled, asked = arrays["images_u8"], arrays["labeled_idx"], arrays["subset_idx"]
    cycle = make_cycle(pixels=pixels, companion=Given())
    cycle.model = RankingModel(torch.from_numpy(arrays["r_raw"]))
    cycle.labeled, cycle.candidates = labeled, asked

    def batches(indices, *, size):
        for start in range(0, len(indices), size):
            yield Exact(pixels, indices[start : start + size])

    monkeypatch.setattr(cycle, "batches", batches)
    monkeypatch.setattr(cycle._loader, "sequential", lambda indices, size: batches(indices, size=size))
    monkeypatch.setattr(cycle, "_output", cycle.model.forward_batch)  # the engine's own come in float32
    options = {
        "preset": "published",
        "channels": (3, 4, 6, 8),
        "latent": 5,
        "discriminator-hidden": 12,
        "batch-size": 8,
        "iterations": 6,
    }
    strategy = build(PublishedRun, options)
    strategy.golden = arrays
    picks = strategy.select(cycle, len(asked))

    assert picks.tolist() == asked[arrays["order"][::-1]].tolist()
    scores = np.array([cycle.scores[int(index)] for index in asked])
    np.testing.assert_allclose(1.0 - scores, arrays["scores"], rtol=1e-9)
    for prefix, network in zip(("final_vae.", "final_disc."), strategy.trained, strict=True):
        for name, parameter in network.named_parameters():
            np.testing.assert_allclose(parameter.detach(), arrays[prefix + name], rtol=1e-9, atol=1e-11)


def test_companion_is_a_ranker():
    strategy = build(TAVAAL, {"hidden": "16", "weight": "0.5", "detach-after": "0.25"})
    ranker = strategy.companion(SPEC)
    assert (ranker.loss, ranker.weight, ranker.detach_after) == ("ranking", 0.5, 0.25)
    assert ranker.taps[0].weight.shape == (16, 1)


def test_every_image_is_ranked_once(make_cycle):
    cycle = make_cycle(companion=Given())
    cycle.model = RankingModel(torch.randn(40))
    TAVAAL(**QUICK).select(cycle, 5)
    assert sorted(cycle.model.asked) == list(range(40))
    cycle.model.asked.clear()
    TAVAAL(**QUICK, subset=8).select(cycle, 5)
    assert len(cycle.model.asked) == len(set(cycle.model.asked)) == 18


@pytest.mark.parametrize("which", ["sigmoid", "raw"])
def test_ranks_reach_both_networks(make_cycle, which):
    cycle = make_cycle(companion=Given())
    raw = torch.linspace(-3, 3, 40)
    cycle.model = RankingModel(raw)
    strategy = TAVAAL(**QUICK, discriminator_rank=which, shuffle=False, batch_size=30)
    ranks = strategy.ranks(cycle, np.arange(40))
    sides = strategy.sides(cycle, "unlabeled", cycle.candidates, ranks, strategy.plan(cycle, 40))
    side = next(sides)
    torch.testing.assert_close(side.condition, raw[10:].sigmoid())
    torch.testing.assert_close(side.rank, raw[10:] if which == "raw" else raw[10:].sigmoid())


def test_first_ranks_may_be_random(make_cycle):
    cycle = make_cycle(companion=Given())
    cycle.model = RankingModel(torch.full((40,), 50.0))
    for first, expected in (("predicted", True), ("random", False)):
        strategy = TAVAAL(**QUICK, first_ranks=first, batch_size=8)
        ranks = strategy.ranks(cycle, np.arange(40))
        sides = list(
            islice(strategy.sides(cycle, "labeled", cycle.labeled, ranks, strategy.plan(cycle, 40)), 3)
        )
        assert [bool((side.rank == 1).all()) for side in sides] == [expected, True, True]
        assert all((side.rank >= 0).all() and (side.rank <= 1).all() for side in sides)


def test_shuffled_by_default(make_cycle):
    cycle = make_cycle(companion=Given())
    cycle.model = RankingModel(torch.arange(40.0))
    strategy = TAVAAL(**QUICK, discriminator_rank="raw", batch_size=30)
    sides = strategy.sides(
        cycle, "unlabeled", cycle.candidates, strategy.ranks(cycle, np.arange(40)), strategy.plan(cycle, 40)
    )
    first, second = next(sides).rank.tolist(), next(sides).rank.tolist()
    assert sorted(first) == sorted(second) == list(range(10, 40))
    assert first != second and first != sorted(first)


def test_ranks_change_the_picks_and_their_correlation_is_recorded(make_cycle):
    picks = []
    for ranks in (torch.linspace(-4, 4, 40), torch.linspace(4, -4, 40)):
        cycle = make_cycle(companion=Given())
        cycle.model = RankingModel(ranks)
        picks.append(TAVAAL(**QUICK).select(cycle, 8).tolist())
        assert -1 <= cycle.diagnostics["score_rank_correlation"] <= 1
    assert picks[0] != picks[1]


def test_equal_ranks_have_no_correlation(make_cycle):
    cycle = make_cycle(companion=Given())
    cycle.model = RankingModel(torch.zeros(40))
    TAVAAL(**QUICK).select(cycle, 4)
    assert cycle.diagnostics["score_rank_correlation"] is None


def test_real_ranker(make_cycle):
    strategy = TAVAAL(**QUICK, hidden=4)
    ranker = strategy.companion(SPEC).eval()
    runs = []
    for _ in range(2):
        cycle = make_cycle(companion=ranker)
        runs.append(strategy.select(cycle, 30).tolist())
    assert runs[0] == runs[1] and sorted(runs[0]) == list(range(10, 40))


def test_differs_from_vaal_in_what_the_papers_say():
    assert (VAAL().vae_steps, TAVAAL().vae_steps) == (2, 1)
    assert TAVAAL.needs == {"features", "loss"}


def test_the_ranker_is_asked_without_gradients(make_cycle):
    cycle = make_cycle(companion=TAVAAL(**QUICK).companion(SPEC))
    assert not TAVAAL(**QUICK).ranks(cycle, np.arange(40)).discriminator.requires_grad
