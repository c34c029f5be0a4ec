"""Labels that are numbers."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from .base import ImageFacts, Labels


@dataclass(kw_only=True)
class Number(Labels):
    """One number per image, or several; the value is a float or a list of floats.

    Attributes:
        count: how many numbers; several are written as `0.5;1.25`.
        low: smallest allowed value.
        high: largest allowed value.
        tolerance: values that differ by less than this agree; equal values always do.
    """

    kind: ClassVar[str] = "number"

    count: int = 1
    low: float = -math.inf
    high: float = math.inf
    tolerance: float = 0.0

    def is_blank(self, text: str) -> bool:
        """Take `nan` for a number, so that it is refused with its line."""
        return super().is_blank(text) and text.strip().lower() != "nan"

    def parse(self, text: str, image: ImageFacts) -> Any:
        """Return the number, or the list of several."""
        written = text.strip()
        parts = written.strip("[]").replace(",", ";").split(";") if self.count > 1 else [written]
        if len(parts) != self.count:
            raise ValueError(f"it should be {self.count} numbers, separated by semicolons, not {len(parts)}")
        numbers = [self._number(part) for part in parts]
        return numbers if self.count > 1 else numbers[0]

    def _number(self, text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            raise ValueError("it should be a number") from None
        if not math.isfinite(number):
            raise ValueError("it should be a finite number; leave the cell empty if there is no answer")
        if not self.low <= number <= self.high:
            raise ValueError(f"it should be between {self.low:g} and {self.high:g}")
        return number

    def text(self, value: Any) -> str:
        """Return all digits."""
        return ";".join(json.dumps(number) for number in _numbers(value))

    def agreement(self, first: Any, second: Any) -> float:
        """Return 1 if no number differs by more than the tolerance, otherwise 0."""
        pairs = zip(_numbers(first), _numbers(second), strict=True)
        return float(all(abs(one - other) <= self.tolerance for one, other in pairs))


def _numbers(value: Any) -> Sequence[float]:
    return value if isinstance(value, list) else [value]
