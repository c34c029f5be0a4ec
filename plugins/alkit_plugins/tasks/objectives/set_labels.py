"""What all tasks with a set of classes per image share: targets with unknowns, loss, metrics."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import torch
from torch import Tensor
from torch.nn import functional

from alkit import Metric, Output, option
from alkit.errors import InvalidAnswers, TrainingError
from alkit.interfaces import ClassSet, Labels

from .objective import Objective
from .set_metrics import set_metrics

if TYPE_CHECKING:
    from alkit import Batch

MOST_WEIGHT = 10.0
"""Of a rare class that applies, with balanced weights."""


@dataclass(kw_only=True)
class SetLabels(Objective):
    """Base of tasks that say for every class whether it applies, with a logistic loss for each.

    Targets are 1 for a class that applies, 0 for one that does not, and -1 for one of which nothing is known,
    which counts neither in the loss nor in metrics.

    Attributes:
        classes: names in the order of the outputs.
    """

    labels: ClassVar[type[Labels]] = ClassSet
    averages: ClassVar[bool] = True
    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric("mean_average_precision"),
        Metric("f1"),
        Metric("exact_match", is_share=True),
        Metric("loss", higher_is_better=False),
    )

    class_weights: Literal["none", "balanced"] = option(
        "none", "weights in the loss; balanced: a class that applies to few images counts more where it does"
    )

    classes: tuple[str, ...] = field(init=False, default=(), repr=False)

    def set_classes(self, classes: Sequence[str], device: torch.device) -> None:
        """Set the classes, as the first step of `build`."""
        self.classes, self._device = tuple(classes), device
        self._index = {name: number for number, name in enumerate(classes)}
        self._weight: Tensor | None = None

    @property
    def width(self) -> int:
        """One output a class."""
        return max(len(self.classes), 1)

    @property
    def num_classes(self) -> int:
        """Two: a class applies, or it does not."""
        return 2

    def output(self, prediction: Tensor, embedding: Tensor, features: tuple[Tensor, ...]) -> Output:
        """Return logits [B, L], and probabilities [B, 2, L] that a class does not apply, and that it does."""
        logits = prediction.float()
        probabilities = torch.stack([torch.sigmoid(-logits), torch.sigmoid(logits)], dim=1)
        return Output(prediction, probabilities, embedding, features)

    def encode(self, values: Sequence[Any]) -> Tensor:
        """Turn sets of names into rows [n, L] int8: 1 applies, 0 does not, -1 unknown."""
        targets = torch.zeros(len(values), self.width, dtype=torch.int8)
        for row, value in enumerate(values):
            known, unknown, others = ClassSet.split(value)
            strange = sorted(set(known) - set(self._index))
            if strange:
                raise InvalidAnswers(f"'{strange[0]}' is not a class; choose from {', '.join(self.classes)}")
            if others:
                targets[row] = -1
            for name in unknown:
                if name in self._index:
                    targets[row, self._index[name]] = -1
            for name in known:
                targets[row, self._index[name]] = 1
        return targets

    def losses(self, prediction: Tensor, targets: Tensor) -> Tensor:
        """Return the logistic loss per image, averaged over the classes that are known, [B]."""
        known = targets >= 0
        each = functional.binary_cross_entropy_with_logits(
            prediction,
            targets.clamp_min(0).to(prediction),
            pos_weight=None if self._weight is None else self._weight.to(prediction),
            reduction="none",
        )
        return (each * known).sum(dim=1) / known.sum(dim=1).clamp_min(1)

    def loss(self, output: Output, targets: Tensor) -> Tensor:
        """Return the loss per image, [B]."""
        return self.losses(output.prediction.float(), targets)

    def prepare(self, targets: Tensor) -> None:
        """Check that some class applies to some images and not to others, and weight classes."""
        present, absent = (targets == 1).sum(dim=0), (targets == 0).sum(dim=0)
        if not ((present > 0) & (absent > 0)).any():
            raise TrainingError(
                "the labels of all images say the same of every class, or nothing, but a "
                "network needs images that differ; label more images first, for example with "
                "'alkit query --strategy random'"
            )
        if self.class_weights == "balanced":
            self._weight = (absent / present.clamp_min(1)).clamp(1, MOST_WEIGHT).float().to(self._device)

    def evaluate(self, batches: Iterable[Batch]) -> dict[str, float]:
        """Return mean average precision, F1, the share of exact matches, the loss, and precision by class."""
        logits, wanted, total = [], [], 0.0
        self.network.eval()
        with torch.inference_mode():
            for batch in batches:
                assert isinstance(batch.targets, torch.Tensor)
                prediction = self.forward_batch(batch).prediction.float()
                total += float(self.losses(prediction, batch.targets).sum())
                logits.append(prediction.cpu())
                wanted.append(batch.targets.cpu())
        if not logits:
            return {}
        found = set_metrics(torch.cat(logits).numpy(), torch.cat(wanted).numpy(), self.classes)
        count = sum(map(len, wanted))
        loss = {"loss": total / count}
        by_class = {name: value for name, value in found.items() if name.startswith("ap_")}
        main = {name: value for name, value in found.items() if name not in by_class}
        return main | loss | by_class if found else {}
