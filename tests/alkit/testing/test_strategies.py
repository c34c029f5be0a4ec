"""Each check of a strategy passes a good one and fails one that was broken on purpose."""

from __future__ import annotations

import gc
import itertools
import os
import random
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import alkit
from alkit.testing import strategies
from alkit.testing.hints import ADVICE
from alkit.testing.results import Nonconforming, NotApplicable, title
from alkit.testing.strategies import INTERFACE_CHECKS, TASK_CHECKS, check_strategy
from alkit.testing.subject import Subject
from alkit.testing.world import World, make_world

MODEL = frozenset({"model"})


class Prints(alkit.Strategy):
    name = "prints"

    def select(self, cycle, n):
        print("this is no answer")
        return cycle.candidates[:n]


class Good(alkit.ScoreStrategy):
    name = "good"
    needs = frozenset({"probabilities"})

    def score(self, cycle, output):
        return -output.probabilities.amax(dim=1)


class First(alkit.Strategy):
    """Takes the first candidates; what follows breaks it."""

    name = "first"

    def select(self, cycle, n):
        return cycle.candidates[:n]


class LooksIntoNetwork(Good):
    """Runs the head by itself, and says nothing of it in its needs."""

    def score(self, cycle, output):
        head = cycle.model.network.get_submodule("head")
        return super().score(cycle, output) + 0 * next(head.parameters()).sum()


class Duplicates(First):
    def select(self, cycle, n):
        return np.repeat(cycle.candidates[:1], n)


class TooFew(First):
    def select(self, cycle, n):
        return cycle.candidates[: n - 1]


class TooMany(First):
    def select(self, cycle, n):
        return cycle.candidates[: n + 1]


class AtMostTen(First):
    def select(self, cycle, n):
        return cycle.candidates[: min(n, 10)]


class Labeled(First):
    def select(self, cycle, n):
        return cycle.labeled[:n]


class RelativePositions(First):
    def select(self, cycle, n):
        return np.arange(n)


class Floats(First):
    def select(self, cycle, n):
        return [float(index) for index in cycle.candidates[:n]]


class Crashes(First):
    def select(self, cycle, n):
        raise RuntimeError("no")


class NaNScores(Good):
    def score(self, cycle, output):
        p = output.probabilities
        return -(p * p.log()).sum(dim=1)


class RecordsNaN(First):
    def select(self, cycle, n):
        cycle.record_scores(cycle.candidates[:n], [float("nan")] * n)
        return cycle.candidates[:n]


class NeverTheSame(First):
    def select(self, cycle, n):
        return np.random.default_rng().choice(cycle.candidates, n, replace=False)


class ByHash(First):
    """The order of words in a set differs between processes."""

    def select(self, cycle, n):
        words = list({f"image-{index}" for index in cycle.candidates})
        return np.array([int(word.rpartition("-")[2]) for word in words[:n]])


class EndsElsewhere(First):
    """Takes a process down that is not the tests' own."""

    def select(self, cycle, n):
        if os.environ.get("PYTHONHASHSEED") == "12345":
            os._exit(7)
        return cycle.candidates[:n]


class FailsElsewhere(First):
    """Reads what only this process has."""

    def select(self, cycle, n):
        if os.environ.get("PYTHONHASHSEED") == "12345":
            raise RuntimeError("not here")
        return cycle.candidates[:n]


class Counts(First):
    calls = itertools.count()

    def select(self, cycle, n):
        return np.roll(cycle.candidates, next(self.calls))[:n]


class BatchStatistics(Good):
    def score(self, cycle, output):
        scores = output.probabilities.amax(dim=1)
        return scores - scores.mean()


class KeepsWhatItSaw(Good):
    """Chooses by what its function has seen, which is nothing where outputs are gathered."""

    def select(self, cycle, n):
        seen = []

        def score(output):
            seen.append(output.probabilities.amax(dim=1))
            return seen[-1]

        cycle.collect(cycle.candidates, score)
        return cycle.best(torch.cat(seen), n)


class Peeks(First):
    """Finds the world that holds the hidden labels among what refers to the model."""

    def select(self, cycle, n):
        holders = gc.get_referrers(cycle.model)
        holders = [vars(holder) if isinstance(holder, World) else holder for holder in holders]
        values = next(h["values"] for h in holders if isinstance(h, dict) and "values" in h)
        return sorted(cycle.candidates, key=lambda index: str(values[index]))[:n]


class OneCandidateTooFew(First):
    def select(self, cycle, n):
        cycle.candidates[1]
        return cycle.candidates[:n]


class Pairs(First):
    def select(self, cycle, n):
        cycle.labeled[1]
        return cycle.candidates[:n]


class BeginsAtALabel(First):
    needs_labels = False

    def select(self, cycle, n):
        return np.roll(cycle.candidates, cycle.labeled[0])[:n]


class DistinctPixels(First):
    """Counts on different images."""

    def select(self, cycle, n):
        batch = next(iter(cycle.batches(cycle.candidates, size=len(cycle.candidates))))
        _, firsts = np.unique(batch.images.flatten(1).numpy(), axis=0, return_index=True)
        return cycle.candidates[firsts[:n]]


class ColourOnly(First):
    def select(self, cycle, n):
        batch = next(iter(cycle.batches(cycle.candidates)))
        batch.images[:, 2]
        return cycle.candidates[:n]


class EvenSizes(First):
    def select(self, cycle, n):
        batch = next(iter(cycle.batches(cycle.candidates)))
        batch.images.unflatten(3, (-1, 4))
        return cycle.candidates[:n]


class Undeclared(First):
    needs = MODEL

    def select(self, cycle, n):
        cycle.embeddings(cycle.candidates)
        return cycle.candidates[:n]


class UndeclaredModel(First):
    def select(self, cycle, n):
        list(cycle.outputs(cycle.candidates))
        return cycle.candidates[:n]


class Trains(First):
    needs = MODEL

    def select(self, cycle, n):
        with torch.no_grad():
            next(cycle.model.network.parameters()).add_(1e-3)
        return cycle.candidates[:n]


class UpdatesBatchNorm(First):
    """The mode is put back, the running statistics are not."""

    needs = MODEL

    def select(self, cycle, n):
        cycle.model.network.train()
        list(cycle.outputs(cycle.candidates))
        cycle.model.network.eval()
        return cycle.candidates[:n]


class LeavesTrainingMode(First):
    needs = MODEL

    def select(self, cycle, n):
        cycle.model.network.train()
        return cycle.candidates[:n]


class LeavesOneLayerInTrainingMode(First):
    needs = MODEL

    def select(self, cycle, n):
        cycle.model.network.stem.train()
        return cycle.candidates[:n]


class Freezes(First):
    needs = MODEL

    def select(self, cycle, n):
        cycle.model.network.requires_grad_(False)
        return cycle.candidates[:n]


class ReplacesModel(First):
    needs = MODEL

    def select(self, cycle, n):
        cycle.model = None
        return cycle.candidates[:n]


class ShufflesCandidates(First):
    def select(self, cycle, n):
        cycle.rng.shuffle(cycle.candidates)
        return cycle.candidates[:n]


class SeedsPython(First):
    def select(self, cycle, n):
        random.seed(0)
        return cycle.candidates[:n]


class SeedsNumpy(First):
    def select(self, cycle, n):
        np.random.seed(0)
        return cycle.candidates[:n]


class SeedsTorch(First):
    def select(self, cycle, n):
        torch.manual_seed(0)
        return cycle.candidates[:n]


class NoGrad(First):
    def select(self, cycle, n):
        torch.set_grad_enabled(False)
        return cycle.candidates[:n]


class Forgets(First):
    """Remembers how often it was asked, and does not say so."""

    asked = 0

    def select(self, cycle, n):
        self.asked += 1
        return np.roll(cycle.candidates, self.asked)[:n]


class Pickles(First):
    def state_dict(self):
        return {"what": Good}


class LosesState(First):
    def state_dict(self):
        return {"asked": getattr(self, "asked", 0)}

    def select(self, cycle, n):
        self.asked = 1
        return cycle.candidates[:n]


class WithCompanion(First):
    needs = frozenset({"features", "loss"})
    module: Any = None

    def companion(self, spec):
        return self.module(spec.taps[0].channels)


class Predictor(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.linear = nn.Linear(channels, 1)

    def forward(self, output):
        return self.linear(output.features[0].mean(dim=(2, 3))).squeeze(1)

    def extra_loss(self, step):
        return (self(step.output) - step.losses.detach()).square().mean()


class GoodCompanion(WithCompanion):
    module = Predictor


class LossOfNothing(Predictor):
    """The mean over pairs of a batch of one."""

    def extra_loss(self, step):
        predicted = self(step.output)
        return (predicted[: len(predicted) // 2] ** 2).mean()


class LossPerImage(Predictor):
    """One number an image, which becomes one only when all of training is a sum."""

    def extra_loss(self, step):
        loss = self(step.output) ** 2
        return loss.mean() if step.epochs == 3 else loss


class NaNCompanion(WithCompanion):
    module = LossOfNothing


class VectorCompanion(WithCompanion):
    module = LossPerImage


class TrainsCompanion(GoodCompanion):
    def select(self, cycle, n):
        with torch.no_grad():
            cycle.companion.linear.bias.add_(1.0)
        return cycle.candidates[:n]


class CompanionInTrainingMode(GoodCompanion):
    def select(self, cycle, n):
        cycle.companion.train()
        return cycle.candidates[:n]


class BadName(First):
    name = "Bad Name"


class NotADataclass(First):
    temperature: float = alkit.option(1.0, "forgotten decorator")


@dataclass(kw_only=True)
class ChangesOption(First):
    share: float = alkit.option(1.0, "of something")

    def __post_init__(self):
        self.share /= 2


@dataclass(kw_only=True)
class NotJSON(First):
    device: Any = field(default=torch.device("cpu"))


@dataclass(kw_only=True, repr=False)
class NoRepr(First):
    share: float = alkit.option(1.0, "of something")


@dataclass(kw_only=True)
class TakesAnything(First):
    no_such_option: float = alkit.option(1.0, "named like what cannot exist")


class StrangeNeeds(First):
    needs = frozenset({"labels"})


class NeedsNoSet(First):
    needs = "probabilities"


class HiddenNeeds(frozenset):
    """Claims to need nothing when it is compared."""

    def __sub__(self, other):
        return frozenset()


class NeverRefused(First):
    needs = HiddenNeeds({"embedding"})


TASK_FAULTS = [
    ("chooses-candidates", Duplicates),
    ("chooses-candidates", TooFew),
    ("chooses-candidates", TooMany),
    ("chooses-candidates", Labeled),
    ("chooses-candidates", RelativePositions),
    ("chooses-candidates", Floats),
    ("chooses-candidates", Crashes),
    ("chooses-candidates", RecordsNaN),
    ("chooses-any-number", AtMostTen),
    ("chooses-any-number", RelativePositions),
    ("one-candidate", OneCandidateTooFew),
    ("one-labeled-image", Pairs),
    ("nothing-labeled", BeginsAtALabel),
    ("identical-images", DistinctPixels),
    ("certain-model", NaNScores),
    ("image-shapes", ColourOnly),
    ("image-shapes", EvenSizes),
    ("repeats", NeverTheSame),
    ("repeats", Counts),
    ("scoring-batch-size", BatchStatistics),
    ("scored-in-shards", KeepsWhatItSaw),
    ("hidden-labels", Peeks),
    ("needs-are-enough", Undeclared),
    ("needs-are-enough", UndeclaredModel),
    ("given-outputs", LooksIntoNetwork),
    ("leaves-cycle-alone", Trains),
    ("leaves-cycle-alone", UpdatesBatchNorm),
    ("leaves-cycle-alone", LeavesTrainingMode),
    ("leaves-cycle-alone", LeavesOneLayerInTrainingMode),
    ("leaves-cycle-alone", Freezes),
    ("leaves-cycle-alone", ReplacesModel),
    ("leaves-cycle-alone", ShufflesCandidates),
    ("leaves-cycle-alone", TrainsCompanion),
    ("leaves-cycle-alone", CompanionInTrainingMode),
    ("leaves-process-alone", SeedsPython),
    ("leaves-process-alone", SeedsNumpy),
    ("leaves-process-alone", SeedsTorch),
    ("leaves-process-alone", NoGrad),
    ("state-round-trip", Forgets),
    ("state-round-trip", Pickles),
    ("state-round-trip", LosesState),
    ("companion-loss", NaNCompanion),
    ("companion-loss", VectorCompanion),
]
INTERFACE_FAULTS = [
    ("name", BadName),
    ("options-round-trip", NotADataclass),
    ("options-round-trip", ChangesOption),
    ("options-round-trip", NotJSON),
    ("options-round-trip", NoRepr),
    ("unknown-options-refused", TakesAnything),
    ("needs", StrangeNeeds),
    ("needs", NeedsNoSet),
    ("needs", NeverRefused),
    ("another-process", ByHash),
    ("another-process", EndsElsewhere),
    ("another-process", FailsElsewhere),
]
CHECKS = {title(check): check for check in (*INTERFACE_CHECKS, *TASK_CHECKS)}


@pytest.fixture(autouse=True)
def grad_mode():
    yield
    torch.set_grad_enabled(True)


@pytest.mark.parametrize(("check", "fault"), TASK_FAULTS)
def test_a_fault_fails_its_check(check: str, fault: type[alkit.Strategy]) -> None:
    with pytest.raises(Nonconforming) as raised:
        CHECKS[check](Subject(fault), "classification")
    assert len(str(raised.value)) > 20


@pytest.mark.parametrize(("check", "fault"), INTERFACE_FAULTS)
def test_a_fault_of_the_interface_fails_its_check(check: str, fault: type[alkit.Strategy]) -> None:
    with pytest.raises(Nonconforming) as raised:
        CHECKS[check](Subject(fault))
    assert len(str(raised.value)) > 20


def test_every_check_has_a_fault() -> None:
    assert {check for check, _ in TASK_FAULTS + INTERFACE_FAULTS} == set(CHECKS)


@pytest.mark.parametrize("strategy", [First, Good, GoodCompanion])
def test_a_good_strategy_passes_every_check(strategy: type[alkit.Strategy]) -> None:
    results = check_strategy(strategy)
    assert [result for result in results if not result.ok] == []
    applied = [result for result in results if not result.sentence]
    assert len(applied) >= len(INTERFACE_CHECKS) + 2 * (len(TASK_CHECKS) - 2)
    if strategy is Good:  # a task that lacks what is needed is one result
        assert results[-1].check == "regression"
        assert "needs probabilities" in results[-1].sentence


def test_check_strategy_reports_failures_as_sentences() -> None:
    failed = {result.check: result.sentence for result in check_strategy(Labeled) if not result.ok}
    assert "which is not a candidate" in failed["chooses-candidates (regression)"]


def test_options_that_do_not_fit_are_reported() -> None:
    failed = [result for result in check_strategy(Good, {"nonsense": 1}) if not result.ok]
    assert "has no option 'nonsense'" in failed[0].sentence


def test_a_class_inside_a_function_cannot_be_found_by_another_process() -> None:
    class Local(First):
        pass

    with pytest.raises(NotApplicable):
        strategies.another_process(Subject(Local))


def test_what_a_strategy_prints_does_not_matter_to_another_process() -> None:
    strategies.another_process(Subject(Prints))


def test_drawing_from_the_global_generators_is_allowed() -> None:
    class Draws(First):
        def select(self, cycle, n):
            torch.rand(3), np.random.rand(3), random.random()
            return cycle.candidates[:n]

    strategies.leaves_process_alone(Subject(Draws), "classification")


def test_the_kit_needs_pytest_for_its_mixins_only() -> None:
    code = (
        "import sys; import alkit.testing; assert 'torch' not in sys.modules; "
        "alkit.testing.check_strategy, alkit.testing.make_world; assert 'pytest' not in sys.modules; "
        "alkit.testing.StrategyTests; assert 'pytest' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_mixin_without_a_name_says_so() -> None:
    from alkit.testing import StrategyTests

    class TestNothing(StrategyTests):
        pass

    with pytest.raises(pytest.fail.Exception, match="TestNothing names no strategy; set name"):
        TestNothing().test_interface()


def test_hidden_labels_are_in_no_batch() -> None:
    world = make_world()
    world.train(Good())
    cycle = world.cycle()
    assert all(batch.targets is None for batch in cycle.batches(world.candidates))
    assert all(batch.targets is not None for batch in cycle.batches(world.labeled))
    mixed = np.concatenate([world.labeled[:1], world.candidates[:1]])
    assert next(iter(cycle.batches(mixed))).targets is None


class SeedsAndTrains(First):
    needs = MODEL

    def select(self, cycle, n):
        np.random.seed(0)
        cycle.model.network.train()
        return cycle.candidates[:n]


def test_one_item_explains_every_check_that_fails() -> None:
    from alkit.testing import StrategyTests

    class TestIt(StrategyTests):
        strategy = SeedsAndTrains

    with pytest.raises(Nonconforming) as raised:
        TestIt().test_task("segmentation")
    said = str(raised.value)
    names = [f"leaves-{what}-alone (segmentation)" for what in ("cycle", "process")]
    assert said.startswith(f"2 of {len(TASK_CHECKS)} checks failed: {', '.join(names)}\n")
    for name in names:
        assert f"\n{name}\n  checked   " in said and ADVICE["strategy"][name.partition(" (")[0]] in said
    assert isinstance(raised.value.__cause__, Nonconforming)  # whose traceback pytest shows as well


def test_one_item_is_skipped_where_no_check_applies() -> None:
    from alkit.testing import StrategyTests

    class TestIt(StrategyTests):
        strategy = Good

    with pytest.raises(pytest.skip.Exception, match="needs probabilities"):
        TestIt().test_task("regression")
