"""Usable: what is learned from answers without a label, who is kept, and what is recorded of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from alkit.composition.factory import make_strategy
from alkit.engine.cycle import Cycle
from alkit.errors import InvalidOption
from alkit.testing.world import make_world
from alkit_plugins.components.answerable import learn

WORLD = make_world(labeled=20, candidates=40)
WORLD.train(make_strategy("entropy"))
POOL = WORLD.labeled, WORLD.candidates


def cycle_with(no_label: int, apart: float = 4.0) -> tuple[Cycle, np.ndarray]:
    """Return a cycle in which people could not label some images, and the candidates that look like these."""
    cycle = WORLD.cycle()
    cycle.no_label = np.sort(np.setdiff1d(np.arange(len(WORLD.images)), np.concatenate(POOL)))[:no_label]
    cycle.no_label = np.concatenate([cycle.no_label, cycle.candidates[20:]])[:no_label]
    bad = cycle.candidates[:10]
    cycle.candidates = cycle.candidates[:20]
    embedded = cycle.embeddings

    def embeddings(indices: np.ndarray):
        odd = np.isin(indices, np.concatenate([bad, cycle.no_label]))
        rows = embedded(indices).clone()
        rows[:, 0] = rows[:, 0] * 0.1 + apart * torch.from_numpy(odd)
        return rows

    cycle.embeddings = embeddings  # type: ignore[method-assign]
    return cycle, bad


def test_a_regression_tells_images_apart_and_admits_that_it_cannot():
    rng = np.random.default_rng(0)
    usable, other = rng.normal(size=(60, 8)), rng.normal(size=(20, 8)) + 5 * np.eye(1, 8)
    found = learn(usable, other, 0)
    assert found.is_worth_it
    assert found.chance(usable).max() < 0.5 < found.chance(other).min()
    assert not learn(usable, rng.normal(size=(20, 8)), 0).is_worth_it


@pytest.mark.parametrize("no_label", [0, 9])
def test_with_few_answers_the_strategy_inside_chooses(no_label):
    cycle, _ = cycle_with(no_label)
    picks = WORLD.choose(make_strategy("usable(entropy)"), 6, cycle)
    assert picks.tolist() == WORLD.choose(make_strategy("entropy"), 6, cycle_with(no_label)[0]).tolist()
    assert cycle.diagnostics["usable"] == {"labels": 20, "without_label": no_label}


def test_fewer_unusable_images_are_asked_and_none_is_never_asked():
    cycle, bad = cycle_with(15)
    strategy = make_strategy("usable(entropy, floor=0.01)")
    picks = WORLD.choose(strategy, 8, cycle)
    assert len(set(picks) & set(bad)) <= 1
    said = cycle.diagnostics["usable"]
    proposed = WORLD.choose(make_strategy("entropy"), 8, cycle_with(15)[0]).tolist()
    assert said["proposed"] == proposed and set(proposed) & set(bad)
    assert [index for index, kept in zip(proposed, said["kept"], strict=True) if kept] == [
        index for index in picks if index in proposed
    ]
    assert min(said["chance_to_be_kept"]) >= 0.01 and said["picks"] == picks.tolist()
    assert set(WORLD.choose(strategy, 20, cycle_with(15)[0])) == set(cycle.candidates)


def test_answers_that_cannot_be_told_apart_change_nothing():
    cycle, _ = cycle_with(15, apart=0.0)
    picks = WORLD.choose(make_strategy("usable(entropy)"), 8, cycle)
    assert picks.tolist() == WORLD.choose(make_strategy("entropy"), 8, cycle_with(15)[0]).tolist()
    assert "proposed" not in cycle.diagnostics["usable"]


@pytest.mark.parametrize("inside", ["random", "disputed"])
def test_baselines_and_questions_asked_again_are_refused(inside):
    with pytest.raises(InvalidOption, match="leave out 'usable'"):
        make_strategy(f"usable({inside})")
