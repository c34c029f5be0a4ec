"""What all tasks with one class per image share: targets, loss, metrics."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

import torch
from torch import Tensor
from torch.nn import functional

from alkit import Metric, Output, option
from alkit.errors import InvalidAnswers, TrainingError

from .objective import Objective

if TYPE_CHECKING:
    from alkit import Batch


@dataclass(kw_only=True)
class ClassLabels(Objective):
    """Base of tasks that give every image one class, with a cross-entropy loss.

    Attributes:
        classes: names in the order of the outputs.
    """

    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric("accuracy", is_share=True),
        Metric("balanced_accuracy"),
        Metric("loss", higher_is_better=False),
    )

    label_smoothing: float = option(
        0.0, "share of the target to spread over all classes", minimum=0, maximum=1
    )
    class_weights: Literal["none", "balanced"] = option(
        "none", "weights of classes in the loss; balanced: rare classes count more"
    )

    classes: tuple[str, ...] = field(init=False, default=(), repr=False)

    def set_classes(self, classes: Sequence[str], device: torch.device) -> None:
        """Set the classes, as the first step of `build`."""
        self.classes, self._device = tuple(classes), device
        self._index = {name: number for number, name in enumerate(classes)}
        self._class_weight: Tensor | None = None

    @property
    def width(self) -> int:
        """One output a class, at least two."""
        return max(len(self.classes), 2)

    def output(self, prediction: Tensor, embedding: Tensor, features: tuple[Tensor, ...]) -> Output:
        """Return logits [B, classes] with their softmax."""
        return Output(prediction, prediction.float().softmax(dim=1), embedding, features)

    def encode(self, values: Sequence[Any]) -> Tensor:
        """Turn class names into class numbers, [n] int64."""
        unknown = sorted({str(value) for value in values} - set(self._index))
        if unknown:
            raise InvalidAnswers(f"'{unknown[0]}' is not a class; choose from {', '.join(self.classes)}")
        return torch.tensor([self._index[str(value)] for value in values], dtype=torch.int64)

    def loss(self, output: Output, targets: Tensor) -> Tensor:
        """Return the cross-entropy per image, [B], weighted by class if the options say so."""
        return functional.cross_entropy(
            output.prediction.float(),
            targets,
            weight=self._class_weight,
            label_smoothing=self.label_smoothing if self.network.training else 0.0,
            reduction="none",
        )

    def evaluate(self, batches: Iterable[Batch]) -> dict[str, float]:
        """Return the accuracy, the accuracy averaged over classes, and the mean cross-entropy."""
        right = torch.zeros(self.spec.num_outputs, device=self._device)
        seen = torch.zeros_like(right)
        total = torch.zeros((), device=self._device)
        self.network.eval()
        with torch.inference_mode():
            for batch in batches:
                output, targets = self.forward_batch(batch), cast(Tensor, batch.targets)
                total += functional.cross_entropy(output.prediction.float(), targets, reduction="sum")
                hit = (output.prediction.argmax(dim=1) == targets).float()
                right.index_add_(0, targets, hit)
                seen.index_add_(0, targets, torch.ones_like(hit))
        count = float(seen.sum())
        if count == 0:
            return {}
        present = seen > 0
        return {
            "accuracy": float(right.sum()) / count,
            "balanced_accuracy": float((right[present] / seen[present]).mean()),
            "loss": float(total) / count,
        }

    def prepare(self, targets: Tensor) -> None:
        """Check that there are at least two classes, and weight them."""
        counts = torch.bincount(targets, minlength=self.spec.num_outputs)
        if int((counts > 0).sum()) < 2:
            only = self.classes[int(counts.argmax())] if self.classes else "?"
            found = f"all {len(targets)} labels are" if len(targets) > 1 else "the only label is"
            raise TrainingError(
                f"{found} '{only}', but a classifier needs at least two classes; label "
                "more images first, for example with 'alkit query --strategy random'"
            )
        if self.class_weights == "balanced":
            present = (counts > 0).sum()
            weight = counts.sum() / (present * counts.clamp_min(1))
            self._class_weight = weight.float().to(self._device)
