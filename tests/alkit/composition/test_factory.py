"""Strategies made of strategies: what they need, see, train, remember, and where they come from."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import alkit
from alkit.composition.companions import Companions
from alkit.composition.factory import effective_options, make_strategy, origins, plugin_of, resolve
from alkit.errors import InvalidOption, InvalidSelection, UnknownPlugin, UsageError
from alkit.options import build, values_of
from alkit.plugin import registry as plugins
from alkit.testing.world import make_world
from alkit.training.types import Step

SEEN: list[dict[str, Any]] = []


class Spy(alkit.Strategy):
    """Takes the first candidates, and notes what it was shown."""

    name = "spy"
    needs_labels = False

    def __init__(self) -> None:
        self.asked = 0

    def select(self, cycle: Any, n: int) -> Any:
        SEEN.append(
            {
                "candidates": cycle.candidates.tolist(),
                "companion": cycle.companion,
                "draw": cycle.rng.random(),
                "torch": cycle.generator("x").initial_seed(),
            }
        )
        self.asked += 1
        cycle.diagnostics["asked"] = self.asked
        cycle.diagnostics["warnings"] = ["look out"]
        cycle.record_scores(cycle.candidates[:n], np.arange(n))
        return cycle.candidates[:n]

    def state_dict(self) -> dict[str, Any]:
        return {"asked": self.asked}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.asked = state["asked"]


class Greedy(Spy):
    """Takes one more than it was asked for."""

    name = "greedy"

    def select(self, cycle: Any, n: int) -> Any:
        return cycle.candidates[: n + 1]


@dataclass(kw_only=True)
class Halves(alkit.Combinator):
    """A stranger's combinator."""

    name = "halves"

    low: str = alkit.nested("random", "for the lower half")
    high: str = alkit.nested("random", "for the upper half")
    rest: tuple[str, ...] = alkit.nested(("random",), "never asked")

    def select(self, cycle: Any, n: int) -> Any:
        half = len(cycle.candidates) // 2
        few = self.delegate("low", cycle, cycle.candidates[:half], n // 2)
        return np.concatenate([few, self.delegate("high", cycle, cycle.candidates[half:], n - n // 2)])


@pytest.fixture(autouse=True)
def strangers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spy, Greedy and Halves are installed by a stranger's distribution."""
    SEEN.clear()
    registry = plugins.strategies
    list(registry)
    for cls in (Spy, Greedy, Halves):
        point: Any = None
        plugin = plugins.Plugin(cls.name, registry.group, __name__, "strangers", "2.1", point)
        monkeypatch.setattr(registry, "_plugins", [*(registry._plugins or ()), plugin])
        monkeypatch.setitem(registry._classes, plugin, cls)


def test_a_name_makes_what_options_say() -> None:
    strategy = make_strategy("coreset", {"metric": "cosine"})
    assert repr(strategy) == "CoreSet(metric='cosine', robust=0.0, pca=0)"
    assert repr(make_strategy("coreset(metric=cosine)")) == repr(strategy)
    with pytest.raises(UnknownPlugin, match="did you mean 'entropy'"):
        make_strategy("mix(entropi)")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("subset(300)>ta-vaal", "subset(300) > ta-vaal"),
        ("then(keep=300, subset, ta-vaal)", "subset(300) > ta-vaal"),
        ("mix(.80 coreset(pca=0,metric=cosine), random)", "mix(0.8 coreset(metric=cosine), random)"),
        ("balanced", "balanced(entropy)"),
        (
            "balanced(ta-vaal(channels=[8,8], shuffle=no, latent=auto))",
            "balanced(ta-vaal(channels=[8,8], shuffle=false))",
        ),
        (
            "balanced(ta-vaal(latent=8, preset=published))",
            "balanced(ta-vaal(preset=published, latent=8))",
        ),
        ("halves(spy, entropy, 2 random, spy)", "halves(spy, entropy, 2 random, spy)"),
    ],
)
def test_equal_compositions_have_one_name(text: str, name: str) -> None:
    strategy = make_strategy(text)
    assert strategy.name == name
    assert make_strategy(name) == strategy
    assert resolve(text).choice.name == name
    again = build(type(strategy), values_of(strategy))
    assert again == strategy


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("entropy(random)", "'entropy' takes options only, .*'random'"),
        ("balanced(entropy, random)", "'balanced' takes only 1 .*'random'"),
        ("balanced(0.3 entropy)", "the options of 'balanced' do not fit: 'entropy' .*no number"),
        ("mix(disputed, random)", "the options of 'mix' do not fit: .*cannot be mixed"),
        ("halves(spy, low=spy)", "'low' of 'halves' is given twice"),
    ],
)
def test_what_does_not_fit_is_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=f"^{said}"):
        make_strategy(text)


def test_options_go_inside_the_parentheses() -> None:
    with pytest.raises(InvalidOption, match=r"'subset\(3\) > random' .*inside its parentheses"):
        make_strategy("subset(3) > random", {"by": "cover"})


def test_needs_are_those_of_all() -> None:
    strategy = make_strategy("entropy(20) > coreset")
    assert strategy.needs == {"probabilities", "embedding"}
    assert strategy.needs_labels
    assert not make_strategy("subset(20) > random").needs_labels
    assert make_strategy("subset(20, by=cover) > random").needs == {"embedding"}
    assert make_strategy("balanced(random)").needs == {"probabilities"}
    assert make_strategy("disputed(20) > entropy").asks_again


def test_options_and_origins_are_told_by_place() -> None:
    strategy = make_strategy("spy(20) > mix(coreset(pca=3), 3 spy)")
    assert effective_options(strategy) == {
        "first": "spy",
        "second": "mix(coreset(pca=3), 3 spy)",
        "keep": 20,
        "second.strategies": ("coreset(pca=3)", "3 spy"),
        "second.strategies-1.metric": "euclidean",
        "second.strategies-1.robust": 0.0,
        "second.strategies-1.pca": 3,
    }
    assert origins(strategy)["first"] == {"strategy": "spy", "distribution": "strangers", "version": "2.1"}
    assert list(origins(strategy)) == ["first", "second", "second.strategies-1", "second.strategies-2"]
    plugin = plugin_of(strategy)
    assert plugin is not None
    assert (plugin.name, plugin.distribution) == ("then", "alkit")
    assert plugin_of(Spy()) is not None


def test_a_choice_is_written_so_that_it_is_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.py").write_text("from alkit_plugins.strategies.random import Random as Mine\n")
    monkeypatch.chdir(tmp_path)
    choice = resolve("mix(mine.py:Mine, entropy)").choice
    assert choice.name == f"mix({tmp_path}/mine.py:Mine, entropy)"
    assert make_strategy("mix(mine.py:Mine, entropy)").name == "mix(mine.py:Mine, entropy)"
    assert resolve("mine.py:Mine").choice.name == f"{tmp_path}/mine.py:Mine"
    plain = resolve("coreset(metric=cosine)").choice
    assert (plain.name, plain.options) == ("coreset", {"metric": "cosine"})


def test_a_strategy_inside_sees_only_what_it_is_given() -> None:
    world, strategy = make_world(), make_strategy("halves(spy, spy)")
    cycle = world.cycle()
    picks = world.choose(strategy, 5, cycle)
    half = len(world.candidates) // 2
    assert [seen["candidates"] for seen in SEEN] == [
        world.candidates[:half].tolist(),
        world.candidates[half:].tolist(),
    ]
    assert picks.tolist() == [*world.candidates[:2], *world.candidates[half : half + 3]]
    assert cycle.scores == dict(zip(picks.tolist(), [0, 1, 0, 1, 2], strict=True))


def test_strategies_inside_share_no_randomness() -> None:
    world = make_world()
    world.choose(make_strategy("halves(spy, spy)"), 4)
    world.choose(make_strategy("spy(20) > halves(spy, spy)"), 4)
    assert len({seen["draw"] for seen in SEEN}) == len(SEEN) == 5
    assert len({seen["torch"] for seen in SEEN}) == 5


def test_diagnostics_and_warnings_are_told_by_place() -> None:
    world = make_world()
    cycle = world.cycle()
    world.choose(make_strategy("spy(20) > halves(spy, random)"), 4, cycle)
    assert cycle.diagnostics == {
        "warnings": ["spy: look out", "halves(spy, random, random): spy: look out"],
        "first": {"asked": 1},
        "second": {"low": {"asked": 1}},
    }


def test_a_broken_promise_is_the_inner_ones() -> None:
    with pytest.raises(
        InvalidSelection, match="'greedy' of distribution 'strangers' returned 3 images instead of 2"
    ):
        make_world().choose(make_strategy("halves(greedy, spy)"), 4)


def test_companions_are_trained_together_and_each_sees_its_own() -> None:
    text = "halves(learning-loss(hidden=4), learning-loss(hidden=8, weight=0.5), spy)"
    world, strategy = make_world(), make_strategy(text)
    world.train(strategy)
    both = world.companion
    assert isinstance(both, Companions)
    assert list(both.parts) == ["low", "high"]
    low, high = both.parts["low"], both.parts["high"]
    assert {module.out_features for module in low.modules() if isinstance(module, torch.nn.Linear)} == {4, 1}
    batch = next(iter(world.cycle().batches(world.labeled)))
    output = world.model.forward_batch(batch)
    step = Step(0, 1, batch.images, batch.targets, output, world.model.loss(output, batch.targets))  # type: ignore[arg-type]
    torch.testing.assert_close(both.extra_loss(step), low.extra_loss(step) + high.extra_loss(step))
    fresh = make_strategy(text)
    assert world.choose(fresh, 6).tolist() == world.choose(strategy, 6).tolist()
    alone, companion = make_strategy("halves(spy, learning-loss(hidden=4))"), both.part("low")
    assert world.trained is not None
    world.trained = dataclasses.replace(world.trained, companion=Companions({"high": companion}))  # type: ignore[dict-item]
    world.choose(alone, 4)
    assert SEEN[-1]["companion"] is None


def test_what_strategies_inside_remember_is_kept_apart() -> None:
    world, strategy = make_world(), make_strategy("halves(spy, spy)")
    world.choose(strategy, 4)
    world.choose(strategy, 1)
    assert strategy.state_dict() == {"low": {"asked": 1}, "high": {"asked": 2}}
    successor = make_strategy("halves(spy, spy)")
    successor.load_state_dict(strategy.state_dict())
    assert successor.state_dict() == strategy.state_dict()
