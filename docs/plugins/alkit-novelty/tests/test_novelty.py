"""The conformance kit, and what this strategy should do."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from alkit_novelty import Doubt, Novelty

import alkit
import alkit.testing

SMALL = {"iterations": 3, "batch-size": 4, "width": 2}


class TestNovelty(alkit.testing.StrategyTests):
    name = "novelty"
    options = SMALL


def bright_and_dark() -> tuple[alkit.testing.World, set[int]]:
    """A world whose labeled images are dark, as are all candidates but six."""
    world = alkit.testing.make_world()
    pixels = np.random.default_rng(0).integers(0, 60, (42, 3, 12, 12), dtype=np.uint8)
    bright = world.candidates[::4][:6]
    pixels[bright] += 180
    world.images = alkit.ImageStore.from_array(pixels)
    return world, set(bright.tolist())


def test_images_unlike_the_labeled_ones_come_first() -> None:
    world, bright = bright_and_dark()
    strategy = Novelty(iterations=60, memory=1.0)
    strategy.load_state_dict({"share": 1.0})
    world.train(strategy)
    assert set(world.choose(strategy, 6).tolist()) == bright


def test_the_share_of_novelty_is_a_moving_average() -> None:
    world, _ = bright_and_dark()
    strategy = Novelty(iterations=20, memory=0.25)
    world.train(strategy)
    shares: list[float] = []
    for number in range(3):
        cycle = world.cycle(number=number)
        world.choose(strategy, 3, cycle)
        before = shares[-1] if shares else cycle.diagnostics["told_apart"]
        shares.append(0.25 * before + 0.75 * cycle.diagnostics["told_apart"])
        assert cycle.diagnostics["share_of_novelty"] == pytest.approx(shares[-1])
    assert strategy.state_dict() == {"share": pytest.approx(shares[-1])}
    assert 0 < shares[-1] < 1


def test_doubt_learns_whose_loss_is_high_and_leaves_the_task_model_alone() -> None:
    embedding = torch.tensor([[0.0], [1.0], [2.0], [3.0]], requires_grad=True)
    losses = embedding.squeeze(1)
    output = alkit.Output(embedding, embedding=embedding)
    step = alkit.Step(0, 1, torch.zeros(4, 1, 2, 2), torch.zeros(4), output, losses)
    doubt = Doubt(1)
    torch.nn.init.zeros_(doubt.head.weight)
    torch.nn.init.zeros_(doubt.head.bias)
    loss = doubt.extra_loss(step)
    loss.backward()
    assert loss.item() == pytest.approx(np.log(2))
    assert embedding.grad is None
    assert doubt.head.weight.grad is not None
    assert doubt.head.weight.grad.item() < 0  # descent raises the logits of high losses
