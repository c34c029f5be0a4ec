"""Each check of a task model or an oracle fails one that was broken on purpose."""

from __future__ import annotations

import dataclasses
import itertools

import pytest
import torch

from alkit.interfaces.labels import ClassLabel
from alkit.interfaces.oracle import Answer, Oracle
from alkit.testing import oracles, tasks
from alkit.testing.results import Nonconforming, title
from alkit.testing.toy_tasks import TinyClassification, TinySegmentation
from alkit.training.types import Metric, Output, PortableNetwork


class OtherSpec(TinyClassification):
    def build(self, image_shape, classes, device):
        super().build((1, *image_shape[1:]), classes, device)
        self._channels = image_shape[0]
        self.reset(0)


class Unnormalized(TinyClassification):
    def forward(self, images):
        output = super().forward(images)
        return Output(output.prediction, output.prediction.exp(), output.embedding, output.features)


class NoEmbedding(TinyClassification):
    def forward(self, images):
        output = super().forward(images)
        return Output(output.prediction, output.probabilities, None, output.features)


class SwappedTaps(TinyClassification):
    def forward(self, images):
        output = super().forward(images)
        return Output(output.prediction, output.probabilities, output.embedding, output.features[::-1])


class UsesBatch(TinyClassification):
    def forward(self, images):
        return super().forward(images - images.mean(dim=0))


class MeanLoss(TinyClassification):
    def loss(self, output, targets):
        return super().loss(output, targets).mean()


class DetachedLoss(TinyClassification):
    def loss(self, output, targets):
        return super().loss(output, targets).detach()


class OneTargetTooFew(TinyClassification):
    def encode(self, values):
        return super().encode(values)[1:]


class RelativeTargets(TinyClassification):
    def encode(self, values):
        return super().encode(values) - len(values)


class LeavesTargets(TinySegmentation):
    def recipe(self, labeled):
        return dataclasses.replace(super().recipe(labeled), augment=True)


class Forgetful(ClassLabel):
    def text(self, value):
        return str(value)[:1]


class ForgetfulLabels(TinyClassification):
    labels = Forgetful


class Unseeded(TinyClassification):
    counter = itertools.count()

    def reset(self, seed):
        super().reset(next(self.counter))


class AlwaysTheSame(TinyClassification):
    def reset(self, seed):
        super().reset(0)


class DoesNotTrain(TinyClassification):
    def fit(self, epoch_batches, companion, run):
        self.network.eval()


class StaysInTrainingMode(TinyClassification):
    def fit(self, epoch_batches, companion, run):
        super().fit(epoch_batches, companion, run)
        self.network.train()


class EvaluatesInTrainingMode(TinyClassification):
    def evaluate(self, batches):
        self.network.train()
        losses = [self.loss(self.forward(batch.images), batch.targets) for batch in batches]
        self.network.eval()
        return {"loss": torch.cat(losses).mean().item()}


class NoMetric(TinyClassification):
    def evaluate(self, batches):
        self.network.eval()
        return {}


class DeclaresOtherMetrics(TinyClassification):
    metrics = (Metric("accuracy", is_share=True),)


class Reversed(TinyClassification):
    def forward(self, images):
        output = super().forward(images)
        return Output(-output.prediction, output.probabilities, output.embedding, output.features)


class OtherOutputs(torch.nn.Module):
    """Gives every image the same probabilities."""

    def __init__(self, outputs=3):
        super().__init__()
        self.outputs = outputs

    def forward(self, images):
        return images.new_zeros(len(images), self.outputs)


def exported(network, source=""):
    return PortableNetwork(network=network.eval(), source=source, name="tiny", arguments={})


class ExportsAnother(TinyClassification):
    def portable(self):
        return exported(OtherOutputs())


class ExportsFewerOutputs(TinyClassification):
    def portable(self):
        return exported(OtherOutputs(2))


class NeedsAlkitToLoad(TinyClassification):
    def portable(self):
        return exported(self.network, "import alkit\n\ndef make_network():\n    return alkit")


class MakesNoNetwork(TinyClassification):
    def portable(self):
        return exported(self.network, "network = None")


class OtherTargets(TinyClassification):
    def targets_of(self, output, generator=None):
        return 2 - super().targets_of(output, generator)


class Pretrains(TinyClassification):
    pretrains = True

    def pretrain(self, pool, run):
        return {"head.bias": next(pool.epoch(0, 8)).images.mean(dim=(1, 2, 3))[:3]}


class PretrainsAnew(Pretrains):
    learned = itertools.count()

    def pretrain(self, pool, run):
        return {"head.bias": torch.full((3,), float(next(self.learned)))}


class ForgetsWhatItLearned(Pretrains):
    def start_from(self, weights):
        pass


TASK_FAULTS = [
    ("targets-of-outputs", OtherTargets),
    ("pretraining-is-repeatable", ForgetsWhatItLearned),
    ("pretraining-is-repeatable", PretrainsAnew),
    ("name", OtherSpec),
    ("outputs-as-specified", Unnormalized),
    ("outputs-as-specified", NoEmbedding),
    ("outputs-as-specified", SwappedTaps),
    ("one-image-alone", UsesBatch),
    ("loss-per-image", MeanLoss),
    ("loss-per-image", DetachedLoss),
    ("one-target-per-answer", OneTargetTooFew),
    ("one-target-per-answer", RelativeTargets),
    ("targets-follow-images", LeavesTargets),
    ("labels-are-read-back", ForgetfulLabels),
    ("reset-is-seeded", Unseeded),
    ("reset-is-seeded", AlwaysTheSame),
    ("trains", DoesNotTrain),
    ("trains", StaysInTrainingMode),
    ("evaluates", EvaluatesInTrainingMode),
    ("evaluates", NoMetric),
    ("evaluates", DeclaresOtherMetrics),
    ("probabilities-follow-predictions", Reversed),
    ("portable", ExportsAnother),
    ("portable", ExportsFewerOutputs),
    ("portable", NeedsAlkitToLoad),
    ("portable", MakesNoNetwork),
]
TASK_CHECKS = {title(check): check for check in tasks.CHECKS}


@pytest.mark.parametrize(("check", "fault"), TASK_FAULTS)
def test_a_fault_fails_its_check(check: str, fault: type[TinyClassification]) -> None:
    values = [] if fault.dense else ["cat", "dog", "owl", "dog", "cat"]
    subject = tasks.TaskSubject(fault, {}, ("cat", "dog", "owl"), values, (3, 9, 9))
    with pytest.raises(Nonconforming):
        TASK_CHECKS[check](subject)


def test_a_task_that_pretrains_conforms() -> None:
    subject = tasks.TaskSubject(Pretrains, {}, ("cat", "dog", "owl"), ["cat", "dog", "owl"], (3, 9, 9))
    TASK_CHECKS["pretraining-is-repeatable"](subject)


def test_every_check_of_a_task_has_a_fault() -> None:
    assert {check for check, _ in TASK_FAULTS} == set(TASK_CHECKS)


class Knows(Oracle):
    name = "knows"

    def label(self, indices):
        return {index: Answer("label", "cat") for index in indices}


class Volunteers(Knows):
    def label(self, indices):
        return super().label([*indices, 99])


class KnowsNothing(Knows):
    def label(self, indices):
        return {}


class BareWords(Knows):
    def label(self, indices):
        return dict.fromkeys(indices, "cat")


class StrangeKind(Knows):
    def label(self, indices):
        return {index: Answer("perhaps", "cat") for index in indices}  # type: ignore[arg-type]


class LabelWithoutValue(Knows):
    def label(self, indices):
        return {index: Answer("label") for index in indices}


class Wavers(Knows):
    words = itertools.cycle(["cat", "dog", "owl"])

    def label(self, indices):
        return {index: Answer("label", next(self.words)) for index in indices}


class ByPosition(Knows):
    def label(self, indices):
        return {index: Answer("label", f"class-{place}") for place, index in enumerate(indices)}


ORACLE_FAULTS = [
    ("answers-what-was-asked", Volunteers),
    ("answers-what-was-asked", KnowsNothing),
    ("answers-are-answers", BareWords),
    ("answers-are-answers", StrangeKind),
    ("answers-are-answers", LabelWithoutValue),
    ("answers-stay", Wavers),
    ("answers-stay", ByPosition),
]
ORACLE_CHECKS = {title(check): check for check in oracles.CHECKS}


@pytest.mark.parametrize(("check", "fault"), ORACLE_FAULTS)
def test_a_fault_of_an_oracle_fails_its_check(check: str, fault: type[Oracle]) -> None:
    with pytest.raises(Nonconforming):
        ORACLE_CHECKS[check](fault(), [4, 2, 7])


def test_every_check_of_an_oracle_has_a_fault() -> None:
    assert {check for check, _ in ORACLE_FAULTS} == set(ORACLE_CHECKS)


@pytest.mark.parametrize("check", ORACLE_CHECKS.values(), ids=title)
def test_a_good_oracle_passes(check) -> None:
    check(Knows(), [4, 2, 7])
