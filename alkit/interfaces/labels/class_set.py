"""Labels that are a set of classes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from .base import ImageFacts, Labels

SEPARATOR = ";"
NONE = "none"
"""The text of the empty set, unless a class has this name."""


@dataclass(kw_only=True)
class ClassSet(Labels):
    """Any number of classes per image; the value is the sorted list of their names.

    They are written as `cat;dog` or as a JSON list; `none` means that no class applies.
    """

    kind: ClassVar[str] = "classes"
    named: ClassVar[bool] = True

    def parse(self, text: str, image: ImageFacts) -> Any:
        """Return the sorted names."""
        written = text.strip()
        if written == NONE and NONE not in self.classes:
            return []
        if written.startswith("[") and written not in self.classes:
            names = _from_json(written)
        else:
            names = [part.strip() for part in written.split(SEPARATOR)]
            names = [name for name in names if name]
            if not names:
                raise ValueError("it names no class; write 'none' if no class applies")
        return sorted(set(names))

    def text(self, value: Any) -> str:
        """Return the names, separated by semicolons where no name has one."""
        if not value:
            return NONE if NONE not in self.classes else "[]"
        plain = SEPARATOR.join(value)
        if plain == NONE or plain.startswith("[") or any(SEPARATOR in n or n != n.strip() for n in value):
            return json.dumps(value, ensure_ascii=False)
        return plain

    def declared(self, words: Iterable[str]) -> Sequence[str]:
        """Return the classes of all sets."""
        return tuple(dict.fromkeys(name for word in words for name in self.parse(word, ImageFacts())))

    def can_name(self, name: str) -> bool:
        """Refuse names that would be read as several, too."""
        return super().can_name(name) and SEPARATOR not in name and not name.startswith("[") and name != NONE

    def names(self, value: Any) -> Sequence[str]:
        """Return all names."""
        return tuple(value)

    def agreement(self, first: Any, second: Any) -> float:
        """Return the F1 of the two sets; 1 if both are empty."""
        both = len(set(first) & set(second))
        return 2 * both / (len(first) + len(second)) if first or second else 1.0


def _from_json(text: str) -> list[str]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError('it should be a list of class names, as in cat;dog or ["cat", "dog"]') from error
    if not isinstance(found, list) or not all(isinstance(name, str) and name for name in found):
        raise ValueError("it should be a list of class names")
    return found
