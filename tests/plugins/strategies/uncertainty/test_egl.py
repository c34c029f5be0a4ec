"""EGL: expected gradient lengths against gradients by autograd, image by image and label by label."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

import alkit
from alkit import options
from alkit.data import Loader
from alkit.plugin import registry
from alkit.testing.world import make_world
from alkit.training import hypotheses
from alkit_plugins.components.gradient_lengths import Call, lengths
from alkit_plugins.strategies.uncertainty import egl as module
from alkit_plugins.strategies.uncertainty.egl import Egl


def scored(strategy, world):
    """Return the score of every candidate."""
    cycle = world.cycle()
    picks = strategy.select(cycle, len(cycle.candidates))
    return cycle, np.array([cycle.scores[index] for index in np.sort(picks).tolist()])


def by_autograd(cycle, weights):
    """Go through images and classes one by one, and sum up the lengths of whole gradients."""
    found = []
    for index in cycle.candidates:
        total = 0.0
        for number in range(cycle.model.spec.num_classes):
            (batch,) = cycle.batches(np.array([index]))
            output = cycle.model.forward_batch(batch)
            loss = functional.cross_entropy(output.prediction, torch.tensor([number]))
            gradients = torch.autograd.grad(loss, weights)
            length = torch.cat([gradient.flatten() for gradient in gradients]).norm()
            total += float(output.probabilities[0, number].detach() * length)
        found.append(total)
    return np.array(found)


@pytest.mark.parametrize("layers", ["last", "all"])
def test_classes_are_gone_through(layers):
    world = make_world(candidates=6)
    world.train(Egl())
    cycle, scores = scored(Egl(layers=layers), world)
    network = world.model.network
    weights = list((network.head if layers == "last" else network).parameters())
    assert scores == pytest.approx(by_autograd(cycle, weights), rel=1e-4)
    assert scores.std() > 0


def test_labels_of_pixels_are_drawn(monkeypatch):
    """The same draws, with the gradient of the head for each image on its own."""
    monkeypatch.setattr(module, "BLOCK", 4)
    world = make_world("segmentation", candidates=6)
    world.train(Egl())
    cycle, scores = scored(Egl(draws=3), world)
    weights, expected = list(world.model.network.head.parameters()), []
    for batch in cycle.batches(cycle.candidates, size=4):
        output = world.model.forward_batch(batch)
        generator = cycle.generator("labels", int(batch.indices[0]))
        guesses = list(hypotheses(world.model, output, draws=3, generator=generator))
        assert not torch.equal(guesses[0].targets, guesses[1].targets)
        for row in range(len(batch)):
            parts = [world.model.loss(output, guess.targets)[row] for guess in guesses]
            gradients = [torch.autograd.grad(part, weights, retain_graph=True) for part in parts]
            expected.append(
                np.mean([float(torch.cat([g.flatten() for g in each]).norm()) for each in gradients])
            )
    assert scores == pytest.approx(expected, rel=1e-4)


def test_a_layer_that_is_called_twice_has_one_gradient():
    layer, rows = torch.nn.Linear(3, 2), torch.randn(4, 2, 3)
    results = [layer(part) for part in rows.unbind(dim=1)]
    losses = sum(result.square().sum(dim=1) for result in results)
    errors = torch.autograd.grad(losses.sum(), results, retain_graph=True)
    calls = [Call(layer, part, result) for part, result in zip(rows.unbind(dim=1), results, strict=True)]
    for row, found in enumerate(lengths(calls, errors).tolist()):
        gradients = torch.autograd.grad(losses[row], list(layer.parameters()), retain_graph=True)
        assert found == pytest.approx(float(torch.cat([g.flatten() for g in gradients]).norm()), rel=1e-5)


BUILT_IN = {
    "classification": ({"model": "tiny-cnn"}, ("a", "b", "c"), ["a", "c"]),
    "multi-label": ({"model": "tiny-cnn"}, ("a", "b", "c"), [("a",), ("b", "c")]),
    "regression": ({"model": "tiny-cnn", "heteroscedastic": "true"}, (), [(0.5,), (2.0,)]),
    "segmentation": ({"model": "tiny-unet"}, ("a", "b"), None),
}


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_task_that_has_targets_has_lengths(name):
    given, classes, values = BUILT_IN[name]
    task = options.build(registry.tasks.get(name), given)
    task.build((1, 16, 16), classes, torch.device("cpu"))
    task.network.eval()
    assert "targets" in task.spec.provides
    images = alkit.ImageStore.from_array(np.random.default_rng(0).integers(0, 256, (3, 1, 16, 16), np.uint8))
    (batch,) = Loader(images, torch.device("cpu")).sequential(np.arange(3), 3)
    found = module.LastLayer(task, 4)(batch, torch.Generator().manual_seed(0))
    assert found.shape == (3,) and (found > 0).all()
    if values is not None:
        assert task.targets_of(task.forward_batch(batch)).shape[1:] == task.encode(values).shape[1:]


def test_a_task_without_targets_is_refused_before_training():
    with pytest.raises(alkit.AlkitError, match="needs targets, but task 'regression'"):
        make_world("regression").train(Egl())
