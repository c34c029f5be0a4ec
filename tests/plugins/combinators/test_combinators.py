"""Subset, then, mix and balanced: how many, from where, and no image twice."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from alkit.composition.factory import make_strategy
from alkit.engine.cycle import Cycle
from alkit.testing.world import World, make_world
from alkit.training.types import Output
from alkit_plugins.combinators.balanced import even, predicted
from alkit_plugins.combinators.mix import divided

WORLD = make_world(candidates=25)
WORLD.train(make_strategy("entropy"))
LEAVES = st.sampled_from(["random", "subset", "entropy", "coreset", "subset(by=cover)"])


def combined(inside: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    shares = st.integers(1, 99)
    mixed = st.lists(st.builds("0.{} {}".format, shares, inside), min_size=1, max_size=3)
    chains = st.builds("{}({}) > {}".format, LEAVES.filter(str.isalpha), st.integers(1, 30), inside)
    return chains | mixed.map(lambda parts: f"mix({', '.join(parts)})") | inside.map("balanced({})".format)


@settings(max_examples=40, deadline=None)
@given(st.recursive(LEAVES, combined, max_leaves=4), st.integers(1, 25))
def test_any_composition_chooses_exactly_n_distinct_candidates(text: str, n: int) -> None:
    picks = WORLD.choose(make_strategy(text), n)
    assert len(set(picks.tolist())) == n
    assert np.isin(picks, WORLD.candidates).all()
    assert picks.tolist() == WORLD.choose(make_strategy(text), n).tolist()


@pytest.mark.parametrize(
    ("n", "shares", "counts"),
    [(10, [0.8, 0.2], [8, 2]), (10, [1, 1, 1], [4, 3, 3]), (1, [1, 3], [0, 1]), (7, [2, 1, 1], [3, 2, 2])],
)
def test_a_budget_is_divided_by_largest_remainders(n: int, shares: list[float], counts: list[int]) -> None:
    assert divided(n, shares) == counts


@given(st.integers(0, 1000), st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=9))
def test_a_divided_budget_adds_up(n: int, shares: list[float]) -> None:
    counts = divided(n, shares)
    assert sum(counts) == n
    assert all(abs(count - n * share / sum(shares)) < 1 for count, share in zip(counts, shares, strict=True))


@pytest.mark.parametrize(
    ("n", "sizes", "counts"),
    [(6, [9, 1, 9], [3, 1, 2]), (5, [9, 9, 9], [2, 2, 1]), (2, [5, 5, 5], [1, 1, 0]), (4, [3, 1], [3, 1])],
)
def test_a_budget_is_even_over_groups(n: int, sizes: list[int], counts: list[int]) -> None:
    assert even(n, sizes) == counts


@given(st.data(), st.lists(st.integers(1, 30), min_size=1, max_size=9))
def test_an_even_budget_adds_up_and_no_full_group_envies_another(
    data: st.DataObject, sizes: list[int]
) -> None:
    n = data.draw(st.integers(0, sum(sizes)))
    counts = even(n, sizes)
    assert sum(counts) == n
    for count, size in zip(counts, sizes, strict=True):
        assert count <= size
        assert count == size or count >= max(counts) - 1


def test_then_chooses_from_what_is_kept() -> None:
    cycle = WORLD.cycle()
    kept = WORLD.choose(make_strategy("entropy"), 6).tolist()
    picks = WORLD.choose(make_strategy("entropy(6) > random"), 3, cycle)
    assert set(picks.tolist()) < set(kept)
    assert cycle.scores == {}  # random gives none, and the entropies did not decide
    assert set(WORLD.choose(make_strategy("entropy(2) > random"), 6).tolist()) == set(kept)


def test_a_mix_takes_turns_and_the_second_gets_what_is_left() -> None:
    entropy = WORLD.choose(make_strategy("entropy"), 8).tolist()
    picks = WORLD.choose(make_strategy("mix(0.75 entropy, 0.25 entropy)"), 8).tolist()
    assert picks == [entropy[rank] for rank in (0, 1, 6, 2, 3, 4, 7, 5)]


def test_balanced_spreads_over_predicted_classes() -> None:
    world: World = make_world(candidates=60)
    world.train(make_strategy("entropy"))
    cycle = world.cycle()
    classes = cycle.collect(cycle.candidates, predicted).numpy()
    sizes = np.unique(classes, return_counts=True)[1]
    picks = world.choose(make_strategy("balanced(random)"), 12, cycle)
    counts = np.unique(classes[np.searchsorted(cycle.candidates, picks)], return_counts=True)[1]
    assert sorted(counts) == sorted(count for count in even(12, sizes.tolist()) if count)


def test_the_predicted_class_of_a_dense_output_is_that_of_the_mean() -> None:
    probabilities = torch.tensor([[[0.9, 0.4, 0.4], [0.1, 0.6, 0.6]], [[0.2, 0.2, 0.9], [0.8, 0.8, 0.1]]])
    assert predicted(Output(torch.empty(2), probabilities)).tolist() == [0, 1]
    assert predicted(Output(torch.empty(1), torch.tensor([[0.1, 0.6, 0.3]]))).tolist() == [1]


def test_a_cover_is_k_center_over_the_candidates_alone(make_cycle: Callable[..., Cycle]) -> None:
    values = np.array([0, 0, 100, 110, 120, 200, 250], dtype=np.uint8)
    cycle = make_cycle(pixels=values[:, None, None, None].repeat(4, 2).repeat(4, 3), labeled=2)
    strategy = make_strategy("subset(by=cover)")
    # the mean is 156: 120 is the nearest, then 250 is the farthest, then 200
    assert strategy.select(cycle, 3).tolist() == [4, 6, 5]
