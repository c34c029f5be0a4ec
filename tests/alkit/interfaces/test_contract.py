"""One selection: needs are checked before, promises afterwards, and randomness is fenced."""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from alkit.errors import InvalidSelection, TrainingError, UnsupportedTask
from alkit.interfaces.contract import check_needs, choose
from alkit.interfaces.strategy import Strategy
from alkit.training.types import TaskSpec
from alkit.utils.profiling import Profile


class Returns(Strategy):
    """Returns what it is told to, or raises it."""

    name = "mine"

    def __init__(self, what: Any) -> None:
        self.what = what

    def select(self, cycle: Any, n: int) -> Any:
        if isinstance(self.what, BaseException):
            raise self.what
        return self.what() if callable(self.what) else self.what


def cycle() -> Any:
    profile = Profile()
    return SimpleNamespace(candidates=np.array([2, 3, 5, 8]), measure=profile.phase, profile=profile)


def pick(what: Any, n: int = 2) -> np.ndarray:
    return choose(Returns(what), cycle(), n, seed=1, source=" of distribution 'other'")


def test_what_keeps_the_promise_is_returned_in_order() -> None:
    for good in ([8, 2], np.array([8, 2], dtype=np.int32), torch.tensor([8, 2])):
        picks = pick(good)
        assert picks.tolist() == [8, 2]
        assert picks.dtype == np.int64


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ([2], "returned 1 image instead of 2"),
        ([2, 3, 5], "returned 3 images instead of 2"),
        ([2, 2], "returned an image twice"),
        ([2, 4], "returned image 4, which is not a candidate"),
        ([2, -1], "returned image -1"),
        ([2.0, 3.0], "vector of integers, not float64"),
        ([[2, 3]], r"vector of integers, not int64 \(1, 2\)"),
        ([True, False], "vector of integers, not bool"),
        (None, "vector of integers"),
        (["2", "3"], "vector of integers"),
        (ValueError("boom"), "failed: ValueError: boom"),
        (IndexError(), "failed: IndexError"),
    ],
)
def test_a_broken_promise_names_strategy_and_distribution(bad: Any, message: str) -> None:
    with pytest.raises(InvalidSelection, match=f"strategy 'mine' of distribution 'other'.*{message}"):
        pick(bad)


def test_the_cause_stays_attached() -> None:
    cause = ValueError("boom")
    with pytest.raises(InvalidSelection) as caught:
        pick(cause)
    assert caught.value.__cause__ is cause


@pytest.mark.parametrize(
    "error", [TrainingError("no"), OSError(28, "full"), MemoryError(), KeyboardInterrupt()]
)
def test_what_is_not_the_strategys_fault_passes(error: BaseException) -> None:
    with pytest.raises(type(error)):
        pick(error)


def test_the_global_generators_are_seeded_and_put_back() -> None:
    seen: list[tuple[float, ...]] = []

    def draws() -> list[int]:
        seen.append((random.random(), float(np.random.rand()), float(torch.rand(()))))
        return [2, 3]

    before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # type: ignore[union-attr]
    pick(draws)
    random_after = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # type: ignore[union-attr]
    assert random_after == before
    random.random(), np.random.rand(), torch.rand(())
    pick(draws)
    assert seen[0] == seen[1]


def test_the_time_is_measured() -> None:
    looked_at = cycle()
    choose(Returns([2]), looked_at, 1, seed=1)
    assert "select" in looked_at.profile.as_dict()["seconds"]


class Needs(Returns):
    needs = frozenset({"features", "loss"})


def test_needs_are_checked_against_what_the_task_provides() -> None:
    spec: Any = SimpleNamespace(task="toy", provides=frozenset({"features", "loss", "model"}))
    check_needs(Needs(None), spec)
    spec.provides = frozenset({"model"})
    with pytest.raises(
        UnsupportedTask, match=r"strategy 'mine' needs features and loss, .*task 'toy' does not"
    ):
        check_needs(Needs(None), spec)
    spec.provides = frozenset({"loss"})
    with pytest.raises(UnsupportedTask, match="task option 'taps'"):
        check_needs(Needs(None), spec)


@pytest.mark.parametrize(
    ("needed", "provided", "said"),
    [
        (
            "probabilites",
            "probabilities",
            r"'probabilites' seems to .* of 'probabilities' \(test_contract\.py, line",
        ),
        ("probabilities", "probabilites", "'probabilites' seems to be a misspelling of 'probabilities'$"),
        ("boxes", "loss", "choose another strategy or task$"),
    ],
)
def test_a_misspelled_word_is_told_from_the_right_one(needed: str, provided: str, said: str) -> None:
    strategy: Any = type("Wants", (Returns,), {"needs": frozenset({needed}), "__module__": __name__})(None)
    with pytest.raises(UnsupportedTask, match=said):
        check_needs(strategy, TaskSpec("mine", (1, 8, 8), 2, frozenset({provided})))
