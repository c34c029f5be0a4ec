"""What all tasks with numbers per image share: targets, loss, metrics, and the scale of the labels."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn

from alkit import Metric, Output, option
from alkit.errors import UnsupportedTask
from alkit.interfaces import Labels, Number

from .objective import Objective

if TYPE_CHECKING:
    from alkit import Batch

MEAN, DEVIATION = "alkit_label_mean", "alkit_label_deviation"
LEAST_LOG_VARIANCE, MOST_LOG_VARIANCE = -5.0, 5.0


@dataclass(kw_only=True)
class NumberLabels(Objective):
    """Base of tasks that predict numbers, with the squared error or the likelihood of a normal distribution.

    The head works with numbers of mean 0 and deviation 1; mean and deviation of the labels are buffers of the
    network, so that a checkpoint has them.
    """

    labels: ClassVar[type[Labels]] = Number
    gives: ClassVar[frozenset[str]] = frozenset({"numbers"})
    own_names: ClassVar[frozenset[str]] = frozenset({MEAN, DEVIATION})
    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric("rmse", higher_is_better=False),
        Metric("mae", higher_is_better=False),
        Metric("r2"),
        Metric("loss", higher_is_better=False),
    )

    numbers: int = option(1, "numbers per image; several are written as 0.5;1.25", minimum=1)
    low: float | None = option(None, "smallest number that a label may have")
    high: float | None = option(None, "largest number that a label may have")
    tolerance: float = option(0.0, "labels that differ by no more than this agree", minimum=0)
    heteroscedastic: bool = option(False, "also predict how far labels vary, for each image")

    classes: tuple[str, ...] = field(init=False, default=(), repr=False)

    def make_labels(
        self, classes: Sequence[str], *, slots: Sequence[str | None] = (), folder: Path | None = None
    ) -> Labels:
        """Return numbers as the options describe them."""
        low = -math.inf if self.low is None else self.low
        high = math.inf if self.high is None else self.high
        return Number(count=self.numbers, low=low, high=high, tolerance=self.tolerance)

    def set_classes(self, classes: Sequence[str], device: torch.device) -> None:
        """Take the device, as the first step of `build`; there are no classes."""
        self._device = device
        self._mean, self._deviation = torch.zeros(self.numbers), torch.ones(self.numbers)

    @property
    def width(self) -> int:
        """One output a number, and one more for its variance."""
        return self.numbers * (2 if self.heteroscedastic else 1)

    def given(self) -> frozenset[str]:
        """Say that labels can be drawn if their variances are predicted."""
        return self.gives | {"targets"} if self.heteroscedastic else self.gives

    def own_state(self, network: nn.Module) -> None:
        """Add mean and deviation of the labels."""
        network.register_buffer(MEAN, self._mean.to(self._device, copy=True))
        network.register_buffer(DEVIATION, self._deviation.to(self._device, copy=True))

    def output(self, prediction: Tensor, embedding: Tensor, features: tuple[Tensor, ...]) -> Output:
        """Return the head's outputs [B, width], and the numbers and variances that they mean."""
        mean, deviation = self.scale()
        raw = prediction.float()
        numbers, variances = raw[:, : self.numbers] * deviation + mean, None
        if self.heteroscedastic:
            variances = _log_variance(raw[:, self.numbers :]).exp() * deviation.square()
        return Output(prediction, None, embedding, features, numbers=numbers, variances=variances)

    def encode(self, values: Sequence[Any]) -> Tensor:
        """Turn numbers into rows [n, numbers] float32."""
        return torch.tensor(values, dtype=torch.float32).view(-1, self.numbers)

    def losses(self, prediction: Tensor, targets: Tensor) -> Tensor:
        """Return the loss per image, in units of the labels' deviation, averaged over the numbers, [B]."""
        mean, deviation = self.scale()
        errors = (prediction[:, : self.numbers] - (targets - mean) / deviation).square()
        if self.heteroscedastic:
            spread = _log_variance(prediction[:, self.numbers :])
            errors = (errors * (-spread).exp() + spread) / 2
        return errors.mean(dim=1)

    def loss(self, output: Output, targets: Tensor) -> Tensor:
        """Return the loss per image, [B].

        While a network trains, the likelihood of an image counts in proportion to the deviation predicted for
        it, so that images with a small one do not take over (Seitzer et al., On the Pitfalls of
        Heteroscedastic Uncertainty Estimation, ICLR 2022, with beta = 0.5).
        """
        prediction = output.prediction.float()
        losses = self.losses(prediction, targets)
        if self.heteroscedastic and self.network.training:
            spread = _log_variance(prediction[:, self.numbers :]).detach()
            losses = losses * (spread / 2).exp().mean(dim=1)
        return losses

    def targets_of(self, output: Output, generator: torch.Generator | None = None) -> Tensor:
        """Return the predicted numbers [B, numbers], or numbers drawn around them by the predicted variances.

        Raises:
            UnsupportedTask: numbers should be drawn, and no variances are predicted.
        """
        assert output.numbers is not None
        if generator is None:
            return output.numbers
        if output.variances is None:
            raise UnsupportedTask(
                f"the task '{self.name}' says how labels vary only with the option heteroscedastic=true"
            )
        noise = torch.randn(output.numbers.shape, generator=generator).to(output.numbers)
        return output.numbers + output.variances.sqrt() * noise

    def prepare(self, targets: Tensor) -> None:
        """Take mean and deviation of the labels."""
        deviation = targets.std(dim=0, unbiased=False)
        self._mean, self._deviation = targets.mean(dim=0), torch.where(deviation > 0, deviation, 1.0)
        for buffer, value in zip(self.scale(), (self._mean, self._deviation), strict=True):
            buffer.copy_(value)

    def evaluate(self, batches: Iterable[Batch]) -> dict[str, float]:
        """Return the root mean squared error, the mean absolute error, R² and the mean loss."""
        found, wanted, total = [], [], 0.0
        self.network.eval()
        with torch.inference_mode():
            for batch in batches:
                assert isinstance(batch.targets, torch.Tensor)
                output = self.forward_batch(batch)
                assert output.numbers is not None
                total += float(self.loss(output, batch.targets).sum())
                found.append(output.numbers.double().cpu())
                wanted.append(batch.targets.double().cpu())
        if not found:
            return {}
        targets = torch.cat(wanted)
        return number_metrics(torch.cat(found), targets) | {"loss": total / len(targets)}

    def scale(self) -> tuple[Tensor, Tensor]:
        """Return mean and deviation of the labels that the network was trained on, [K] each."""
        return self.network.get_buffer(MEAN), self.network.get_buffer(DEVIATION)


def number_metrics(found: Tensor, wanted: Tensor) -> dict[str, float]:
    """Return RMSE and MAE over all numbers [n, K], and R², the mean over those that vary."""
    errors = found - wanted
    total = (wanted - wanted.mean(dim=0)).square().sum(dim=0)
    varies = total > 0
    explained = 1 - errors.square().sum(dim=0)[varies] / total[varies]
    return {
        "rmse": float(errors.square().mean().sqrt()),
        "mae": float(errors.abs().mean()),
        "r2": float(explained.mean()) if varies.any() else 0.0,
    }


def _log_variance(raw: Tensor) -> Tensor:
    return raw.clamp(LEAST_LOG_VARIANCE, MOST_LOG_VARIANCE)
