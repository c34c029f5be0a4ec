"""Monte-Carlo dropout: what drops, that passes are the same for all images, and that nothing stays behind."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

import alkit.testing
from alkit import options
from alkit.errors import UnsupportedTask
from alkit.plugin import registry
from alkit_plugins.components.mc_dropout import Dropping
from alkit_plugins.strategies.uncertainty.bald import Bald, mutual_information
from alkit_plugins.strategies.uncertainty.mc_entropy import McEntropy


class WithDropout(nn.Module):
    """A network with a layer that drops units, one that drops channels and one that drops nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Conv2d(3, 8, 3, 2, 1)
        self.channels = nn.Dropout2d(0.25)
        self.units = nn.Dropout(0.5)
        self.never = nn.Dropout(0.0)
        self.head = nn.Linear(8, 3)

    def forward(self, images):
        body = self.channels(torch.relu(self.body(images)))
        embedding = self.units(self.never(body.mean(dim=(2, 3))))
        return self.head(embedding), embedding, (body,)


class Headless(nn.Module):
    """No dropout, no layer of three outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Conv2d(3, 8, 3, 2, 1)

    def forward(self, images):
        body = self.body(images).mean(dim=(2, 3))
        return body[:, :3], body, ()


class Unused(Headless):
    """Its dropout layer is never run."""

    def __init__(self) -> None:
        super().__init__()
        self.idle = nn.Dropout(0.5)


def cycle_of(task="classification", network=None, **given):
    world = alkit.testing.make_world(task)
    world.train(Bald())
    if network is not None:
        with alkit.utils.seeding.fence(0):
            world.model.network = network().eval()
    return world, world.cycle(**given)


def collected(cycle, passes=6, share=0.5):
    return torch.cat(list(Dropping(cycle, passes, share).outputs(cycle.candidates)), dim=1)


@pytest.mark.parametrize("network", [None, WithDropout])
def test_a_pass_is_one_network_for_all_images_however_they_come(network):
    small, large = (cycle_of(network=network, batch_size=size)[1] for size in (3, 64))
    torch.testing.assert_close(collected(small), collected(large))


def test_passes_through_the_head_alone_equal_passes_through_everything(monkeypatch):
    fast = collected(cycle_of()[1])
    monkeypatch.setattr(Dropping, "_through_head", lambda self, batch: None)
    torch.testing.assert_close(fast, collected(cycle_of()[1]))
    assert fast.std(dim=0).max() > 0.01


def test_the_head_drops_what_its_mask_says():
    world, cycle = cycle_of()
    dropping = Dropping(cycle, 3, 0.5)
    found = torch.cat(list(dropping.outputs(cycle.candidates)), dim=1)
    embedding, head = cycle.embeddings(cycle.candidates), world.model.network.head
    for run in range(3):
        mask = dropping._masks[run, "head", 1]
        assert set(mask.tolist()) <= {0.0, 2.0}
        torch.testing.assert_close(found[run], head(embedding * mask).softmax(dim=1).detach())


@pytest.mark.parametrize(("model", "runs"), [(None, 25), (WithDropout, 6 * 25)])
def test_images_pass_the_backbone_once_where_only_the_head_drops(model, runs):
    world, cycle = cycle_of(network=model)
    seen = []
    network = world.model.network
    network.get_submodule("body").register_forward_hook(lambda *call: seen.append(len(call[2])))
    collected(cycle)
    assert sum(seen) == runs


def test_dense_outputs_pass_through_everything():
    _, cycle = cycle_of("segmentation")
    found = collected(cycle)
    assert found.shape == (6, 25, 3, 12, 12)
    torch.testing.assert_close(found.sum(dim=2), torch.ones(6, 25, 12, 12))


def test_own_layers_drop_their_own_share():
    _, cycle = cycle_of(network=WithDropout)
    dropping = Dropping(cycle, 400, 0.5)
    list(dropping.outputs(cycle.candidates[:2]))
    assert {name for _, name, _ in dropping._masks} == {"channels", "units"}
    channels = torch.stack([dropping._masks[run, "channels", 1] for run in range(400)])
    assert channels.shape == (400, 8, 1, 1)
    assert (channels == 0).float().mean() == pytest.approx(0.25, abs=0.03)
    assert channels.max() == pytest.approx(4 / 3)


def test_the_diagnostics_say_what_dropped():
    _, cycle = cycle_of()
    Bald(dropout=0.25).select(cycle, 3)
    assert cycle.diagnostics["dropout"].startswith("0.25 of the input of 'head', ")
    _, cycle = cycle_of(network=WithDropout)
    Bald().select(cycle, 3)
    assert cycle.diagnostics["dropout"] == "2 of the network's own dropout layers"


@pytest.mark.parametrize("network", [None, WithDropout])
def test_no_hook_stays_behind_even_after_a_failure(network, monkeypatch):
    world, cycle = cycle_of(network=network)
    collected(cycle)
    monkeypatch.setattr(world.model, "forward", lambda images: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        collected(cycle)
    for layer in world.model.network.modules():
        assert not layer._forward_hooks and not layer._forward_pre_hooks and not layer.training


@pytest.mark.parametrize(
    ("network", "words"),
    [(Headless, "no dropout layer, and no linear layer"), (Unused, "does not run the layers to drop")],
)
def test_nothing_to_drop(network, words):
    _, cycle = cycle_of(network=network)
    with pytest.raises(UnsupportedTask, match=words):
        Bald().select(cycle, 3)


def test_a_frozen_backbone_is_not_asked_again(make_cycle):
    task = options.build(registry.tasks.get("classification"), {"freeze-backbone": "true"})
    task.build((1, 8, 8), ("a", "b", "c"), torch.device("cpu"))
    task.network.eval()
    cycle = make_cycle()
    cycle.model = task
    backbone = []
    task._frozen.backbone.register_forward_hook(lambda *call: backbone.append(len(call[2])))
    assert len(set(Bald().select(cycle, 5).tolist())) == 5
    assert sum(backbone) == 40  # each image of the pool once
    assert max(cycle.scores.values()) > 0


def test_known_values():
    certain = [[1.0, 0.0], [0.0, 1.0]]
    halves = [[0.5, 0.5], [0.5, 0.5]]
    agreed = [[1.0, 0.0], [1.0, 0.0]]
    probabilities = torch.tensor([certain, halves, agreed], dtype=torch.float64).transpose(0, 1)
    assert mutual_information(probabilities).tolist() == pytest.approx([math.log(2), 0, 0])
    assert McEntropy().score(probabilities).tolist() == pytest.approx([math.log(2), math.log(2), 0])


def test_subset_and_seed():
    world, cycle = cycle_of()
    assert len(set(world.choose(McEntropy(subset=7), 5, cycle).tolist())) == 5
    assert len(set(world.choose(McEntropy(subset=7), 12).tolist())) == 12
