"""TOD: changes by hand, and which models are compared from query to query."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from alkit import options
from alkit.plugin import registry
from alkit.testing.world import make_world
from alkit_plugins.strategies.uncertainty.tod import Tod, change


@pytest.fixture
def world():
    made = make_world(candidates=25)
    made.train(Tod())
    return made


def moved(world, seed):
    """Change the classifier's weights, as another training would."""
    with torch.no_grad():
        for weight in world.model.network.get_submodule("head").parameters():
            weight.add_(torch.randn(weight.shape, generator=torch.Generator().manual_seed(seed)))


def test_change_by_hand():
    now, before = torch.tensor([[0.9, 0.1], [0.5, 0.5]]), torch.tensor([[0.4, 0.6], [0.5, 0.5]])
    assert change(now, before).tolist() == pytest.approx([0.25, 0.0])
    maps = torch.stack([now, before], dim=2)
    assert change(maps, before.unsqueeze(2).expand(2, 2, 2)).tolist() == pytest.approx([0.125, 0.0])


def probabilities(world):
    cycle = world.cycle()
    return cycle.collect(cycle.candidates, lambda output: output.probabilities).double()


def test_the_models_of_two_queries_are_compared(world):
    strategy, first = Tod(), probabilities(world)
    cycle = world.cycle()
    drawn = world.choose(strategy, 5, cycle)
    assert cycle.diagnostics["compared"] is False and cycle.scores == {}
    assert world.choose(strategy, 5).tolist() == drawn.tolist()  # the same model again
    moved(world, 0)
    second = probabilities(world)
    expected = world.candidates[np.argsort(-change(second, first).numpy(), kind="stable")[:5]]
    picks = world.choose(strategy, 5, cycle := world.cycle())
    assert picks.tolist() == expected.tolist() and cycle.diagnostics["compared"] is True
    assert world.choose(strategy, 5).tolist() == expected.tolist()  # the same model again
    moved(world, 1)
    third = probabilities(world)
    expected = world.candidates[np.argsort(-change(third, second).numpy(), kind="stable")[:5]]
    successor = Tod()
    successor.load_state_dict(strategy.state_dict())
    assert world.choose(strategy, 5).tolist() == expected.tolist() == world.choose(successor, 5).tolist()


def test_a_task_that_refers_to_its_networks_modules(make_cycle):
    task = options.build(registry.tasks.get("classification"), {"model": "tiny-cnn"})
    task.build((1, 8, 8), ("cat", "dog"), torch.device("cpu"))
    task.network.eval()
    cycle = make_cycle(model=task)
    strategy = Tod()
    strategy.select(cycle, 4)
    with torch.no_grad():
        for weight in task.network.parameters():
            weight.mul_(0.5)
    strategy.select(cycle, 4)
    assert cycle.diagnostics["compared"] is True and min(cycle.scores.values()) > 0.0


def test_a_model_of_another_shape_is_not_compared(world):
    strategy = Tod()
    strategy.load_state_dict({"before": {"other": torch.zeros(2)}, "now": {}})
    strategy.now = {"another": torch.zeros(3)}
    assert len(world.choose(strategy, 5, cycle := world.cycle())) == 5
    assert cycle.diagnostics["compared"] is False


def test_the_present_model_is_left_alone(world):
    strategy = Tod()
    world.choose(strategy, 5)
    moved(world, 0)
    before = {key: value.clone() for key, value in world.model.network.state_dict().items()}
    world.choose(strategy, 5)
    assert all(torch.equal(value, before[key]) for key, value in world.model.network.state_dict().items())
