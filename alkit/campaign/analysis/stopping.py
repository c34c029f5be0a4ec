"""Rules that end a run: a spent budget, a reached accuracy or other metric, a flat learning curve."""

from __future__ import annotations

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from alkit.errors import InvalidOption
from alkit.reporting.wording import metric_name
from alkit.utils.counts import counted

if TYPE_CHECKING:
    from .evidence import MetricPoint, Point

    Curve = Sequence[Point] | Sequence[MetricPoint]


SYNTAX = (
    "budget=LABELS, accuracy=TARGET or flat=GAIN:CYCLES, and target=METRIC:VALUE where the main metric is "
    "another"
)


class StoppingRule(ABC):
    """Base of the rules; `str(rule)` is how it is written.

    Attributes:
        needs_curve: it looks at the main metric on the test set.
    """

    needs_curve: ClassVar[bool] = True

    @property
    @abstractmethod
    def metric(self) -> str:
        """What that metric has to be; empty for any."""

    @abstractmethod
    def reason(self, curve: Curve, labels: int, n: int) -> str | None:
        """Return why it is time to stop, as a sentence, or None.

        Args:
            curve: main metric on the test set by number of labels, the newest last.
            labels: images with a label.
            n: images that the next query would ask for.
        """


@dataclass(frozen=True, slots=True)
class Budget(StoppingRule):
    """Stop before a query that could exceed a number of labels."""

    labels: int
    needs_curve: ClassVar[bool] = False
    metric: ClassVar[str] = ""

    def reason(self, curve: Curve, labels: int, n: int) -> str | None:
        """See `StoppingRule.reason`."""
        if labels + n <= self.labels:
            return None
        return f"With {counted(labels, 'label')}, {n:,} more would exceed the budget of {self.labels:,}."

    def __str__(self) -> str:
        return f"budget={self.labels}"


@dataclass(frozen=True, slots=True)
class Accuracy(StoppingRule):
    """Stop when the lower end of the test accuracy's 95 % interval (Wilson) reaches a target."""

    target: float
    metric: ClassVar[str] = "accuracy"

    def reason(self, curve: Curve, labels: int, n: int) -> str | None:
        """See `StoppingRule.reason`."""
        newest = getattr(curve[-1], "accuracy", None) if curve else None
        if newest is None or newest.low < self.target:
            return None
        return f"The test accuracy is {newest}; even the lower end reaches the target of {self.target}."

    def __str__(self) -> str:
        return f"accuracy={_written(self.target)}"


@dataclass(frozen=True, slots=True)
class Reached(StoppingRule):
    """Stop when the main metric, if it is not the accuracy, reaches a target on the test images."""

    name: str
    target: float

    @property
    def metric(self) -> str:
        """The metric by its name."""
        return self.name

    def reason(self, curve: Curve, labels: int, n: int) -> str | None:
        """See `StoppingRule.reason`."""
        newest = curve[-1] if curve else None
        higher, value = getattr(newest, "higher_is_better", True), getattr(newest, "value", None)
        if newest is None or value is None or newest.metric != self.metric:
            return None
        if value < self.target if higher else value > self.target:
            return None
        name = self.metric.replace("_", " ")
        return f"The test {name} is {value:.4f}, which reaches the target of {self.target:g}."

    def __str__(self) -> str:
        return f"target={self.name}:{_written(self.target)}"


@dataclass(frozen=True, slots=True)
class Flat(StoppingRule):
    """Stop when each of the last cycles gained less per 100 labels than a threshold, in the main metric."""

    gain: float
    cycles: int
    metric: ClassVar[str] = ""

    def reason(self, curve: Curve, labels: int, n: int) -> str | None:
        """See `StoppingRule.reason`; cycles that brought no labels do not count."""
        points: list[Point | MetricPoint] = [*curve]
        steps = [
            100 * (after.goodness - before.goodness) / (after.labels - before.labels)
            for before, after in itertools.pairwise(points)
            if after.labels > before.labels
        ][-self.cycles :]
        if len(steps) < self.cycles or max(steps) >= self.gain:
            return None
        return (
            f"In each of the last {counted(self.cycles, 'cycle')}, 100 labels gained less than {self.gain} "
            f"in test {metric_name(curve[-1].metric)}: {', '.join(f'{step:+.4f}' for step in steps)}."
        )

    def __str__(self) -> str:
        return f"flat={_written(self.gain)}:{self.cycles}"


def parse(text: str) -> StoppingRule:
    """Read a rule as it is written: `budget=2000`, `accuracy=0.9`, `flat=0.005:3`, `target=rmse:4.5`.

    Raises:
        InvalidOption: it is not a rule, or its numbers make no sense.
    """
    name, _, value = text.partition("=")
    try:
        return _RULES[name.strip()](value)
    except (KeyError, ValueError):
        raise InvalidOption(f"'{text}' is not a stopping rule; use {SYNTAX}") from None


def _budget(value: str) -> StoppingRule:
    _require(int(value) >= 1)
    return Budget(int(value))


def _accuracy(value: str) -> StoppingRule:
    _require(0 < float(value) < 1)
    return Accuracy(float(value))


def _reached(text: str) -> StoppingRule:
    metric, value = text.split(":")
    _require(metric.isidentifier() and math.isfinite(float(value)))
    return Reached(metric, float(value))


def _flat(value: str) -> StoppingRule:
    gain, cycles = value.split(":")
    _require(0 <= float(gain) < 1 and int(cycles) >= 1)
    return Flat(float(gain), int(cycles))


def _written(number: float) -> str:
    """Return a number with all its digits, so that different rules are written differently."""
    return repr(number).removesuffix(".0")


def _require(fits: bool) -> None:
    if not fits:
        raise ValueError


_RULES: dict[str, Callable[[str], StoppingRule]] = {
    "budget": _budget,
    "accuracy": _accuracy,
    "flat": _flat,
    "target": _reached,
}
