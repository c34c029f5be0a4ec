"""Task models that train in a tenth of a second: a label per image, a label per pixel, or a number."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from alkit.interfaces.labels import Mask, Number
from alkit.interfaces.task import TaskModel
from alkit.labeling.mask_files import VOID
from alkit.training.recipe import Recipe
from alkit.training.types import Metric, Output, Tap, TaskSpec
from alkit.utils import seeding

if TYPE_CHECKING:
    from alkit.data.loader import Batch


WIDTHS = (6, 10)


class TinyNetwork(nn.Module):
    """Two convolutions with batch normalization, and a head for the whole image or for every pixel.

    Batch normalization is there on purpose: it reveals when training mode is left on.
    """

    def __init__(self, channels: int, outputs: int, *, dense: bool) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(channels, WIDTHS[0], 3, 1, 1), nn.BatchNorm2d(WIDTHS[0]), nn.ReLU()
        )
        self.body = nn.Sequential(
            nn.Conv2d(WIDTHS[0], WIDTHS[1], 3, 2, 1), nn.BatchNorm2d(WIDTHS[1]), nn.ReLU()
        )
        self.dense = dense
        self.head: nn.Module = nn.Conv2d(WIDTHS[1], outputs, 1) if dense else nn.Linear(WIDTHS[1], outputs)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
        """Return the prediction [B, outputs] or [B, outputs, H, W], the embedding [B, D] and both maps."""
        stem = self.stem(images)
        body = self.body(stem)
        embedding = body.mean(dim=(2, 3))
        if not self.dense:
            return self.head(embedding), embedding, (stem, body)
        prediction = functional.interpolate(self.head(body), size=images.shape[2:])
        return prediction, embedding, (stem, body)


@dataclass(kw_only=True)
class TinyTask(TaskModel):
    """The common part of the small task models.

    Attributes:
        offers: what the task could provide.
        provides: what it does provide; the outputs lack the rest. All that it offers by default.
    """

    offers: ClassVar[frozenset[str]] = frozenset({"model", "loss", "embedding", "features"})
    dense: ClassVar[bool] = False
    metrics: ClassVar[tuple[Metric, ...]] = (Metric("loss", higher_is_better=False),)

    provides: frozenset[str] | None = None

    def build(self, image_shape: tuple[int, int, int], classes: Sequence[str], device: torch.device) -> None:
        """Make the network."""
        self.classes, self._device = tuple(classes), device
        channels, height, width = image_shape
        given = self.offers if self.provides is None else self.provides
        taps = (
            Tap("stem", WIDTHS[0], (height, width)),
            Tap("body", WIDTHS[1], ((height + 1) // 2, (width + 1) // 2)),
        )
        self.spec = TaskSpec(
            self.name,
            image_shape,
            max(len(classes), 1),
            given,
            taps if "features" in given else (),
            WIDTHS[1] if "embedding" in given else None,
            dense=self.dense,
        )
        self._channels = channels
        self.reset(0)

    def reset(self, seed: int) -> None:
        """Draw new weights."""
        with seeding.fence(seed):
            network = TinyNetwork(self._channels, self.spec.num_outputs, dense=self.dense)
        self.network = network.to(self._device)

    def forward(self, images: Tensor) -> Output:
        """Run the network; what the task does not provide is None.

        Raises:
            RuntimeError: the task provides no model.
        """
        given = self.spec.provides
        if "model" not in given:
            raise RuntimeError("there is no trained model, since the strategy's needs list none")
        prediction, embedding, features = self.network(images)
        return Output(
            prediction,
            prediction.float().softmax(dim=1) if given & {"probabilities", "targets"} else None,
            embedding if "embedding" in given else None,
            features if "features" in given else (),
            numbers=prediction if "numbers" in given else None,
        )

    def evaluate(self, batches: Iterable[Batch]) -> dict[str, float]:
        """Return the mean loss."""
        self.network.eval()
        with torch.inference_mode():
            losses = [
                self.loss(self.forward_batch(batch), batch.targets)
                for batch in batches
                if batch.targets is not None
            ]
        return {"loss": float(torch.cat(losses).mean())}

    def recipe(self, labeled: int) -> Recipe:
        """Take a few steps."""
        return Recipe(epochs=3, batch_size=8, learning_rate=0.05, precision="float32", augment=False)


@dataclass(kw_only=True)
class TinyClassification(TinyTask):
    """One of several classes per image."""

    name = "classification"
    offers = TinyTask.offers | {"probabilities", "targets"}

    def encode(self, values: Sequence[Any]) -> Tensor:
        """Turn class names into numbers, [n]."""
        return torch.tensor([self.classes.index(value) for value in values])

    def loss(self, output: Output, targets: Tensor) -> Tensor:
        """Return the cross-entropy, [B]."""
        return functional.cross_entropy(output.prediction, targets, reduction="none")


@dataclass(kw_only=True)
class TinySegmentation(TinyTask):
    """One of several classes per pixel."""

    name = "segmentation"
    labels = Mask
    offers = TinyTask.offers | {"probabilities", "targets"}
    dense = True

    def encode(self, values: Sequence[Any]) -> Tensor:
        """Stack label maps, [n, H, W]; they may also be given as arrays."""
        size = self.spec.image_shape[1:]
        maps = [
            self.known_labels.pixels(value, size)
            if isinstance(value, str) and isinstance(self.known_labels, Mask)
            else value
            for value in values
        ]
        return torch.from_numpy(np.array(maps, dtype=np.int64).reshape(-1, *size))

    def loss(self, output: Output, targets: Tensor) -> Tensor:
        """Return the cross-entropy averaged over the pixels that have a label, [B]."""
        losses = functional.cross_entropy(output.prediction, targets, ignore_index=VOID, reduction="none")
        return losses.sum(dim=(1, 2)) / (targets != VOID).sum(dim=(1, 2)).clamp_min(1)


@dataclass(kw_only=True)
class TinyRegression(TinyTask):
    """One number per image; there are no probabilities."""

    name = "regression"
    labels = Number
    offers = TinyTask.offers | {"numbers"}

    def encode(self, values: Sequence[Any]) -> Tensor:
        """Make a column of the numbers, [n, 1]."""
        return torch.tensor(values, dtype=torch.float32).view(-1, 1)

    def loss(self, output: Output, targets: Tensor) -> Tensor:
        """Return the squared error, [B]."""
        return (output.prediction - targets).square().mean(dim=1)


TASKS: dict[str, type[TinyTask]] = {
    model.name: model for model in (TinyClassification, TinySegmentation, TinyRegression)
}
