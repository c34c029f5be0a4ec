"""Rules that end a run: a spent budget, a reached accuracy, a flat learning curve."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from alkit.errors import InvalidOption

if TYPE_CHECKING:
    from .evidence import Point


SYNTAX = "budget=LABELS, accuracy=TARGET or flat=GAIN:CYCLES"


class StoppingRule(ABC):
    """Base of the rules; `str(rule)` is how it is written.

    Attributes:
        needs_curve: it looks at the accuracy on the test set.
    """

    needs_curve: ClassVar[bool] = True

    @abstractmethod
    def reason(self, curve: Sequence[Point], labels: int, n: int) -> str | None:
        """Return why it is time to stop, as a sentence, or None.

        Args:
            curve: accuracy on the test set by number of labels, the newest last.
            labels: images with a label.
            n: images that the next query would ask for.
        """


@dataclass(frozen=True, slots=True)
class Budget(StoppingRule):
    """Stop before a query that could exceed a number of labels."""

    labels: int
    needs_curve: ClassVar[bool] = False

    def reason(self, curve: Sequence[Point], labels: int, n: int) -> str | None:
        """See `StoppingRule.reason`."""
        if labels + n <= self.labels:
            return None
        return f"There are {labels:,} labels, and {n:,} more would exceed the budget of {self.labels:,}."

    def __str__(self) -> str:
        return f"budget={self.labels}"


@dataclass(frozen=True, slots=True)
class Accuracy(StoppingRule):
    """Stop when the lower end of the test accuracy's 95 % interval (Wilson) reaches a target."""

    target: float

    def reason(self, curve: Sequence[Point], labels: int, n: int) -> str | None:
        """See `StoppingRule.reason`."""
        if not curve or curve[-1].accuracy.low < self.target:
            return None
        return (
            f"The test accuracy is {curve[-1].accuracy}; even the lower end reaches the target of "
            f"{self.target}."
        )

    def __str__(self) -> str:
        return f"accuracy={_written(self.target)}"


@dataclass(frozen=True, slots=True)
class Flat(StoppingRule):
    """Stop when each of the last cycles gained less accuracy per 100 labels than a threshold."""

    gain: float
    cycles: int

    def reason(self, curve: Sequence[Point], labels: int, n: int) -> str | None:
        """See `StoppingRule.reason`; cycles that brought no labels do not count."""
        steps = [
            100 * (after.accuracy.value - before.accuracy.value) / (after.labels - before.labels)
            for before, after in itertools.pairwise(curve)
            if after.labels > before.labels
        ][-self.cycles :]
        if len(steps) < self.cycles or max(steps) >= self.gain:
            return None
        return (
            f"In each of the last {self.cycles:,} cycles, 100 labels gained less than {self.gain} in test "
            f"accuracy: {', '.join(f'{step:+.4f}' for step in steps)}."
        )

    def __str__(self) -> str:
        return f"flat={_written(self.gain)}:{self.cycles}"


def parse(text: str) -> StoppingRule:
    """Read a rule as it is written: `budget=2000`, `accuracy=0.9`, `flat=0.005:3`.

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


_RULES: dict[str, Callable[[str], StoppingRule]] = {"budget": _budget, "accuracy": _accuracy, "flat": _flat}
