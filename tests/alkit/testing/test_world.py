"""The small world: what is told, what is hidden, what its tasks provide."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch

import alkit
from alkit.errors import UnsupportedTask
from alkit.testing import TaskTests
from alkit.testing.toy_tasks import TASKS, TinyClassification, TinyRegression, TinySegmentation
from alkit.testing.world import make_world


class Wants(alkit.Strategy):
    name = "wants"
    needs = frozenset({"model"})

    def select(self, cycle, n):
        return cycle.candidates[:n]


class TestTinyClassification(TaskTests):
    task = TinyClassification


class TestTinySegmentation(TaskTests):
    task = TinySegmentation
    image_shape = (1, 5, 7)


class TestTinyRegression(TaskTests):
    task = TinyRegression
    classes = ()


@pytest.mark.parametrize("task", TASKS)
def test_the_same_arguments_give_the_same_world(task: str) -> None:
    worlds = [make_world(task), make_world(task)]
    for world in worlds:
        world.train(Wants())
    first, second = worlds
    everything = np.arange(len(first.images))
    assert torch.equal(first.images.take(everything), second.images.take(everything))
    assert np.array_equal(first.candidates, second.candidates)
    outputs = [next(world.cycle().outputs(world.candidates)).prediction for world in worlds]
    assert torch.equal(*outputs)


@pytest.mark.parametrize("task", TASKS)
def test_a_hidden_seed_changes_hidden_labels_only(task: str) -> None:
    one, other = make_world(task), make_world(task, hidden_seed=1)
    assert all(np.array_equal(one.values[index], other.values[index]) for index in one.labeled)
    assert not all(np.array_equal(one.values[index], other.values[index]) for index in one.candidates)


@pytest.mark.parametrize("task", TASKS)
def test_training_takes_no_time(task: str) -> None:
    world = make_world(task)
    start = time.perf_counter()
    world.train(Wants())
    assert time.perf_counter() - start < 5  # a twentieth of a second, on a machine that is not busy
    assert not world.model.network.training


def test_labeled_and_candidates_are_scattered_and_some_images_are_neither() -> None:
    world = make_world()
    known = set(world.labeled.tolist()) | set(world.candidates.tolist())
    assert len(known) == len(world.labeled) + len(world.candidates) < len(world.images)
    assert not set(range(len(world.candidates))) <= set(world.candidates.tolist())


def test_a_certain_model_gives_exact_zeros() -> None:
    world = make_world(certain=True)
    world.train(Wants())
    output = next(world.cycle().outputs(world.candidates))
    assert output.probabilities is not None
    assert set(output.probabilities.unique().tolist()) == {0.0, 1.0}


def test_identical_images_are_identical() -> None:
    world = make_world(identical=True)
    pixels = world.images.take(world.candidates)
    assert torch.equal(pixels, pixels[:1].expand_as(pixels))


def test_what_a_task_does_not_provide_is_not_there() -> None:
    world = make_world(provides=frozenset({"model", "features"}))
    world.train(Wants())
    output = next(world.cycle().outputs(world.candidates))
    assert (output.probabilities, output.embedding) == (None, None)
    assert len(output.features) == len(world.model.spec.taps) == 2


def test_a_task_that_lacks_what_is_needed_is_refused_before_training() -> None:
    world = make_world("regression")

    class Picky(Wants):
        needs = frozenset({"probabilities"})

        def companion(self, spec):
            raise AssertionError("too late")

    with pytest.raises(UnsupportedTask, match="probabilities"):
        world.train(Picky())


def test_the_world_gives_every_cycle_the_same_seed_and_each_number_its_own() -> None:
    world = make_world()
    draws = [world.cycle(number=number).rng.integers(2**60) for number in (0, 0, 1)]
    assert draws[0] == draws[1] != draws[2]
