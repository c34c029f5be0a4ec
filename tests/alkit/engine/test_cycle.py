"""What a cycle shows: outputs that may be trained on, and embeddings that are made once."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from alkit.engine.cycle import Cycle
from alkit.plugin.registry import strategies
from alkit.testing.world import make_world


@pytest.fixture
def cycle() -> Cycle:
    world = make_world()
    world.model.network.eval()
    return world.cycle()


def test_outputs_leave_the_callers_mode_alone_and_may_be_trained_on(cycle: Cycle) -> None:
    layer = torch.nn.Linear(10, 1)
    for output in cycle.outputs(cycle.candidates):
        assert torch.is_grad_enabled()
        assert not torch.is_inference_mode_enabled()
        assert output.embedding is not None
        assert not output.embedding.requires_grad
        layer(output.embedding).sum().backward()
    assert layer.weight.grad is not None


def test_embeddings_made_while_scoring_may_be_trained_on(cycle: Cycle) -> None:
    with torch.inference_mode():
        cycle.embeddings(cycle.candidates)
    torch.nn.Linear(10, 1)(cycle.embeddings(cycle.candidates)).sum().backward()


def test_embeddings_are_those_of_the_outputs_in_any_order_and_made_once(cycle: Cycle) -> None:
    everything = np.arange(30)
    expected = torch.cat([output.embedding for output in cycle.outputs(everything)])  # type: ignore[misc]
    asked: list[int] = []
    forward = cycle.model.forward_batch

    def counted(batch):  # type: ignore[no-untyped-def]
        asked.extend(batch.indices.tolist())
        return forward(batch)

    cycle.model.forward_batch = counted  # type: ignore[method-assign]
    for indices in ([7, 3, 3, 20], [5, 7], [], list(range(29, -1, -1)), list(range(30))):
        found = cycle.embeddings(np.array(indices, dtype=np.int64))
        assert torch.allclose(found, expected[indices], atol=1e-6)
    assert sorted(asked) == list(range(30))


def test_all_embeddings_in_order_are_not_copied(cycle: Cycle) -> None:
    everything = np.arange(30)
    first = cycle.embeddings(everything)
    assert first.data_ptr() == cycle.embeddings(everything).data_ptr()
    assert cycle.embeddings(everything[::-1].copy()).data_ptr() != first.data_ptr()


@pytest.mark.parametrize("name", ["entropy", "learning-loss"])
def test_scoring_is_measured_and_makes_no_graph(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world, strategy = make_world(), strategies.get(name)()
    world.train(strategy)
    cycle = world.cycle()
    graphs: list[bool] = []
    score = type(strategy).score

    def watched(self, cycle, output):  # type: ignore[no-untyped-def]
        scores = score(self, cycle, output)
        graphs.append(scores.requires_grad)
        return scores

    monkeypatch.setattr(type(strategy), "score", watched)
    world.choose(strategy, 3, cycle)
    assert graphs
    assert not any(graphs)
    assert cycle.profile.seconds["score"] > 0


def test_a_narrowed_view_has_fewer_candidates_and_randomness_of_its_own(cycle: Cycle) -> None:
    some = cycle.candidates[[7, 2, 2]]
    view = cycle.narrowed(some, "first")
    assert view.candidates.tolist() == cycle.candidates[[2, 7]].tolist()
    assert view.companion is None
    assert view.labeled is cycle.labeled
    assert view.model is cycle.model
    assert view.profile is cycle.profile
    draws = {which.rng.random() for which in (cycle, view, cycle.narrowed(some, "second"))}
    assert len(draws) == 3
    assert view.generator("x").initial_seed() != cycle.generator("x").initial_seed()
    assert view.generator("x").initial_seed() == cycle.narrowed(some, "first").generator("x").initial_seed()
    view.record_scores(some[:1], [1.0])
    view.diagnostics["key"] = 1
    assert (cycle.scores, cycle.diagnostics) == ({}, {})
    with pytest.raises(ValueError, match="cannot have candidates that the cycle does not have"):
        view.narrowed(cycle.candidates)


def test_views_share_embeddings(cycle: Cycle) -> None:
    view = cycle.narrowed(cycle.candidates[:9], "first").narrowed(cycle.candidates[:5], "deeper")
    found = view.embeddings(view.candidates)
    cycle.model.forward_batch = None  # type: ignore[assignment, method-assign]
    assert torch.equal(cycle.embeddings(view.candidates), found)


def test_the_best_are_those_of_highest_score_and_ties_go_to_the_lower_index(cycle: Cycle) -> None:
    first, *rest = cycle.candidates.tolist()
    scores = torch.ones(len(cycle.candidates))
    assert cycle.best(scores, 3).tolist() == [first, *rest[:2]]
    scores[-1] = 2.0
    assert cycle.best(scores, 3).tolist() == [rest[-1], first, rest[0]]
    assert (cycle.scores[rest[-1]], cycle.scores[first]) == (2.0, 1.0)
    with pytest.raises(ValueError, match="NaN"):
        cycle.best(torch.full((len(cycle.candidates),), torch.nan), 1)
