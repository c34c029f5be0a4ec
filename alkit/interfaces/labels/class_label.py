"""Labels that are one class."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from .base import ImageFacts, Labels


@dataclass(kw_only=True)
class ClassLabel(Labels):
    """One class per image; the value is its name."""

    kind: ClassVar[str] = "class"
    named: ClassVar[bool] = True

    def parse(self, text: str, image: ImageFacts) -> Any:
        """Return the name as it is."""
        return text

    def text(self, value: Any) -> str:
        """Return the name."""
        return str(value)

    def declared(self, words: Iterable[str]) -> Sequence[str]:
        """Return all of them."""
        return tuple(words)

    def names(self, value: Any) -> Sequence[str]:
        """Return the name."""
        return (str(value),)
