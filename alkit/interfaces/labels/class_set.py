"""Labels that are a set of classes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from alkit.labeling.given_answer import NOTHING

from .base import ImageFacts, Labels

SEPARATOR = ";"
UNKNOWN = "?"
"""Before a class of which nothing is known; alone, nothing is known of all classes that are not named."""


@dataclass(kw_only=True)
class ClassSet(Labels):
    """Any number of classes per image; the value is the sorted list of their names.

    They are written as `cat;dog` or as a JSON list; `none` means that no class applies. Classes that are not
    named do not apply, unless nothing is known of them: `cat;?dog` leaves open whether there is a dog, and
    `cat;?` leaves open all other classes.
    """

    kind: ClassVar[str] = "classes"
    named: ClassVar[bool] = True
    nothing: ClassVar[str] = NOTHING

    def parse(self, text: str, image: ImageFacts) -> Any:
        """Return the sorted names."""
        written = text.strip()
        if written == NOTHING and NOTHING not in self.classes:
            return []
        if written.startswith("[") and written not in self.classes:
            names = _from_json(written)
        else:
            names = [part.strip() for part in written.split(SEPARATOR)]
            names = [name for name in names if name]
            if not names:
                raise ValueError("it names no class; write 'none' if no class applies")
        self._check_unknown(names)
        return sorted(set(names))

    def _check_unknown(self, names: Sequence[str]) -> None:
        applying, unknown, _ = self.split(names)
        for name in unknown:
            if name in applying:
                raise ValueError(f"it says both that '{name}' applies and that this is unknown")
            if self.classes and name not in self.classes:
                raise ValueError(
                    f"'{UNKNOWN}{name}' names no class; the classes are {', '.join(self.classes)}"
                )

    @staticmethod
    def split(value: Sequence[str]) -> tuple[list[str], list[str], bool]:
        """Return the classes that apply, those of which nothing is known, and whether that is all others."""
        applying = [name for name in value if not name.startswith(UNKNOWN)]
        unknown = [name[len(UNKNOWN) :] for name in value if name.startswith(UNKNOWN) and name != UNKNOWN]
        return applying, unknown, UNKNOWN in value

    def effort(self, value: Any) -> Mapping[str, float]:
        """Return how many clicks it takes: one for each class that applies, and one to go on."""
        return {"clicks": len(self.split(value)[0]) + 1}

    def text(self, value: Any) -> str:
        """Return the names, separated by semicolons where no name has one."""
        if not value:
            return NOTHING if NOTHING not in self.classes else "[]"
        plain = SEPARATOR.join(value)
        if plain == NOTHING or plain.startswith("[") or any(SEPARATOR in n or n != n.strip() for n in value):
            return json.dumps(value, ensure_ascii=False)
        return plain

    def declared(self, words: Iterable[str]) -> Sequence[str]:
        """Return the classes of all sets."""
        values = [self.parse(word, ImageFacts()) for word in words]
        return tuple(dict.fromkeys(name for value in values for name in self.names(value)))

    def can_name(self, name: str) -> bool:
        """Refuse names that would be read as several, too."""
        plain = SEPARATOR not in name and not name.startswith(("[", UNKNOWN))
        return super().can_name(name) and plain and name != NOTHING

    def names(self, value: Any) -> Sequence[str]:
        """Return the classes that apply."""
        return tuple(self.split(value)[0])

    def agreement(self, first: Any, second: Any) -> float:
        """Return the F1 of the two sets where both know; 1 if no class applies in either."""
        one, other = (self.split(value) for value in (first, second))
        unknown = {*one[1], *other[1]}
        ours = {name for name in one[0] if name not in unknown and (not other[2] or name in other[0])}
        theirs = {name for name in other[0] if name not in unknown and (not one[2] or name in one[0])}
        both = len(ours & theirs)
        return 2 * both / (len(ours) + len(theirs)) if ours or theirs else 1.0


def _from_json(text: str) -> list[str]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError('it should be a list of class names, as in cat;dog or ["cat", "dog"]') from error
    if not isinstance(found, list) or not all(isinstance(name, str) and name for name in found):
        raise ValueError("it should be a list of class names")
    return found
